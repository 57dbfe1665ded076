internal import Checkpoints
internal import Foundation

/// A file being written: it appears under its name when it is complete, or not at all.
package final class TargetFile {
    private let path: String
    private let temporaryPath: String
    private let replacing: Bool
    private var descriptor: Int32
    /// The bytes written so far.
    package private(set) var byteCount = 0

    /// Begins a file beside its place.
    ///
    /// Errors: the file exists and `replacing` is false, or its folder cannot be written.
    package init(path: String, replacing: Bool) throws {
        self.path = path
        self.replacing = replacing
        guard replacing || access(path, F_OK) != 0 else {
            throw UserError.usage(
                subject: path, cause: "it exists already",
                advice: "choose another name, or remove it first")
        }
        temporaryPath = "\(path).\(UUID().uuidString.prefix(8)).partial"
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw UserError(
                .failure, subject: path,
                cause: "it cannot be written (\(String(cString: strerror(errno))))",
                advice: "check that its folder exists and is writable")
        }
    }

    /// Lets something else write the file under a temporary name, then gives it its own.
    package static func write(
        to path: String, replacing: Bool, _ body: (_ temporary: String) throws -> Void
    ) throws {
        let target = try TargetFile(path: path, replacing: replacing)
        // The writer makes the file itself; `target` removes whatever there is after an error.
        unlink(target.temporaryPath)
        try body(target.temporaryPath)
        close(target.descriptor)
        target.descriptor = open(target.temporaryPath, O_WRONLY | O_CLOEXEC)
        guard target.descriptor >= 0 else { throw target.failure() }
        try target.commit()
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporaryPath)
    }

    /// Appends bytes.
    package func write(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map {
                    Foundation.write(descriptor, $0 + done, buffer.count - done)
                } ?? 0
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw failure() }
            done += written
        }
        byteCount += bytes.count
    }

    /// Makes the file durable and gives it its name.
    package func commit() throws {
        guard fsync(descriptor) == 0 else { throw failure() }
        close(descriptor)
        descriptor = -1
        // Without leave to replace, a file that appeared meanwhile wins: `link` never overwrites.
        let status = replacing ? rename(temporaryPath, path) : renameWithoutReplacing()
        let error = status == 0 ? nil : failure()
        if !replacing || status != 0 { unlink(temporaryPath) }
        if let error { throw error }
    }

    /// Gives the file its name where nobody has it; -1 and `errno` where somebody has.
    private func renameWithoutReplacing() -> Int32 {
        if link(temporaryPath, path) == 0 { return 0 }
        // Some file systems have no second names; there an empty file takes the name first.
        guard [EPERM, ENOTSUP, EMLINK, ENOSYS].contains(errno) else { return -1 }
        let placeholder = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard placeholder >= 0 else { return -1 }
        close(placeholder)
        if rename(temporaryPath, path) == 0 { return 0 }
        let code = errno
        unlink(path)
        errno = code
        return -1
    }

    private func failure() -> UserError {
        UserError(
            .failure, subject: path,
            cause: "it cannot be written (\(String(cString: strerror(errno))))")
    }
}
