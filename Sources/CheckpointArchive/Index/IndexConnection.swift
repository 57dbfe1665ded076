internal import Checkpoints
internal import Foundation
internal import GRDB
internal import Synchronization
internal import SystemFiles

/// A connection to the index that can tell whether its files are still those in their places.
///
/// SQLite goes on with files that were deleted or replaced under it, where nobody finds what it
/// writes. Looking costs three calls of `stat`.
final class IndexConnection: Sendable {
    private struct Opened {
        let queue: DatabaseQueue
        let files: IndexFiles
    }

    private let paths: ArchivePaths
    private let open: @Sendable () throws -> DatabaseQueue
    private let opened: Mutex<Opened>

    /// Opens the index with `open`, which also opens it anew when it has been replaced.
    init(_ paths: ArchivePaths, open: @escaping @Sendable () throws -> DatabaseQueue) throws {
        self.paths = paths
        self.open = open
        opened = Mutex(
            try IndexReplaced.retrying(paths) { try IndexConnection.open(paths, open) })
    }

    var queue: DatabaseQueue { opened.withLock(\.queue) }

    /// Whether the files of the index are those that this connection works with.
    var isCurrent: Bool { opened.withLock(\.files).areInPlace(paths) }

    /// Whether the index itself, without its log, is the file that this connection works with.
    var hasSameIndex: Bool { opened.withLock(\.files.index) == IndexFiles(paths).index }

    /// Runs `body` on the connection; what fails because files went meanwhile is `IndexReplaced`.
    func use<Value>(_ body: (DatabaseQueue) throws -> Value) throws -> Value {
        do {
            return try body(queue)
        } catch is DatabaseError where !isCurrent {
            throw IndexReplaced()
        }
    }

    /// Whether the log or its shared memory in place is still that of this connection.
    var hasSameLog: Bool {
        let (mine, present) = (opened.withLock(\.files), IndexFiles(paths))
        return mine.log != nil && mine.log == present.log
            || mine.sharedMemory != nil && mine.sharedMemory == present.sharedMemory
    }

    /// Opens the index that is there now; whoever still uses the connection before ends with it.
    func reopen() throws {
        let fresh = try IndexConnection.open(paths, open)
        opened.withLock { $0 = fresh }
    }

    func close() throws { try queue.close() }

    private static func open(
        _ paths: ArchivePaths, _ open: () throws -> DatabaseQueue
    ) throws -> Opened {
        let before = IndexFiles(paths)
        do {
            let queue = try open()
            let files = IndexFiles(paths)
            // It may have been made by opening it, but not replaced meanwhile.
            guard before.index == nil || before.index == files.index else { throw IndexReplaced() }
            return Opened(queue: queue, files: files)
        } catch is DatabaseError where !before.areInPlace(paths) && before.index != nil {
            throw IndexReplaced()
        }
    }
}

/// Which files make up the index.
private struct IndexFiles {
    let index: FileIdentity?
    /// The write-ahead log and its shared memory, where there are any.
    let log: FileIdentity?
    let sharedMemory: FileIdentity?

    init(_ paths: ArchivePaths) {
        index = FileIdentity(paths.indexFile)
        log = FileIdentity(paths.indexFile + "-wal")
        sharedMemory = FileIdentity(paths.indexFile + "-shm")
    }

    func areInPlace(_ paths: ArchivePaths) -> Bool {
        guard let index, index == FileIdentity(paths.indexFile) else { return false }
        // A connection that found neither does not use them.
        return (log == nil || log == FileIdentity(paths.indexFile + "-wal"))
            && (sharedMemory == nil || sharedMemory == FileIdentity(paths.indexFile + "-shm"))
    }
}

/// The index was deleted or replaced under a connection; nothing was read or written.
struct IndexReplaced: Error {
    /// Runs `body` again where the index is replaced under it; `prepare` comes before that.
    static func retrying<Value>(
        _ paths: ArchivePaths, _ body: () throws -> Value,
        prepare: () throws -> Void = {}
    ) throws -> Value {
        var isReplaced = false
        for attempt in 0..<8 {
            do {
                if isReplaced { try prepare() }
                return try body()
            } catch is IndexReplaced {
                isReplaced = true
                // Whoever replaces one file after the other needs a moment.
                usleep(UInt32(1_000 << attempt))
            }
        }
        throw UserError(
            .failure, subject: paths.indexFile,
            cause: "it was deleted or replaced again and again while it was being used",
            advice: "end what does so, then run `cairn reindex`")
    }
}
