package import Checkpoints
internal import Foundation

/// Why a file or a folder could not be used.
package struct FileError: Error, Sendable, Equatable {
    package enum Reason: Sendable, Equatable {
        /// A call to the system failed with this `errno`.
        case code(Int32)
        /// It is a symbolic link, or a folder on the way to it is one.
        case link
        /// It is a folder, a pipe, a socket or a device.
        case notRegular
        /// It is something else than a folder.
        case notFolder
        /// The path leads out of the folder that it should be in.
        case outside
        /// The file ends before the bytes that were asked for.
        case short
    }

    /// What was tried, for example `open`.
    package let action: String
    package let path: String
    package let reason: Reason

    package init(_ action: String, _ path: String, _ reason: Reason) {
        self.action = action
        self.path = path
        self.reason = reason
    }

    /// The failure of the call to the system before.
    static func last(_ action: String, _ path: String) -> FileError {
        FileError(action, path, .code(errno))
    }

    /// Whether there is nothing at the path.
    package var isMissing: Bool { reason == .code(ENOENT) || reason == .code(ENOTDIR) }

    /// Whether something is there already.
    package var isTaken: Bool { reason == .code(EEXIST) || reason == .code(ENOTEMPTY) }

    /// What is wrong, without the path.
    package var cause: String {
        switch reason {
        case .code(let code): "cannot \(action): \(String(cString: strerror(code)))"
        case .link: "cannot \(action): it is a symbolic link or in a folder that is one"
        case .notRegular: "cannot \(action): it is not a regular file"
        case .notFolder: "cannot \(action): it is not a folder"
        case .outside: "cannot \(action): the path leads out of its folder"
        case .short: "cannot \(action): the file is shorter than it should be"
        }
    }
}

extension FileError: UserErrorConvertible {
    package var userError: UserError {
        switch reason {
        case .code(let code):
            let advice =
                switch code {
                case ENOSPC, EDQUOT: "free some space and try again"
                case EFBIG: "raise the limit on file size (ulimit -f) and try again"
                case EACCES, EPERM, EROFS: "check the permissions"
                case EXDEV:
                    "a folder of the archive is on another file system; move the archive as a whole"
                default: ""
                }
            return UserError(.failure, subject: path, cause: cause, advice: advice)
        case .short: return .integrity(subject: path, cause: cause)
        case .link, .notRegular, .notFolder, .outside:
            return .integrity(
                subject: path, cause: cause,
                advice: "look at where it came from, then replace it or move it away")
        }
    }
}
