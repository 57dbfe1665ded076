internal import Checkpoints
internal import Foundation
package import GRDB
internal import SystemFiles

extension Archive {
    /// Runs `body` on a read-only connection, inside one read transaction.
    ///
    /// It must not call `read` or `write` of the same archive; looking up and reading runs is
    /// allowed.
    package func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try usingIndex { try index.read(body) }
    }

    /// Looks something up, from wherever the caller is.
    func lookUp<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try usingIndex {
                try ArchiveIndex.recovering(paths) {
                    try index.requireInPlace()
                    return try index.read(lookUpConnection(), body)
                }
            }
        } catch let error as DatabaseError {
            throw ArchiveError.using(index: paths.indexFile, failed: error)
        }
    }

    /// Runs `body` in a write transaction that happens completely or not at all.
    ///
    /// Keep it short: every other writer waits. Never read or write HDF5 files inside.
    package func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try write(durability: .synced, body)
    }

    func write<Value>(
        durability: ArchiveIndex.Durability, _ body: (Database) throws -> Value
    ) throws -> Value {
        try usingIndex {
            let value = try index.write(durability: durability, body)
            // What it wrote into files that were gone by then, nobody finds.
            guard index.isCurrent else { throw ArchiveError(.replacedIndex, file: paths.indexFile) }
            return value
        }
    }

    /// Runs `body` and, where the index is deleted or replaced under it, once more with the index
    /// that is there now, if the archive is only read.
    ///
    /// A writer must not go from one index to another: they know different things.
    private func usingIndex<Value>(_ body: () throws -> Value) throws -> Value {
        guard access == .readWrite else { return try IndexConnection.retrying(paths, body) }
        do {
            return try body()
        } catch let error as ArchiveError where error.code == .replacedIndex {
            giveUpIndex()
            throw ArchiveError(
                .unusable, file: paths.indexFile,
                cause: "it was deleted or replaced while this program was using it",
                advice: paths.index("").exists
                    ? "begin again; opening the archive takes in every file that it lacks"
                    : "run `cairn reindex`, then begin again")
        }
    }

    /// Whether the index that this archive was opened with is still in its place.
    ///
    /// Where it is not, this process writes files alone from then on.
    var hasIndex: Bool {
        if index.isCurrent { return true }
        giveUpIndex()
        return false
    }

    /// Leaves the index alone that was deleted or replaced, says so once, and has the next
    /// opening of the archive take in what the index in its place does not know of any run.
    private func giveUpIndex() {
        guard index.giveUp() else { return }
        for run in (try? paths.runsFolder.names()) ?? [] where paths.runFile(run).exists {
            try? leaveMarker(of: run)
        }
        try? paths.temporaryFolder.syncFolder()
        options.warn(
            "\(paths.indexFile): it was deleted or replaced while it was in use; nothing is lost: "
                + "checkpoints go on into files, which "
                + (paths.index("").exists
                    ? "the next opening of the archive takes in" : "`cairn reindex` finds"))
    }

    /// Runs what needs the index; without it, opening the archive does that later.
    func whileIndexed(_ body: () throws -> Void) throws {
        guard hasIndex else { return }
        do {
            try body()
        } catch {
            if hasIndex { throw error }
        }
    }
}
