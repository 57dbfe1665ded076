internal import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files
internal import SystemFiles

extension Archive {
    /// Takes checkpoints out of the archive: their rows first, then their files.
    ///
    /// A pack that also holds checkpoints that stay is written anew without the others. Files go
    /// to `folder`, the trash or the quarantine; nothing is deleted. The caller holds the run's
    /// lock.
    ///
    /// Files in `rewriting` are replaced even where all their checkpoints stay. What `check` throws,
    /// called with the rows of each file about to change, leaves that file as it is.
    func remove(
        steps: Set<Int>, from run: StoredRun, to folder: RootedPath, rewriting: Set<String> = [],
        unless check: (Database) throws -> Void = { _ in }
    ) throws {
        let byFile = Dictionary(grouping: run.catalogue.checkpoints, by: \.path)
        for (path, locations) in byFile.sorted(by: { $0.key < $1.key }) {
            let staying = locations.filter { !steps.contains($0.step) }
            guard staying.count < locations.count || rewriting.contains(path) else { continue }
            let going = locations.filter { steps.contains($0.step) }
            let replacement =
                staying.isEmpty
                ? nil
                : try repack(
                    staying, of: run, evenIfFileChanged: rewriting.contains(path))
            var isAllowed = false
            do {
                try write { db in
                    try check(db)
                    isAllowed = true
                    try forget(going, path, of: run.id, replacement, db)
                }
            } catch  where !isAllowed {
                if let replacement {
                    try? paths.file(run.id, replacement.file.path).remove()
                }
                throw error
            }
            if paths.file(run.id, path).exists {
                try setAside(path, of: run.id, in: folder)
            }
            // The optimiser's memory of a packed checkpoint lies in a file of its own.
            for location in going {
                guard let state = location.optimizerPath, state != path,
                    paths.file(run.id, state).exists
                else { continue }
                try setAside(state, of: run.id, in: folder)
            }
        }
        try writeVirtualFile(of: run.id)
    }

    /// A new pack of some of a pack's checkpoints, in its place but not in the index yet.
    private func repack(
        _ locations: [StoredRun.Location], of run: StoredRun, evenIfFileChanged: Bool
    ) throws -> (
        file: IndexedFile, summaries: [CheckpointFile.Summary]
    ) {
        let metrics = try packTables(locations, of: run, evenIfFileChanged)
        let first = locations[0].step
        let last = locations[locations.count - 1].step
        let name = ArchivePaths.packPath(first, last).dropLast(3)
        let absolute = Archive.freePath(paths.file(run.id, String(name)), ".h5")
        let path = absolute.name
        let temporary = files.temporaryPath()
        do {
            try files.reach(.createTemporary)
            let summaries = try PackFile.write(
                temporary, run: run.id, layout: run.catalogue.layout, steps: locations.map(\.step),
                compression: compression
            ) { step in
                try files.reach(.write)
                // All curves and step digests of the old pack move with its first checkpoint.
                let checkpoint = Checkpoint(
                    step: step,
                    weights: try run.weights(at: step, evenIfFileChanged: evenIfFileChanged),
                    metrics: step == first ? metrics.points : [],
                    stepDigests: step == first ? metrics.digests : [])
                return PackFile.Row(checkpoint, try CheckpointFile.Summary(checkpoint))
            }
            try files.reach(.syncFile)
            let file = try IndexedFile(path: path, kind: .pack, at: temporary)
            try files.move(temporary, to: absolute)
            return (file, summaries)
        } catch {
            try? temporary.remove()
            throw ArchiveError.writing(absolute, failed: error)
        }
    }

    /// The curves and step digests of the file that holds these checkpoints; what cannot be read
    /// is left out, the curves being in the index too.
    private func packTables(
        _ locations: [StoredRun.Location], of run: StoredRun, _ evenIfFileChanged: Bool
    ) throws -> (
        points: [MetricPoint], digests: [StepDigest]
    ) {
        let file = "runs/\(run.id)/\(locations[0].path)"
        let absolute = paths.file(run.id, locations[0].path)
        // A pack that is damaged elsewhere was read in a process of its own before.
        let tables: (points: [MetricPoint]?, digests: [StepDigest]?)? = try? {
            let opened =
                evenIfFileChanged
                ? try FileSeal.openUnchecked(absolute) : try FileSeal.open(absolute)
            let root = try opened.root()
            return (
                try? StoredTables.readMetrics(from: root, file),
                try? StoredTables.readStepDigests(from: root, file)
            )
        }()
        return (tables?.points ?? [], tables?.digests ?? [])
    }

    private func forget(
        _ going: [StoredRun.Location], _ path: String, of run: String,
        _ replacement: (file: IndexedFile, summaries: [CheckpointFile.Summary])?, _ db: Database
    ) throws {
        guard let key = try IndexRows.runKey(run, db) else { return }
        for location in going {
            try db.execute(
                sql: "DELETE FROM checkpoint WHERE run_key = ? AND step = ?",
                arguments: [key, location.step])
        }
        if let replacement {
            let fileKey = try IndexRows.putFile(replacement.file, of: key, db)
            for (position, summary) in replacement.summaries.enumerated() {
                try db.execute(
                    sql: """
                        UPDATE checkpoint SET file_key = ?, position = ?
                        WHERE run_key = ? AND step = ?
                        """, arguments: [fileKey, position, key, summary.step])
            }
        }
        // The state in a loose file goes where the file goes.
        try IndexRows.forgetFile(path, of: key, db)
        try db.execute(
            sql: """
                DELETE FROM file WHERE run_key = ? AND kind = 'optimizer'
                    AND file_key NOT IN (SELECT optimizer_file_key FROM checkpoint
                        WHERE optimizer_file_key IS NOT NULL)
                """, arguments: [key])
    }
}
