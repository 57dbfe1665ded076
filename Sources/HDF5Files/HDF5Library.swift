internal import CHDF5
internal import Foundation

/// The one door to the HDF5 library: its lock, its start and its error stack.
///
/// HDF5 is not concurrent, whatever the build says, so every call is made while holding one lock.
/// The lock is recursive because handles are released inside other calls. Nothing that takes
/// another lock (SQLite's, above all) may run inside it.
enum HDF5Library {
    private static let lock: NSRecursiveLock = {
        let lock = NSRecursiveLock()
        lock.withLock {
            // Handles may outlive `main`; the library's own exit handler would pull them away.
            _ = H5dont_atexit()
            _ = H5open()
        }
        return lock
    }()

    /// Runs `body` while no other thread is in the library.
    static func locked<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        // Printing is switched off per thread in thread-safe builds, so every entry does it.
        _ = H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
        return try body()
    }

    /// Makes one call that answers a negative number on failure.
    @discardableResult
    static func check<Status: SignedInteger>(
        _ function: String, _ subject: @autoclosure () -> String, _ call: () -> Status
    ) throws(HDF5Error) -> Status {
        try locked { () throws(HDF5Error) -> Status in
            let status = call()
            guard status >= 0 else {
                // Read before the lock is released: the next call clears the stack.
                throw HDF5Error(function: function, subject: subject(), frames: errorStack())
            }
            return status
        }
    }

    private static func errorStack() -> [HDF5Error.Frame] {
        var frames: [HDF5Error.Frame] = []
        _ = unsafe withUnsafeMutablePointer(to: &frames) { pointer in
            unsafe H5Ewalk2(
                hid_t(H5E_DEFAULT), H5E_WALK_UPWARD,
                { _, entry, context in
                    guard let entry = unsafe entry?.pointee,
                        let frames = unsafe context?.assumingMemoryBound(
                            to: [HDF5Error.Frame].self)
                    else { return 0 }
                    unsafe frames.pointee.append(
                        HDF5Error.Frame(
                            function: unsafe text(entry.func_name), cause: unsafe text(entry.desc),
                            line: Int(entry.line)))
                    return 0
                }, pointer)
        }
        return frames
    }
}

/// A C text; empty for a null pointer.
///
/// It is outside the type so that a C callback can use it.
private func text(_ pointer: UnsafePointer<CChar>?) -> String {
    unsafe pointer.map { unsafe String(cString: $0) } ?? ""
}

/// A failed call into the HDF5 library, with the library's own account of it.
package struct HDF5Error: Error, Sendable, CustomStringConvertible {
    /// One line of the library's error stack.
    package struct Frame: Sendable, Equatable {
        package let function: String
        package let cause: String
        package let line: Int
    }

    /// The C function that was called.
    package let function: String
    /// The file, group, dataset or attribute it was called for.
    package let subject: String
    /// Innermost first; the cause is usually in the first frame.
    package let frames: [Frame]

    package init(function: String, subject: String, frames: [Frame]) {
        self.function = function
        self.subject = subject
        self.frames = frames
    }

    /// A contradiction that the library itself did not see, such as an unexpected shape.
    package static func mismatch(_ subject: String, _ cause: String) -> HDF5Error {
        HDF5Error(
            function: "read", subject: subject,
            frames: [Frame(function: "", cause: cause, line: 0)])
    }

    /// The innermost reason the library gave.
    package var cause: String {
        let cause = frames.first.map(\.cause) ?? ""
        return cause.isEmpty ? "\(function) failed" : "HDF5: \(cause)"
    }

    /// The error number of the system call that failed, where the library tells one.
    package var systemCode: Int32? {
        let mark = "errno = "
        return frames.lazy.compactMap { frame in
            frame.cause.ranges(of: mark).first.flatMap {
                Int32(frame.cause[$0.upperBound...].prefix { $0.isNumber })
            }
        }.first
    }

    package var description: String { "\(subject): \(cause)" }
}

/// Owns one HDF5 identifier and releases it exactly once.
struct Identifier: ~Copyable, Sendable {
    /// The library's number; valid as long as this value is borrowed.
    let number: hid_t

    /// Takes ownership of what `call` answers.
    init(
        _ function: String, _ subject: @autoclosure () -> String, _ call: () -> hid_t
    ) throws(HDF5Error) {
        number = try HDF5Library.check(function, subject(), call)
    }

    /// Releases now and reports a failed flush, which `deinit` cannot.
    consuming func close(_ subject: String) throws(HDF5Error) {
        let number = number
        discard self
        try HDF5Library.check("H5Idec_ref", subject) { H5Idec_ref(number) }
    }

    deinit {
        let number = number
        HDF5Library.locked { _ = H5Idec_ref(number) }
    }
}
