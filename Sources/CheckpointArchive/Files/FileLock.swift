internal import Checkpoints
internal import Foundation
internal import Synchronization

/// An exclusive claim on a file, shared between processes and gone with the process that holds it.
///
/// The corresponding C function is `flock`; closing the descriptor releases the claim.
final class FileLock: Sendable {
    private let descriptor: Int32
    private let isDescribed = Atomic<Bool>(false)

    /// What somebody claims a run for.
    enum Purpose: String, Sendable {
        case writing = " is writing it"
        /// Work that ends by itself: whoever wants the run waits for it.
        case tidying = " is clearing it up"
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        // Whoever claims the file for a moment without a word is not taken for this process.
        if isDescribed.load(ordering: .relaxed) { ftruncate(descriptor, 0) }
        close(descriptor)
    }

    /// Claims the file if nobody else does; nil when it is taken.
    static func attempt(_ path: String) throws -> FileLock? {
        while true {
            let descriptor = try descriptor(for: path)
            while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                let code = errno
                if code == EINTR { continue }
                close(descriptor)
                if code == EWOULDBLOCK { return nil }
                throw SystemError("lock", path, code: code).userError
            }
            let lock = FileLock(descriptor: descriptor)
            // Whoever held it before may have removed the file; then others claim a new one.
            if FileIdentity(descriptor) == FileIdentity(path) { return lock }
        }
    }

    /// Claims the file if nobody else does, and says what for.
    static func attempt(_ path: String, for purpose: Purpose) throws -> FileLock? {
        let lock = try attempt(path)
        lock?.describe(purpose)
        return lock
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

    /// Longest wait for a process that clears up, in seconds.
    private static let patience = 60.0

    /// Claims the file of a run, or throws who is writing it.
    ///
    /// Whoever only clears up is waited for. So is a process that died: the file still names it while
    /// another one, which has not written its own name yet, looks at what it left.
    static func claim(
        _ path: String, for purpose: Purpose, subject: String, advice: String
    ) throws -> FileLock {
        let deadline = Date().timeIntervalSince1970 + patience
        var previous: LockHolder?
        while true {
            if let lock = try attempt(path, for: purpose) { return lock }
            let holder = LockHolder(at: path)
            // Twice the same, because the first answer can be older than the present claim.
            let isWriter = holder.isWriting && !holder.isDead && holder == previous
            guard !isWriter, Date().timeIntervalSince1970 < deadline else {
                throw UserError(
                    .failure, subject: subject, cause: holder.sentence, advice: advice)
            }
            previous = holder
            usleep(20_000)
        }
    }

    private func describe(_ purpose: Purpose) {
        let text = LockHolder.text(for: purpose)
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, text.utf8.count, 0) }
        isDescribed.store(true, ordering: .relaxed)
    }

    private static func descriptor(for path: String) throws -> Int32 {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError("lock", path).userError }
        return descriptor
    }
}

/// What a file of a claim says about who holds it.
struct LockHolder: Equatable {
    private let line: String

    /// What the process that claimed last wrote there.
    init(at path: String) {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        line = text.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// What this process writes about itself.
    static func text(for purpose: FileLock.Purpose) -> String {
        "process \(getpid()) on \(ProcessInfo.processInfo.hostName)\(purpose.rawValue)\n"
    }

    /// Who holds it and what for.
    var sentence: String {
        if line.isEmpty { return "another process\(FileLock.Purpose.writing.rawValue)" }
        // Earlier versions of Cairn named the process alone.
        let saysWhy = line.hasSuffix(FileLock.Purpose.writing.rawValue) || !isWriting
        return saysWhy ? line : line + FileLock.Purpose.writing.rawValue
    }

    var isWriting: Bool { !line.hasSuffix(FileLock.Purpose.tidying.rawValue) }

    /// Whether nobody is named or the process named is one of this machine that no longer lives.
    var isDead: Bool {
        let words = line.split(separator: " ")
        guard words.count >= 4, words[0] == "process", let process = pid_t(words[1]) else {
            return true
        }
        return words[3] == ProcessInfo.processInfo.hostName && kill(process, 0) != 0
            && errno == ESRCH
    }
}
