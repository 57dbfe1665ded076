internal import Checkpoints
internal import Foundation
internal import GRDB
internal import Synchronization
internal import SystemFiles

/// What an archive keeps in mind so that its index can be brought back while it is used.
final class IndexRenewal: Sendable {
    /// Held while the index is brought back.
    fileprivate let lock = NSRecursiveLock()
    fileprivate let isUnderWay = Atomic<Bool>(false)
    /// Held while files of a living run change their places and rows together.
    let moves = Mutex<Void>(())
}

extension Archive {
    /// Runs `body`, and again after bringing the index back where it was deleted or replaced.
    func renewing<Value>(_ body: () throws -> Value) throws -> Value {
        // Who brings it back and finds it gone once more leaves that to the outermost call.
        if isRenewingHere() { return try body() }
        return try IndexReplaced.retrying(paths) {
            waitForRenewal()
            return try body()
        } prepare: {
            try renewIndex()
        }
    }

    /// Waits while another thread fills an index that has just come into place.
    private func waitForRenewal() {
        guard renewal.isUnderWay.load(ordering: .relaxed) else { return }
        renewal.lock.lock()
        renewal.lock.unlock()
    }

    /// Brings the index back where it was deleted or replaced since it was opened.
    func renewIndexIfReplaced() throws {
        guard access == .readWrite, !index.isCurrent else { return }
        try renewing { guard index.isCurrent else { throw IndexReplaced() } }
    }

    /// Whether this thread is inside `renewIndex`.
    private func isRenewingHere() -> Bool {
        guard renewal.lock.try() else { return false }
        defer { renewal.lock.unlock() }
        return renewal.isUnderWay.load(ordering: .relaxed)
    }

    /// Opens the index that is there now, or puts it back, and takes in every file it lacks.
    ///
    /// Should this process die at it, whoever opens the archive next goes on from the markers.
    private func renewIndex() throws {
        renewal.lock.lock()
        defer { renewal.lock.unlock() }
        guard !index.isCurrent else { return }
        renewal.isUnderWay.store(true, ordering: .relaxed)
        defer { renewal.isUnderWay.store(false, ordering: .relaxed) }
        let runs = try paths.runsFolder.names().filter { paths.runFile($0).exists }
        for run in runs { _ = try FileLock.attempt(marker(of: run)) }
        try index.renew(files)
        for run in runs { try takeIn(run) }
        // An older copy can know runs that are gone.
        for run in try runIDs() where !paths.runFolder(run).exists {
            try write { try $0.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [run]) }
        }
    }

    private func takeIn(_ run: String) throws {
        let marker = try FileLock.attempt(marker(of: run))
        var isWhole = true
        let isDone = leavingTrouble {
            if let isGrowing = claims.isGrowing(run) {
                try adoptFiles(ofClaimed: run, isGrowing: isGrowing)
            } else if let claim = try attemptTidying(run) {
                try withExtendedLifetime(claim) {
                    try forgetMissingFiles(of: run)
                    try adoptFilesAndView(of: run)
                }
            } else {
                try adoptRunInWriting(run)
                // Should its writer die before it has noticed, the marker says that rows are missing.
                isWhole = false
            }
        }
        if marker != nil, isDone, isWhole { try? self.marker(of: run).remove() }
    }

    /// Adds what the index lacks of a run that this archive has claimed; no file is moved.
    private func adoptFiles(ofClaimed run: String, isGrowing: Bool) throws {
        try renewal.moves.withLock { _ in
            try forgetMissingFiles(of: run)
            let scan = try RunFolderContents(
                paths: paths, run: run, skipping: indexedPaths(of: run))
            let description = try scan.description.get()
            try write { db in
                let key = try IndexRows.putRun(description, status: .running, db)
                _ = try scan.store(run: key, db)
                if !isGrowing { try scan.storeStatus(run: key, db) }
            }
        }
    }

    /// Takes out what the index says of files that are gone: an older copy knows files whose
    /// checkpoints have moved into others, or were collected.
    private func forgetMissingFiles(of run: String) throws {
        let missing = try indexedPaths(of: run).filter { !paths.file(run, $0).exists }
        guard !missing.isEmpty else { return }
        try write { db in
            guard let key = try IndexRows.runKey(run, db) else { return }
            for path in missing {
                try db.execute(
                    sql: """
                        DELETE FROM checkpoint WHERE file_key =
                            (SELECT file_key FROM file WHERE run_key = ? AND path = ?)
                        """, arguments: [key, path])
                try IndexRows.forgetFile(path, of: key, db)
            }
        }
    }
}
