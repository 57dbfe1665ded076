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
            errno = 0
            let status = call()
            guard status >= 0 else {
                let code = errno
                // Read before the lock is released: the next call clears the stack.
                throw HDF5Error(
                    function: function, subject: subject(), frames: errorStack(),
                    errorNumber: code)
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
                            function: unsafe text(entry.func_name),
                            major: unsafe HDF5Error.Major(number: entry.maj_num),
                            minor: unsafe HDF5Error.Minor(number: entry.min_num),
                            cause: unsafe text(entry.desc), line: Int(entry.line)))
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
