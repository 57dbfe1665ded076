internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension ArchiveIndex {
    /// Runs `body`, and once more after undoing what a writer left half done when it died.
    ///
    /// A connection that only reads can neither play a rollback journal back nor rebuild the
    /// shared memory of a write-ahead log. SQLite does both as soon as a connection that may write
    /// looks at the database.
    static func recovering<Value>(
        _ paths: ArchivePaths, _ body: () throws -> Value
    ) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError where needsRecovery(error, paths) {
            try recover(paths)
            return try body()
        }
    }

    private static func needsRecovery(_ error: DatabaseError, _ paths: ArchivePaths) -> Bool {
        // Without permission to make the shared memory of a log, SQLite only says that it cannot open
        // the index.
        if error.resultCode == .SQLITE_CANTOPEN { return byteCount(of: "-wal", paths) > 0 }
        return switch error.extendedResultCode {
        case .SQLITE_READONLY_ROLLBACK, .SQLITE_READONLY_RECOVERY, .SQLITE_READONLY_CANTINIT: true
        default: false
        }
    }

    private static func recover(_ paths: ArchivePaths) throws {
        guard access(paths.root, W_OK) == 0, access(paths.indexFile, W_OK) == 0 else {
            return try PrivateIndexCopy.make(paths)
        }
        let lock = try FileLock.wait(paths.indexLock, seconds: patience)
        try withExtendedLifetime(lock) {
            var configuration = Configuration()
            configuration.label = "cairn.index.recovery"
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA trusted_schema = OFF") }
            configuration.busyMode = .timeout(patience)
            let queue = try DatabaseQueue(path: paths.indexFile, configuration: configuration)
            // The first read finds the journal and plays it back.
            _ = try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
            try queue.close()
        }
    }

    /// Whether a rollback journal stands beside the index, whose pages the index then needs.
    ///
    /// A finished journal is gone, empty, or begins with zeros.
    static func hasJournal(_ paths: ArchivePaths) -> Bool {
        guard let journal = try? paths.index("-journal").open(),
            let byteCount = try? journal.byteCount
        else { return false }
        return (try? journal.read([0..<min(8, byteCount)]))?.contains { $0 != 0 } ?? false
    }
}
