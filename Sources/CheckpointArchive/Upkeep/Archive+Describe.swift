package import Checkpoints
internal import Foundation
internal import GRDB
package import SystemFiles

extension Archive {
    /// Replaces what a run says of itself; its weights and curves stay as they are.
    ///
    /// The file of the run changes first and the index after it: should the work be cut short in
    /// between, the next opening of the archive takes the new description in. The one before lies in
    /// the trash. Where the change touches what analyses rest on, stored results are marked as stale;
    /// the answer is how many. Errors: another process is writing the run.
    @discardableResult
    package func describe(_ run: StoredRun, as description: RunDescription) throws -> Int {
        precondition(description.id == run.id, "a run keeps its id")
        let before = try run.run
        guard description != before else { return 0 }
        let claim = try claim(before)
        return try withExtendedLifetime(claim) {
            let image = try RunDescriptionFile.image(of: description)
            return try maintaining(run.id) {
                try keepInTrash(paths.runFile(run.id), of: run.id)
                try files.write(image, to: paths.runFile(run.id))
                return try write { db in
                    try IndexRows.describe(
                        description,
                        file: IndexedFile(path: "run.h5", kind: .run, image: image),
                        isAnotherSubject: !description.hasSubject(of: before), db)
                }
            }
        }
    }

    /// Moves a run with everything that belongs to it into the trash; returns where it lies.
    ///
    /// Errors: another process is writing the run, or it or one of its checkpoints is tagged.
    package func remove(_ run: StoredRun) throws -> RootedPath {
        try requireUntagged(run)
        let claim = try claimForTidying(
            run.id, subject: "run \(run.name) (\(run.id))", advice: "remove it when it has ended")
        return try withExtendedLifetime(claim) {
            let trash = paths.trashFolder.appending(run.id)
            for parent in [paths.trashFolder, trash] { try parent.makeFolder() }
            let target = Archive.freePath(trash.appending("run"), "")
            // The row goes first: a row without files must never be.
            try maintaining(run.id) {
                try write { db in
                    try db.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [run.id])
                }
                try files.move(paths.runFolder(run.id), to: target)
            }
            return target
        }
    }

    /// Errors: the run or one of its checkpoints is tagged.
    package func requireUntagged(_ run: StoredRun) throws {
        if let tag = try tags(of: run).first {
            throw ArchiveError(
                .taken, run: "run \(run.name) (\(run.id))",
                cause: "it is tagged \(tag.name)\(tag.step.map { " at step \($0)" } ?? "")",
                advice: "take the tag off with cairn untag first")
        }
    }

    /// Puts a copy of a file that is about to be replaced into the trash.
    private func keepInTrash(_ path: RootedPath, of run: String) throws {
        let trash = paths.trashFolder.appending(run)
        for parent in [paths.trashFolder, trash] { try parent.makeFolder() }
        let name = path.name as NSString
        let target = Archive.freePath(
            trash.appending(name.deletingPathExtension), ".\(name.pathExtension)")
        try files.write(try path.read(), to: target)
    }
}

extension RunDescription {
    /// Whether analyses of both rest on the same task, network and rows.
    fileprivate func hasSubject(of other: RunDescription) -> Bool {
        configuration == other.configuration && trainIndices == other.trainIndices
            && testIndices == other.testIndices
    }
}

extension IndexRows {
    /// Brings the rows of a run in line with its new description; returns how many results are
    /// stale by it.
    static func describe(
        _ description: RunDescription, file: IndexedFile, isAnotherSubject: Bool, _ db: Database
    ) throws -> Int {
        let row = try Row.fetchOne(
            db, sql: "SELECT status, finished_at FROM run WHERE id = ?",
            arguments: [description.id])
        let status = (row?[0] as String?).flatMap(RunStatus.init) ?? .interrupted
        let key = try putRun(description, status: status, db)
        try setStatus(status, finishedAt: row?[1], of: key, db)
        _ = try putFile(file, of: key, db)
        guard isAnotherSubject else { return 0 }
        try db.execute(
            sql: """
                UPDATE analysis SET stale = 1
                WHERE run_key = ? AND source = 'computed' AND superseded_by IS NULL AND stale = 0
                """, arguments: [key])
        return db.changesCount
    }

    /// Takes the description of a run's file in where the index has another file in its place.
    static func renewDescription(
        _ description: RunDescription, file: IndexedFile, _ db: Database
    ) throws {
        let known = try Data.fetchOne(
            db,
            sql: """
                SELECT checksum FROM file JOIN run USING (run_key) WHERE id = ? AND path = ?
                """, arguments: [description.id, file.path])
        guard let known, known != file.checksum.data else { return }
        _ = try describe(description, file: file, isAnotherSubject: true, db)
    }
}
