internal import CSQLite
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
        /// Whether it was opened as one that does not change.
        let isUnchanging: Bool
        /// The copy that it reads instead of the index.
        let copy: String?
        var isGivenUp = false
    }

    private let paths: ArchivePaths
    private let open: @Sendable () throws -> DatabaseQueue
    private let opened: Mutex<Opened>

    /// Opens the index with `open`, which also opens it anew when it has been replaced.
    init(_ paths: ArchivePaths, open: @escaping @Sendable () throws -> DatabaseQueue) throws {
        self.paths = paths
        self.open = open
        opened = Mutex(
            try IndexConnection.retrying(paths) { try IndexConnection.open(paths, open) })
    }

    var queue: DatabaseQueue { opened.withLock(\.queue) }

    /// Whether the files of the index are those that this connection works with.
    var isCurrent: Bool {
        let opened = opened.withLock(\.self)
        return !opened.isGivenUp && opened.files.areInPlace(paths)
            && (!opened.isUnchanging || IndexAddress.isUnchanging(paths.indexFile))
            && opened.copy == PrivateIndexCopy.path(of: paths.indexFile)
    }

    /// Runs `body` on the connection; what fails because files went meanwhile is `replacedIndex`.
    func use<Value>(_ body: (DatabaseQueue) throws -> Value) throws -> Value {
        do {
            return try body(queue)
        } catch is DatabaseError where !isCurrent {
            throw ArchiveError(.replacedIndex, file: paths.indexFile)
        } catch let error as RowDecodingError {
            // SQLite keeps any value in any column, and an index may come from elsewhere.
            throw ArchiveError(
                .damagedIndex, file: paths.indexFile,
                cause: "a row of it is not of its type (\("\(error)".prefix(200)))",
                underlying: error)
        }
    }

    /// Opens the index that is there now; work that still uses the connection before ends with it.
    func reopen() throws {
        let fresh = try IndexConnection.open(paths, open)
        opened.withLock { $0 = fresh }
    }

    func close() throws { try queue.close() }

    /// Ends the work with files of which some are no longer in their places; returns whether this is
    /// the first time.
    ///
    /// The log is not folded: it belongs to nothing that is there. What is left of it would be taken
    /// for the log of the index that comes into the place. The caller holds `index.lock`.
    func giveUp() -> Bool {
        let isFirst = opened.withLock { opened in
            defer { opened.isGivenUp = true }
            return !opened.isGivenUp
        }
        guard isFirst else { return false }
        let (queue, mine) = opened.withLock { ($0.queue, $0.files) }
        queue.inDatabase {
            _ = sqlite_set_option($0.sqliteConnection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        }
        try? queue.close()
        let present = IndexFiles(paths)
        if let log = mine.log, log == present.log, mine.index != present.index {
            try? ArchiveIndex.setLogAside(paths)
        } else if let memory = mine.sharedMemory, memory == present.sharedMemory {
            try? paths.index("-shm").remove()
        }
        return true
    }

    private static func open(
        _ paths: ArchivePaths, _ open: () throws -> DatabaseQueue
    ) throws -> Opened {
        let before = IndexFiles(paths)
        let isUnchanging = IndexAddress.isUnchanging(paths.indexFile)
        do {
            let queue = try open()
            let files = IndexFiles(paths)
            // It may have been made by opening it, but not replaced meanwhile.
            guard before.index == nil || before.index == files.index else {
                throw ArchiveError(.replacedIndex, file: paths.indexFile)
            }
            return Opened(
                queue: queue, files: files, isUnchanging: isUnchanging,
                copy: PrivateIndexCopy.path(of: paths.indexFile))
        } catch is DatabaseError where !before.areInPlace(paths) && before.index != nil {
            throw ArchiveError(.replacedIndex, file: paths.indexFile)
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

extension IndexConnection {
    /// Runs `body` again where the index is replaced under it.
    static func retrying<Value>(
        _ paths: ArchivePaths, _ body: () throws -> Value
    ) throws -> Value {
        for attempt in 0..<8 {
            do {
                return try body()
            } catch let error as ArchiveError where error.code == .replacedIndex {
                // A program that replaces one file after the other needs a moment.
                usleep(UInt32(1_000 << attempt))
            }
        }
        throw ArchiveError(
            .unusable, file: paths.indexFile,
            cause: "it was deleted or replaced again and again while it was being used",
            advice: "end what does so, then run `cairn reindex`")
    }
}
