internal import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files
internal import SystemFiles

extension Archive {
    /// What packing a run did.
    package struct PackReport: Sendable, Equatable {
        package var checkpointCount = 0
        package var packCount = 0
        /// Bytes of the loose files that went and of the packs that came.
        package var bytesBefore = 0
        package var bytesAfter = 0
    }

    /// Gathers a run's loose checkpoints into immutable packs.
    ///
    /// At every moment each checkpoint is in at least one file that the index points to. Nobody
    /// else may be writing the run.
    @discardableResult
    package func pack(_ run: StoredRun) throws -> PackReport {
        let claim = try claim(run.run)
        return try withExtendedLifetime(claim) {
            try maintaining(run.id) { try packHoldingLock(run.id) }
        }
    }

    /// Packs hold at most this many raw bytes of weights, so that a pack can be rewritten.
    private static let largestPackByteCount = 1 << 30

    @discardableResult
    func packHoldingLock(_ run: String) throws -> PackReport {
        let stored = try StoredRun(archive: self, id: run, packing: true)
        var report = PackReport()
        let loose = stored.catalogue.checkpoints.filter { $0.kind == .loose }
        let rowByteCount = max(1, stored.catalogue.layout.byteCount)
        let batchCount = max(1, Archive.largestPackByteCount / rowByteCount)
        for start in stride(from: 0, to: loose.count, by: batchCount) {
            let batch = Array(loose[start..<min(start + batchCount, loose.count)])
            try pack(batch, of: stored, into: &report)
        }
        if report.packCount > 0 { try writeVirtualFile(of: run) }
        return report
    }

    private func pack(
        _ batch: [StoredRun.Location], of run: StoredRun, into report: inout PackReport
    ) throws {
        guard let first = batch.first, let last = batch.last else { return }
        let path = ArchivePaths.packPath(first.step, last.step)
        let states = try writeStates(of: run, in: batch)
        let (file, summaries) = try writePack(batch, of: run, path)
        let outdated = try write { db in
            try index(file, summaries, states, replacing: batch, of: run, db)
        }
        // From here on the index no longer needs them.
        try files.retire((outdated + batch.map(\.path)).map { paths.file(run.id, $0) })
        report.checkpointCount += batch.count
        report.packCount += 1
        report.bytesBefore += batch.reduce(0) { $0 + $1.fileByteCount }
        report.bytesAfter += file.byteCount
    }

    /// Writes the pack beside its place, reads it back, and moves it there.
    private func writePack(
        _ batch: [StoredRun.Location], of run: StoredRun, _ path: String
    ) throws -> (
        IndexedFile, [CheckpointFile.Summary]
    ) {
        let temporary = files.temporaryPath()
        do {
            try files.reach(.createTemporary)
            let locations = Dictionary(uniqueKeysWithValues: batch.map { ($0.step, $0) })
            let reader = LooseReader()
            let summaries = try PackFile.write(
                temporary, run: run.id, layout: run.catalogue.layout, steps: batch.map(\.step),
                compression: compression
            ) { step in
                try files.reach(.write)
                guard let location = locations[step] else {
                    preconditionFailure("a step of the batch has a location")
                }
                let file = "runs/\(run.id)/\(location.path)"
                return try ArchiveError.reading(paths.path(file), step: step) {
                    let path = paths.file(run.id, location.path)
                    if let row = try reader.row(path, location, run.catalogue.layout) {
                        return row
                    }
                    let (checkpoint, summary) = try CheckpointFile.read(path, run: run.id)
                    return PackFile.Row(checkpoint, summary)
                }
            }
            for (summary, location) in zip(summaries, batch) where summary.digest != location.digest
            {
                throw ArchiveError(
                    .damaged, file: "runs/\(run.id)/\(location.path)", step: location.step,
                    cause: "its weights are not those that the index records")
            }
            try files.reach(.syncFile)
            let file = try IndexedFile(path: path, kind: .pack, at: temporary)
            try files.move(temporary, to: paths.file(run.id, path))
            return (file, summaries)
        } catch {
            try? temporary.remove()
            throw ArchiveError.writing(paths.file(run.id, path), failed: error)
        }
    }

    /// The optimiser states of a batch that outlive its loose files, written to files of their own.
    private struct KeptStates {
        var files: [(step: Int, file: IndexedFile)] = []
        /// Earlier ones of packed checkpoints that are no longer needed.
        var outdated: [String] = []
    }

    /// Writes the run's newest optimiser state, if it is in this batch, and those that its settings
    /// keep.
    private func writeStates(
        of run: StoredRun, in batch: [StoredRun.Location]
    ) throws -> KeptStates {
        let policy = try run.run.optimizerStatePolicy
        let stored = run.catalogue.checkpoints.filter { $0.optimizerPath != nil }
        var kept = KeptStates()
        if let newest = stored.last, batch.contains(where: { $0.step == newest.step }) {
            kept.outdated =
                stored.filter {
                    $0.optimizerPath != $0.path && $0.step != newest.step && !policy.keeps($0.step)
                }.compactMap(\.optimizerPath)
        }
        for location in batch where location.optimizerPath == location.path {
            guard location.step == stored.last?.step || policy.keeps(location.step),
                let state = try run.optimizerState(at: location.step)
            else { continue }
            let path = ArchivePaths.optimizerPath(location.step)
            try paths.file(run.id, "optimizer").makeFolder()
            let image = try CheckpointFile.image(
                of: state, step: location.step, run: run.id, compression: compression)
            try files.write(image, to: paths.file(run.id, path))
            kept.files.append(
                (location.step, IndexedFile(path: path, kind: .optimizer, image: image)))
        }
        return kept
    }

    /// Points the index at the pack; returns the optimiser files that are no longer needed.
    private func index(
        _ file: IndexedFile, _ summaries: [CheckpointFile.Summary],
        _ states: KeptStates, replacing batch: [StoredRun.Location], of run: StoredRun,
        _ db: Database
    ) throws -> [String] {
        let key = try IndexRows.requiredKey(run.id, db)
        let fileKey = try IndexRows.putFile(file, of: key, db)
        let move = try db.cachedStatement(
            sql: """
                UPDATE checkpoint SET file_key = ?, position = ? WHERE run_key = ? AND step = ?
                """)
        for (position, summary) in summaries.enumerated() {
            try move.execute(arguments: [fileKey, position, key, summary.step])
        }
        for state in states.files {
            try IndexRows.putOptimizerState(state.file, step: state.step, of: key, db)
        }
        for path in states.outdated + batch.map(\.path) {
            try IndexRows.forgetFile(path, of: key, db)
        }
        return states.outdated
    }
}
