internal import CHDF5
internal import Synchronization

/// Owns one HDF5 identifier and releases it exactly once.
struct Identifier: ~Copyable, Sendable {
    /// The library's number; valid as long as this value is borrowed.
    private(set) var number: hid_t
    /// The file that is being written and that this is a part of; nil for what is only read, and for
    /// types, spaces and property lists, which hold nothing back.
    let written: WrittenObjects?

    private static let closed: hid_t = -1

    /// Takes ownership of what `call` answers.
    init(
        _ function: String, _ subject: @autoclosure () -> String,
        of written: WrittenObjects? = nil, _ call: () -> hid_t
    ) throws(HDF5Error) {
        number = try HDF5Library.check(function, subject(), call)
        self.written = written
    }

    /// Releases now and reports a failed flush, which `deinit` cannot.
    consuming func close(_ subject: String) throws(HDF5Error) {
        let number = number
        // Whatever comes of it: what could not be closed must not be closed again.
        self.number = Identifier.closed
        try HDF5Library.check("H5Idec_ref", subject) { H5Idec_ref(number) }
    }

    deinit {
        guard number != Identifier.closed else { return }
        written?.noteDropped()
        let number = number
        HDF5Library.locked { _ = H5Idec_ref(number) }
    }
}

/// Whether each object of a file that is being written was closed with a look at the status.
///
/// The library writes some bytes of an object only when it is closed. Where `deinit` closes it, as when
/// an error ends the writing, nobody learns whether that went well, so the file cannot be finished.
final class WrittenObjects: Sendable {
    private let hasDropped = Atomic<Bool>(false)

    fileprivate func noteDropped() { hasDropped.store(true, ordering: .relaxed) }

    /// Throws if an object was released without a look at the status.
    func requireChecked(_ path: String) throws(HDF5Error) {
        guard !hasDropped.load(ordering: .relaxed) else {
            throw .mismatch(path, "an object of it was not closed before the file")
        }
    }
}
