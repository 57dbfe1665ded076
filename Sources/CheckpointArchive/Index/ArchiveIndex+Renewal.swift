internal import ArchiveSchema
internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension ArchiveIndex {
    /// Whether the index is the one that the writing connection works with.
    var isCurrent: Bool { writer?.isCurrent ?? true }

    /// Runs `body` on a connection to the index that is in its place now.
    ///
    /// Where there is none, whoever can write is to make one, and others hear that it is missing.
    func read<Value>(
        _ reader: IndexConnection, _ body: (Database) throws -> Value
    ) throws -> Value {
        if !reader.isCurrent {
            if writer != nil {
                guard isCurrent else { throw IndexReplaced() }
            } else {
                try ArchiveIndex.requireExistence(paths)
            }
            try reader.reopen()
        }
        return try reader.use { try $0.read(body) }
    }

    /// Opens the index that has come into the place of the one this process worked with; where it
    /// is gone, or the files beside it are, puts back what this process still has open of it.
    func renew(_ files: DurableFiles) throws {
        guard let writer else { return }
        let lock = try FileLock.wait(paths.indexLock, seconds: ArchiveIndex.patience)
        try withExtendedLifetime(lock) {
            guard !writer.isCurrent else { return }
            do {
                if !paths.index("").exists || writer.hasSameIndex {
                    try Archive.mapErrors { try putBack(writer.queue, files) }
                } else if writer.hasSameLog {
                    removeLog()
                }
                do {
                    try open(writer)
                } catch let error as DatabaseError
                    where [.SQLITE_IOERR, .SQLITE_CANTOPEN].contains(error.resultCode)
                {
                    // Its log is gone, or is not its own; or there is another cause, and what is in
                    // the log is not lost.
                    try Archive.mapErrors { try setLogAside(files) }
                    try open(writer)
                }
            } catch let error as DatabaseError {
                throw ArchiveIndex.userError(error, paths.indexFile)
            }
        }
    }

    /// Opens the index that is in place for writing, unless a newer Cairn made it.
    private func open(_ writer: IndexConnection) throws {
        if paths.index("").exists {
            // Whoever may write undoes by himself what a killed process left half done.
            let present = try DatabaseQueue(path: paths.indexFile)
            let version = try present.read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
            try present.close()
            try ArchiveIndex.requireKnown(version ?? 0, paths)
        }
        try writer.reopen()
    }

    /// Puts a copy of what the connection sees into the index's place, or nothing where that is not
    /// sound; what stood there goes into the quarantine then.
    private func putBack(_ queue: DatabaseQueue, _ files: DurableFiles) throws {
        let copy = files.temporaryPath()
        defer { try? copy.remove() }
        let isSound = (try? ArchiveIndex.copy(queue, to: copy.absolute)) ?? false
        if !isSound, paths.index("").exists {
            try paths.quarantineFolder.makeFolder()
            let target = Archive.freePath(paths.quarantineFolder.appending("index"), ".sqlite")
            try files.move(paths.index(""), to: target)
            try setLogAside(files)
        }
        removeLog()
        guard isSound else { return }
        try copy.open().sync()
        try files.move(copy, to: paths.index(""))
    }

    /// Removes the log of another index, which would be taken for part of the one in place.
    private func removeLog() {
        for suffix in ["-wal", "-shm", "-journal"] { try? paths.index(suffix).remove() }
    }

    /// Takes the log out of its place; into the quarantine if anything is in it.
    private func setLogAside(_ files: DurableFiles) throws {
        let log = paths.index("-wal")
        if ArchiveIndex.byteCount(of: "-wal", paths) > 0 {
            try paths.quarantineFolder.makeFolder()
            let target = Archive.freePath(paths.quarantineFolder.appending("index"), ".sqlite-wal")
            try files.move(log, to: target)
        }
        removeLog()
    }

    /// Writes everything a connection sees into a new file; answers whether that is sound.
    private static func copy(_ queue: DatabaseQueue, to path: String) throws -> Bool {
        try queue.writeWithoutTransaction {
            try $0.execute(sql: "VACUUM INTO ?", arguments: [path])
        }
        var configuration = Configuration()
        configuration.readonly = true
        let copy = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? copy.close() }
        return try copy.read { db in
            try Int.fetchOne(db, sql: "PRAGMA user_version") == ArchiveSchema.currentVersion
                && String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok"
                && IndexSchema.damage(db) == nil
        }
    }
}
