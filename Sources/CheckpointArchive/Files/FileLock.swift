internal import Checkpoints
internal import Foundation
internal import Synchronization
internal import SystemFiles

/// An exclusive claim on a file, shared between processes and gone with the process that holds it.
///
/// The corresponding C function is `flock`; closing the descriptor releases the claim.
final class FileLock: Sendable {
    private let file: OpenFile
    private let isDescribed = Atomic<Bool>(false)

    /// What a run is claimed for.
    enum Purpose: String, Sendable {
        case writing = " is writing it"
        /// Work that ends by itself: others wait for it.
        case tidying = " is clearing it up"
    }

    private init(_ file: OpenFile) { self.file = file }

    deinit {
        // Another process that claims the file for a moment without a word is not taken for this one.
        if isDescribed.load(ordering: .relaxed) { try? file.truncate(to: 0) }
    }

    /// Claims the file if no other process does; nil when it is taken.
    static func attempt(_ path: RootedPath) throws -> FileLock? {
        while true {
            let file = try path.open(.creatingIfMissing)
            guard try file.claim() else { return nil }
            // The process that held it may have removed the file; then others claim a new one.
            if try file.status().identity == path.status()?.identity { return FileLock(file) }
        }
    }

    /// Claims the file if no other process does, and says what for.
    static func attempt(_ path: RootedPath, for purpose: Purpose) throws -> FileLock? {
        let lock = try attempt(path)
        lock?.describe(purpose)
        return lock
    }

    /// Claims the file, waiting up to `seconds` for others to let go.
    static func wait(_ path: RootedPath, seconds: Double) throws -> FileLock {
        // The clock of the day can be set meanwhile.
        let deadline = ContinuousClock.now + .seconds(seconds)
        var pause: UInt32 = 200
        while true {
            if let lock = try attempt(path) { return lock }
            guard ContinuousClock.now < deadline else {
                throw ArchiveError(
                    .busy, file: path.absolute,
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
    /// A process that only clears up is waited for. So is one that died: the file still names it while
    /// another one, which has not written its own name yet, looks at what it left.
    static func claim(
        _ path: RootedPath, for purpose: Purpose, subject: String, advice: String
    ) throws -> FileLock {
        let deadline = ContinuousClock.now + .seconds(patience)
        var previous: LockHolder?
        while true {
            if let lock = try attempt(path, for: purpose) { return lock }
            let holder = LockHolder(at: path)
            // Twice the same, because the first answer can be older than the present claim.
            let isWriter = holder.isWriting && !holder.isDead && holder == previous
            guard !isWriter, ContinuousClock.now < deadline else {
                throw ArchiveError(
                    .busy, run: subject, cause: holder.sentence, advice: advice)
            }
            previous = holder
            usleep(20_000)
        }
    }

    /// Writes something into the file that stays when the claim ends; returns whether it was empty.
    func mark() -> Bool {
        guard (try? file.byteCount) == 0 else { return false }
        // An empty file says as much to the process that finds it first.
        try? file.write([UInt8(ascii: "+")])
        return true
    }

    private func describe(_ purpose: Purpose) {
        // Who it is helps people; the claim holds without it, on a full disk too.
        try? file.truncate(to: 0)
        try? file.write(Array(LockHolder.text(for: purpose).utf8))
        isDescribed.store(true, ordering: .relaxed)
    }
}

/// What a file of a claim says about who holds it.
struct LockHolder: Equatable {
    private let line: String
    private static let largestByteCount = 1_000

    /// What the process that claimed last wrote there.
    init(at path: RootedPath) {
        let file = try? path.open()
        let byteCount = min((try? file?.byteCount) ?? 0, LockHolder.largestByteCount)
        let text = String(decoding: (try? file?.read([0..<byteCount])) ?? [], as: UTF8.self)
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
