internal import Checkpoints
internal import Foundation

/// An exclusive claim on a file, shared between processes and gone with the process that holds it.
///
/// The corresponding C function is `flock`; closing the descriptor releases the claim.
final class FileLock: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Claims the file if nobody else does; nil when it is taken.
    static func attempt(_ path: String) throws -> FileLock? {
        let descriptor = try descriptor(for: path)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            close(descriptor)
            if code == EWOULDBLOCK { return nil }
            throw SystemError("lock", path, code: code).userError
        }
        return FileLock(descriptor: descriptor)
    }

    /// Claims the file, waiting up to `seconds` for others to let go.
    static func wait(_ path: String, seconds: Double) throws -> FileLock {
        let deadline = Date().timeIntervalSince1970 + seconds
        var pause: UInt32 = 200
        while true {
            if let lock = try attempt(path) { return lock }
            guard Date().timeIntervalSince1970 < deadline else {
                throw UserError(
                    .failure, subject: path,
                    cause: "another process has held this lock for \(Int(seconds)) s",
                    advice: "end that process or try again later")
            }
            usleep(pause)
            pause = min(pause * 2, 10_000)
        }
    }

    /// Writes who holds the claim, for others to read.
    func describeHolder() {
        let text = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, text.utf8.count, 0) }
    }

    /// What the present holder wrote about itself.
    static func holder(_ path: String) -> String {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first.map(String.init) ?? ""
        return line.isEmpty ? "another process" : line
    }

    private static func descriptor(for path: String) throws -> Int32 {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError("lock", path).userError }
        return descriptor
    }
}
