internal import ArchiveSchema
internal import CSQLite
internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

/// The SQLite file of an archive and the rules for touching it.
///
/// Every write transaction and every checkpoint of the write-ahead log happens under one lock
/// between processes, `index.lock`. So two connections never write or checkpoint at once, which
/// SQLite 3.7.0 to 3.51.2 can answer with a corrupt file (the WAL-reset bug, fixed in 3.51.3), and
/// no writer of Cairn's ever finds the database busy because of another.
struct ArchiveIndex: Sendable {
    let paths: ArchivePaths
    let storage: StorageKind
    private let hook: WriteHook?
    let writer: IndexConnection?
    private let reader: IndexConnection

    /// Longest wait for other processes, in seconds.
    static let patience = 120.0
    /// The log is folded into the database when it is longer than this many bytes.
    static let largestLogByteCount = 8 << 20

    /// Opens the index for reading, and for writing if asked, migrating it to this version.
    init(paths: ArchivePaths, isWritable: Bool, creating: Bool, hook: WriteHook?) throws {
        self.paths = paths
        self.hook = hook
        storage = StorageKind.of(paths.root)
        let path = paths.indexFile
        do {
            if !creating { try ArchiveIndex.requireExistence(paths) }
            try ArchiveIndex.requireRegularFiles(paths)
            let present =
                ArchiveIndex.byteCount(of: "", paths) > 0 ? try ArchiveIndex.openReader(paths) : nil
            if let present {
                try ArchiveIndex.requireOwn(present.queue, paths, isWritable: isWritable)
            }
            guard isWritable else {
                writer = nil
                reader = try present ?? ArchiveIndex.openReader(paths)
                return
            }
            try? present?.close()
            let storage = storage
            // Switching to a write-ahead log and migrating must not meet another process that does the
            // same.
            let lock = try FileLock.wait(paths.indexLock, seconds: ArchiveIndex.patience)
            writer = try withExtendedLifetime(lock) {
                try ArchiveIndex.clearRemains(paths)
                return try ArchiveIndex.openWriter(paths, storage)
            }
            reader = try ArchiveIndex.openReader(paths)
        } catch let error as DatabaseError {
            throw ArchiveError.using(index: path, failed: error)
        }
    }

    /// Runs `body` on the reading connection inside a read transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try retrying {
            try ArchiveIndex.recovering(paths) { try read(reader, body) }
        }
    }

    /// When a transaction reaches the disk.
    enum Durability: Sendable {
        /// Before `write` returns.
        case synced
        /// With the next synced transaction, or when the system pleases.
        ///
        /// A power cut can take the transaction back, but never leaves half of it, and never takes
        /// back a synced one. It is for rows that add a durable file of a run which is marked as
        /// running: opening the archive takes in the files that such a run has beside its rows.
        case recoverable
    }

    /// Whether the index is the one that the writing connection works with.
    var isCurrent: Bool { writer?.isCurrent ?? true }

    /// Ends the work with an index that was deleted or replaced; returns whether this is the first
    /// time.
    func giveUp() -> Bool {
        // Without the lock, which another process can keep for long, little is lost.
        let lock = try? FileLock.wait(paths.indexLock, seconds: 5)
        return withExtendedLifetime(lock) { writer?.giveUp() ?? false }
    }

    /// Runs `body` on a connection to the index that is in its place now.
    func read<Value>(
        _ reader: IndexConnection, _ body: (Database) throws -> Value
    ) throws -> Value {
        try requireInPlace()
        if !reader.isCurrent {
            guard writer == nil else { throw ArchiveError(.replacedIndex, file: paths.indexFile) }
            try reader.reopen()
        }
        return try reader.use { try $0.read(body) }
    }

    /// Throws where there is no index, or another one than that which this process writes to.
    func requireInPlace() throws {
        guard isCurrent else { throw ArchiveError(.replacedIndex, file: paths.indexFile) }
        if writer == nil { try ArchiveIndex.requireExistence(paths) }
    }

    /// Runs `body` inside a write transaction that either happens completely or not at all.
    ///
    /// Throws `replacedIndex` before anything else where the index is not the one that was opened.
    func write<Value>(
        durability: Durability = .synced, _ body: (Database) throws -> Value
    ) throws -> Value {
        guard let writer else {
            throw ArchiveError(
                .unusable, file: paths.root, cause: "the archive is open for reading only")
        }
        let lock = try FileLock.wait(paths.indexLock, seconds: ArchiveIndex.patience)
        return try withExtendedLifetime(lock) {
            guard writer.isCurrent else {
                throw ArchiveError(.replacedIndex, file: paths.indexFile)
            }
            try hook?(.beginIndex)
            let value = try retrying {
                try writer.use { queue in
                    try queue.writeWithoutTransaction { db in
                        try syncing(durability, db) { try transact(db, body) }
                    }
                }
            }
            try foldLog()
            return value
        }
    }

    /// Runs `body` in a transaction.
    private func transact<Value>(
        _ db: Database, _ body: (Database) throws -> Value
    ) throws -> Value {
        var value: Value?
        try db.inTransaction(.immediate) {
            try hook?(.changeIndex)
            value = try body(db)
            try RunsWide.update(db)
            try hook?(.commitIndex)
            return .commit
        }
        guard let value else { preconditionFailure("a committed transaction has a value") }
        return value
    }

    /// Runs `body` with commits that wait for the disk, or do not where a lost tail is harmless.
    ///
    /// With a write-ahead log, a commit that is not synced is found whole or not at all after a
    /// power cut, by the checksums of the log. A rollback journal has no such guarantee.
    private func syncing<Value>(
        _ durability: Durability, _ db: Database, _ body: () throws -> Value
    ) throws -> Value {
        guard durability == .recoverable, storage == .local, !ScratchFolders.hold(paths.root) else {
            return try body()
        }
        try db.execute(sql: "PRAGMA synchronous = NORMAL")
        let result = Result { try body() }
        try db.execute(sql: "PRAGMA synchronous = FULL")
        return try result.get()
    }

    /// Closes both connections; what is in the log is folded if no other program is reading.
    func close() {
        try? reader.close()
        guard let writer else { return }
        // The last connection of all moves the log, which counts as a checkpoint.
        let lock = try? FileLock.wait(paths.indexLock, seconds: 1)
        withExtendedLifetime(lock) {
            if writer.isCurrent { try? writer.close() } else { _ = writer.giveUp() }
        }
    }

    /// Makes transactions that were `recoverable` outlast a power cut.
    func syncLog() throws {
        let log = paths.index("-wal")
        guard storage == .local, log.exists else { return }
        try log.open().sync()
    }

    /// Folds the write-ahead log into the database; the caller holds `index.lock`.
    private func foldLog() throws {
        guard storage == .local, let writer else { return }
        guard ArchiveIndex.byteCount(of: "-wal", paths) > ArchiveIndex.largestLogByteCount else {
            return
        }
        // PASSIVE never waits for readers: what they still need is folded next time. A failure
        // here loses nothing, the log stays.
        try? writer.queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA wal_checkpoint(PASSIVE)")
        }
    }

    private func retrying<Value>(_ body: () throws -> Value) throws -> Value {
        var attempt = 0
        while true {
            do {
                return try body()
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_BUSY && attempt < 20
            {
                // Programs other than Cairn do not take index.lock.
                attempt += 1
                usleep(UInt32(5_000 * attempt))
            } catch let error as DatabaseError {
                throw ArchiveError.using(index: paths.indexFile, failed: error)
            }
        }
    }
}

extension ArchiveIndex {
    /// The most bytes of one value; an index from a stranger must not take the memory of the machine.
    static let largestValueByteCount = 64 << 20

    private static func limitValues(_ db: Database) {
        _ = sqlite3_limit(
            db.sqliteConnection, SQLITE_LIMIT_LENGTH, Int32(largestValueByteCount))
    }

    private static func configuration(
        _ storage: StorageKind, isScratch: Bool
    ) -> Configuration {
        var configuration = Configuration()
        configuration.label = "cairn.index"
        configuration.busyMode = .timeout(patience)
        configuration.prepareDatabase { db in
            limitValues(db)
            try db.execute(sql: "PRAGMA trusted_schema = OFF")
            switch storage {
            case .local:
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                // Only `foldLog` moves the log, under the lock.
                try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
                // A log that was folded is begun anew at its old length, and would be folded again
                // after every transaction.
                try db.execute(sql: "PRAGMA journal_size_limit = \(largestLogByteCount / 8)")
            case .network:
                try db.execute(sql: "PRAGMA journal_mode = TRUNCATE")
                try db.execute(sql: "PRAGMA mmap_size = 0")
            }
            // NORMAL can lose the last commits when the power fails; see `Durability`.
            try db.execute(sql: "PRAGMA synchronous = \(isScratch ? "OFF" : "FULL")")
            try db.execute(sql: "PRAGMA cache_size = -16000")
        }
        return configuration
    }

    /// Takes away what is left of a deleted index, or of its deleted log.
    ///
    /// SQLite would take it for part of what it opens, and never leaves either so itself.
    private static func clearRemains(_ paths: ArchivePaths) throws {
        if byteCount(of: "", paths) == 0 {
            try setLogAside(paths)
        } else if !paths.index("-wal").exists, paths.index("-shm").exists {
            try paths.index("-shm").remove()
        }
    }

    /// Takes the log out of its place, into the quarantine if anything is in it.
    static func setLogAside(_ paths: ArchivePaths) throws {
        let log = paths.index("-wal")
        if byteCount(of: "-wal", paths) > 0 {
            try paths.quarantineFolder.makeFolder()
            try log.rename(
                to: Archive.freePath(paths.quarantineFolder.appending("index"), ".sqlite-wal"))
        }
        for suffix in ["-wal", "-shm"] where paths.index(suffix).exists {
            try paths.index(suffix).remove()
        }
    }

    /// Opens the index for writing and migrates it to this version; the caller holds `index.lock`.
    private static func openWriter(
        _ paths: ArchivePaths, _ storage: StorageKind
    ) throws -> IndexConnection {
        try IndexConnection(paths) {
            let queue = try DatabaseQueue(
                path: paths.indexFile,
                configuration: configuration(storage, isScratch: ScratchFolders.hold(paths.root)))
            try migrate(queue, paths)
            // What others have defined would run with the statements that come.
            if let foreign = try queue.read(IndexSchema.foreignDefinition) {
                throw ArchiveError(.damagedIndex, file: paths.indexFile, cause: foreign)
            }
            return queue
        }
    }

    static func openReader(_ paths: ArchivePaths) throws -> IndexConnection {
        try IndexConnection(paths) { try openReadingQueue(paths) }
    }

    private static func openReadingQueue(_ paths: ArchivePaths) throws -> DatabaseQueue {
        try requireRangeLocks(paths)
        var configuration = Configuration()
        configuration.label = "cairn.index.reader"
        configuration.readonly = true
        configuration.busyMode = .timeout(patience)
        configuration.prepareDatabase { db in
            limitValues(db)
            // What an index from elsewhere defines calls nothing that could do harm.
            try db.execute(sql: "PRAGMA trusted_schema = OFF")
            try db.execute(sql: "PRAGMA query_only = 1")
            try db.execute(sql: "PRAGMA mmap_size = 0")
            try db.execute(sql: "PRAGMA cache_size = -16000")
        }
        return try recovering(paths) {
            // Opening reads the schema.
            try DatabaseQueue(
                path: IndexAddress.uri(readingFrom: paths.indexFile), configuration: configuration)
        }
    }

    /// Refuses at once a file system on which SQLite would wait in vain for its locks.
    private static func requireRangeLocks(_ paths: ArchivePaths) throws {
        // Nobody locks this file; a new archive gets it last.
        guard let file = try? paths.formatFile.open(), !file.canLockRanges else { return }
        throw ArchiveError(
            .unusable, file: paths.root,
            cause: "its file system has no locks on ranges of bytes, which the index needs",
            advice: "start its lock service, or copy the archive to another file system")
    }

    static func requireExistence(_ paths: ArchivePaths) throws {
        guard paths.index("").exists else {
            throw ArchiveError(
                .unusable, file: paths.indexFile, cause: "the index is missing",
                advice: "run `cairn reindex` to rebuild it from the checkpoint files")
        }
    }

    /// "Cairn" in hexadecimal would be five bytes; this is "Crn1".
    private static let applicationID = 0x4372_6e31

    /// Refuses a database of another program and an index of a version that cannot be used, before
    /// anything is written.
    private static func requireOwn(
        _ queue: DatabaseQueue, _ paths: ArchivePaths, isWritable: Bool
    ) throws {
        let (program, version, isEmpty) = try recovering(paths) {
            try queue.read { db in
                (
                    try Int.fetchOne(db, sql: "PRAGMA application_id"),
                    try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0,
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
                )
            }
        }
        guard program == applicationID || program == 0 && isEmpty else {
            throw ArchiveError(
                .unusable, file: paths.indexFile,
                cause: "it is a database of another program, which is left as it is",
                advice: "move it away, then run `cairn reindex`")
        }
        guard version <= ArchiveSchema.currentVersion else {
            throw ArchiveError(
                .unusable, file: paths.indexFile,
                cause: "it was made by a newer Cairn (index version \(version), this one knows "
                    + "\(ArchiveSchema.currentVersion))",
                advice: "use that version, or a different archive")
        }
        guard version == ArchiveSchema.currentVersion || isWritable else {
            throw ArchiveError(
                .outdatedIndex, file: paths.indexFile,
                cause: "its version \(version) must be brought to "
                    + "\(ArchiveSchema.currentVersion), and the archive is open for reading only")
        }
    }

    /// SQLite opens the index and the files beside it by their paths, and follows links.
    private static func requireRegularFiles(_ paths: ArchivePaths) throws {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            try paths.index(suffix).requireRegularIfPresent()
        }
    }

    /// Runs the migrations that the index does not have yet, keeping a copy of what was there.
    private static func migrate(_ queue: DatabaseQueue, _ paths: ArchivePaths) throws {
        let version = try queue.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
        let pending = ArchiveSchema.migrations.filter { $0.version > version }
        guard !pending.isEmpty else { return }
        if version > 0 {
            let backup = paths.path("index-version-\(version).sqlite")
            if backup.exists { try backup.remove() }
            try queue.writeWithoutTransaction {
                try $0.execute(sql: "VACUUM INTO ?", arguments: [backup.absolute])
            }
        }
        try queue.writeWithoutTransaction { db in
            try db.inTransaction(.immediate) {
                for migration in pending { try db.execute(sql: migration.sql) }
                if version > 0 { try IndexRows.renewRoles(db) }
                try RunsWide.update(db)
                try db.execute(sql: "PRAGMA user_version = \(ArchiveSchema.currentVersion)")
                try db.execute(sql: "PRAGMA application_id = \(applicationID)")
                return .commit
            }
        }
    }

    /// The size of the index or of a file beside it; 0 where there is none.
    static func byteCount(of suffix: String, _ paths: ArchivePaths) -> Int {
        (try? paths.index(suffix).fileByteCount()) ?? 0
    }
}
