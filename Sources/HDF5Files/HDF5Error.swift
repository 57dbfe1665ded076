internal import CHDF5

/// A failed call into the HDF5 library, with the library's own account of it.
package struct HDF5Error: Error, Sendable, CustomStringConvertible {
    /// The part of the library that failed.
    package enum Major: Sendable, Equatable {
        /// Reading and writing of a file's bytes.
        case io
        /// Opening and closing of files.
        case file
        /// What stands between the library and the system's files.
        case virtualFile
        case other
    }

    /// What failed there.
    package enum Minor: Sendable, Equatable {
        case write
        case read
        case open
        case close
        case seek
        case other
    }

    /// One line of the library's error stack.
    package struct Frame: Sendable, Equatable {
        package let function: String
        package let major: Major
        package let minor: Minor
        package let cause: String
        package let line: Int

        /// Whether a call of the operating system failed here.
        fileprivate var isOfSystem: Bool { major != .other && minor != .other }
    }

    /// The C function that was called.
    package let function: String
    /// The file, group, dataset or attribute it was called for.
    package let subject: String
    /// Innermost first; the cause is usually in the first frame.
    package let frames: [Frame]
    /// The error number of the system call that failed; nil where none did.
    package let systemCode: Int32?

    init(function: String, subject: String, frames: [Frame], errorNumber: Int32) {
        self.function = function
        self.subject = subject
        self.frames = frames
        systemCode = errorNumber != 0 && frames.contains(where: \.isOfSystem) ? errorNumber : nil
    }

    /// A contradiction that the library itself did not see, such as an unexpected shape.
    package static func mismatch(_ subject: String, _ cause: String) -> HDF5Error {
        let frame = Frame(function: "", major: .other, minor: .other, cause: cause, line: 0)
        return HDF5Error(function: "read", subject: subject, frames: [frame], errorNumber: 0)
    }

    /// The innermost reason the library gave.
    package var cause: String {
        let cause = frames.first.map(\.cause) ?? ""
        return cause.isEmpty ? "\(function) failed" : "HDF5: \(cause)"
    }

    package var description: String { "\(subject): \(cause)" }
}

extension HDF5Error.Major {
    /// The part that a number of the library stands for.
    init(number: hid_t) {
        self =
            switch number {
            case hdf5_major_io(): .io
            case hdf5_major_file(): .file
            case hdf5_major_virtual_file(): .virtualFile
            default: .other
            }
    }
}

extension HDF5Error.Minor {
    /// The failure that a number of the library stands for.
    init(number: hid_t) {
        self =
            switch number {
            case hdf5_minor_write(): .write
            case hdf5_minor_read(): .read
            case hdf5_minor_open(): .open
            case hdf5_minor_close(): .close
            case hdf5_minor_seek(): .seek
            default: .other
            }
    }
}
