internal import Checkpoints
internal import Foundation
internal import Synchronization

/// The moments of a write at which a crash or an error must do no harm, in their order.
///
/// Tests stop or fail a write at each of them.
package enum WriteStep: String, Sendable, CaseIterable {
    case createTemporary
    case write
    case syncFile
    case rename
    case syncFolder
    case beginIndex
    case changeIndex
    case commitIndex
}

/// Called before each step of a write; throwing makes the step fail (for tests).
package typealias WriteHook = @Sendable (WriteStep) throws -> Void

/// Puts whole files into an archive so that they are either complete or absent.
///
/// A file is written in the archive's `temporary` folder, synced, renamed to its place, and the
/// folder of that place is synced. All temporary files lie in one folder so that what a crash left
/// there is found without walking the archive.
struct DurableFiles: Sendable {
    let temporaryFolder: String
    let storage: StorageKind
    let hook: WriteHook?
    let spares = SpareFiles()

    private static let counter = Atomic<Int>(0)
    private static let hostName = ProcessInfo.processInfo.hostName.filter { $0 != "-" && $0 != "/" }

    /// Writes a new file; an existing file of this name is replaced.
    func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = temporaryPath()
        do {
            try reach(.createTemporary)
            let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw SystemError("create", path) }
            defer { close(descriptor) }
            try reach(.write)
            try bytes.withUnsafeBytes {
                try DurableFiles.writeAll($0, to: descriptor, at: 0, path)
            }
            try reach(.syncFile)
            guard fsync(descriptor) == 0 else { throw SystemError("sync", path) }
            try move(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Removes a file that nobody needs, or keeps its blocks for a later new file.
    func retire(_ path: String) {
        guard storage == .local else {
            unlink(path)
            return
        }
        spares.retire(path, as: temporaryPath())
    }

    /// Lets `make` write a new file at a temporary path; an existing file of this name is replaced.
    func write<Result>(to path: String, making make: (String) throws -> Result) throws -> Result {
        let temporary = temporaryPath()
        do {
            try reach(.createTemporary)
            try reach(.write)
            let result = try make(temporary)
            try reach(.syncFile)
            try DurableFiles.sync(temporary)
            try move(temporary, to: path)
            return result
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Syncs a finished temporary file or folder and moves it to its place.
    func move(_ temporary: String, to path: String) throws {
        try reach(.rename)
        guard rename(temporary, path) == 0 else { throw SystemError("rename into place", path) }
        try reach(.syncFolder)
        try DurableFiles.sync((path as NSString).deletingLastPathComponent)
    }

    /// A path in the temporary folder that no other process uses.
    func temporaryPath() -> String {
        let number = DurableFiles.counter.add(1, ordering: .relaxed).newValue
        return "\(temporaryFolder)/\(getpid())-\(number)-\(DurableFiles.hostName).part"
    }

    /// Makes a folder and syncs the one it is in.
    func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw SystemError("create folder", path)
        }
        try DurableFiles.sync((path as NSString).deletingLastPathComponent)
    }

    /// Removes what processes that no longer live left in the temporary folder.
    ///
    /// Files of other hosts are left for a day, because their processes cannot be asked.
    func sweep() {
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: temporaryFolder)
        else { return }
        for entry in entries where entry.hasSuffix(".part") {
            let parts = entry.dropLast(5).split(separator: "-", maxSplits: 2)
            guard parts.count == 3, let process = pid_t(parts[0]) else { continue }
            let path = "\(temporaryFolder)/\(entry)"
            let isAbandoned: Bool
            if parts[2] == DurableFiles.hostName {
                isAbandoned = process != getpid() && kill(process, 0) != 0 && errno == ESRCH
            } else {
                isAbandoned = DurableFiles.secondsSinceChange(path) > 86_400
            }
            if isAbandoned { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    func reach(_ step: WriteStep) throws { try hook?(step) }

    /// Makes a folder's or file's present state survive a power cut.
    static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        defer { close(descriptor) }
        // Some network file systems cannot sync folders and say so; renames are synchronous there.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw SystemError("sync", path)
        }
    }

    /// Writes bytes to a place of a file, wherever its position is.
    static func writeAll(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int, _ path: String
    ) throws {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done,
                off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SystemError("write", path) }
            done += count
        }
    }

    /// Opens a file for reading while `body` runs with its descriptor and its size in bytes.
    static func reading<Value>(
        _ path: String, _ body: (_ descriptor: Int32, _ byteCount: Int) throws -> Value
    ) throws -> Value {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError("read", path) }
        return try body(descriptor, Int(status.st_size))
    }

    /// All bytes of a file.
    static func read(_ path: String) throws -> [UInt8] {
        try reading(path) { descriptor, byteCount in
            try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
                try readAll(descriptor, into: UnsafeMutableRawBufferPointer(buffer), at: 0, path)
                filled = byteCount
            }
        }
    }

    /// Fills memory with the bytes of a file from a place on; a file that ends before is an error.
    static func readAll(
        _ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: Int,
        _ path: String
    ) throws {
        var filled = 0
        while filled < bytes.count {
            let count = pread(
                descriptor, bytes.baseAddress?.advanced(by: filled), bytes.count - filled,
                off_t(offset + filled))
            if count < 0 && errno == EINTR { continue }
            // A file can become shorter meanwhile.
            guard count > 0 else { throw SystemError("read", path, code: count < 0 ? errno : EIO) }
            filled += count
        }
    }

    static func secondsSinceChange(_ path: String) -> Double {
        var status = stat()
        guard stat(path, &status) == 0 else { return 0 }
        return Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec)
    }
}

/// A failed call to the operating system, in words.
struct SystemError: Error {
    let userError: UserError
    private let code: Int32

    /// Whether a folder could not be moved to its place because there is one already.
    var saysThatNameIsTaken: Bool { code == ENOTEMPTY || code == EEXIST }

    /// The failure that `errno` tells of.
    init(_ action: String, _ path: String) {
        self.init(action, path, code: errno)
    }

    init(_ action: String, _ path: String, code: Int32) {
        self.code = code
        let advice =
            switch code {
            case ENOSPC, EDQUOT: "free some space and try again"
            case EFBIG: "raise the limit on file size (ulimit -f) and try again"
            case EACCES, EPERM, EROFS: "check the permissions of the archive"
            default: ""
            }
        userError = UserError(
            .failure, subject: path, cause: "cannot \(action): \(String(cString: strerror(code)))",
            advice: advice)
    }
}
