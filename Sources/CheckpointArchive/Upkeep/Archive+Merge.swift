internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// What merging another archive did.
    package struct MergeReport: Sendable {
        package var addedRuns: [String] = []
        /// Runs that were here and got checkpoints they did not have.
        package var extendedRuns: [String] = []
        package var unchangedRuns: [String] = []
        package var checkpointCount = 0
        /// Results of analyses and tags that came in.
        package var analysisCount = 0
        package var tagCount = 0
        /// What could not be brought together, in words; both sides stay as they are.
        package var conflicts: [(run: String, explanation: String)] = []

        package init() {}
    }

    /// Brings the runs of another archive into this one.
    ///
    /// A run comes in complete or not at all, so the merge can be interrupted and repeated; what
    /// is here already is compared by digest and left alone. Parents and origins of runs are part
    /// of their descriptions and come with them. Two different runs with one id, and different
    /// weights at one step of a run, are reported; then nothing of that run comes in. Tags and the
    /// results of analyses come with their runs, also into runs that are here already.
    package func merge(
        _ other: Archive, progress: (MergeReport) -> Void = { _ in }
    ) throws -> MergeReport {
        guard other.paths != paths else {
            throw ArchiveError(
                .wrongRequest, file: other.paths.root,
                cause: "an archive cannot be merged with itself")
        }
        var report = MergeReport()
        // Before the runs that learnt from them.
        try mergeData(of: other)
        var batch = MergeBatch()
        for id in try other.runIDs() {
            let theirs = try StoredRun(archive: other, id: id)
            if paths.runFile(id).exists {
                try maintaining(id) { try extend(id, by: theirs, into: &report) }
                try extendLedger(by: theirs, into: &report)
                progress(report)
            } else {
                batch.append(theirs)
                if batch.isFull { try add(batch.take(), into: &report, progress) }
            }
        }
        try add(batch.take(), into: &report, progress)
        return report
    }

    /// Brings one run of another archive in, with the arrays that runs learn from, unless it is here.
    package func takeOver(_ id: String, of other: Archive) throws {
        guard !paths.runFile(id).exists else { return }
        try mergeData(of: other)
        try add([StoredRun(archive: other, id: id)]) { _ in }
    }

    private func add(
        _ runs: [StoredRun], into report: inout MergeReport, _ progress: (MergeReport) -> Void
    ) throws {
        try add(runs) { run in
            report.addedRuns.append(run.id)
            report.checkpointCount += run.steps.count
        }
        for run in runs { try extendLedger(by: run, into: &report) }
        if !runs.isEmpty { progress(report) }
    }

    /// Adds the checkpoints of a run that is here already but lacks them.
    private func extend(_ id: String, by theirs: StoredRun, into report: inout MergeReport) throws {
        let description = try theirs.run
        let ours = try RunDescriptionFile.read(paths, id)
        guard ours == description else {
            report.conflicts.append(
                (
                    id,
                    "two different runs have this id: \(ours.name) here, \(description.name) in "
                        + "\(theirs.archive.paths.root); neither is changed"
                ))
            return
        }
        let claim = try claim(ours)
        try withExtendedLifetime(claim) {
            try adoptFiles(of: id)
            let present = try StoredRun(archive: self, id: id)
            let missing = theirs.steps.filter { present.catalogue.location(at: $0) == nil }
            if let conflict = try conflict(of: present, with: theirs, missing) {
                report.conflicts.append((id, conflict))
                return
            }
            for step in missing { try copyCheckpoint(step, of: theirs) }
            try copyEnds(of: theirs)
            try adoptFiles(of: id)
            report.checkpointCount += missing.count
            if missing.isEmpty {
                report.unchangedRuns.append(id)
            } else {
                report.extendedRuns.append(id)
            }
        }
    }

    /// Why a run cannot take in the checkpoints that it lacks, in words; nil when it can.
    private func conflict(
        of present: StoredRun, with theirs: StoredRun, _ missing: [Int]
    ) throws -> String? {
        let different = try theirs.steps.filter { step in
            guard let location = present.catalogue.location(at: step) else { return false }
            return try location.digest != theirs.digest(at: step)
        }
        if let first = different.first {
            let root = theirs.archive.paths.root
            return different.count == 1
                ? "step \(first) has other weights here than in \(root); neither is changed"
                : "\(different.count) steps from \(first) on have other weights here than in "
                    + "\(root); neither is changed"
        }
        guard !present.catalogue.checkpoints.isEmpty, !missing.isEmpty else { return nil }
        return present.layout.difference(to: theirs.layout).map {
            "the tensors differ: \($0); neither is changed"
        }
    }

    /// Stores one checkpoint as a loose file, with the curves its file carries.
    private func copyCheckpoint(_ step: Int, of theirs: StoredRun) throws {
        let path = ArchivePaths.loosePath(step)
        guard !paths.file(theirs.id, path).exists else { return }
        let names = try theirs.metricNames()
        let steps = theirs.steps
        let previous = steps.last { $0 < step } ?? -1
        // Without the original file the points since the checkpoint before belong to this one.
        let points = try names.flatMap { try theirs.metric($0) }
            .filter { $0.step > previous && $0.step <= step }
            .sorted { $0.step < $1.step }
        let checkpoint = Checkpoint(
            step: step, weights: try theirs.weights(at: step),
            optimizerState: try theirs.optimizerState(at: step), metrics: points,
            stepDigests: try theirs.stepDigests(in: previous + 1...step))
        let image = try CheckpointFile.image(
            of: checkpoint, try CheckpointFile.Summary(checkpoint), run: theirs.id,
            compression: compression)
        try paths.file(theirs.id, "loose").makeFolder()
        try files.write(image, to: paths.file(theirs.id, path))
    }

    /// Copies the ends that this archive does not have, under names that are free.
    private func copyEnds(of theirs: StoredRun) throws {
        let other = theirs.archive.paths
        func contents(_ paths: ArchivePaths) throws -> [(path: String, bytes: [UInt8])] {
            try RunFolderContents.files(paths, theirs.id).filter { $0.hasPrefix("end-") }
                .map { ($0, try paths.file(theirs.id, $0).read()) }
        }
        let present = try contents(paths)
        for (path, bytes) in try contents(other)
        where !present.contains(where: { $0.bytes == bytes }) {
            try requireSound(FileChecksum(of: bytes), path, theirs)
            let base = paths.file(theirs.id, String(path.dropLast(3)))
            try files.write(bytes, to: Archive.freePath(base, ".h5"))
        }
    }

    /// Brings the tags and the results of analyses of a run that is in both archives.
    ///
    /// Results belong to weights: where the runs are different ones, nothing comes.
    private func extendLedger(by theirs: StoredRun, into report: inout MergeReport) throws {
        guard !report.conflicts.contains(where: { $0.run == theirs.id }) else { return }
        let tags = try theirs.archive.tags(of: theirs)
        let tagCount = tags.isEmpty ? 0 : try changeTags(of: theirs.id) { $0.formUnion(tags) }
        let ledger = try theirs.archive.lookUp { db in
            try IndexRows.runKey(theirs.id, db).map { try AnalysisRows.read(run: $0, db) }
        }
        var analysisCount = 0
        if let ledger, !ledger.analyses.rows.isEmpty {
            analysisCount = try write { db in
                guard let key = try IndexRows.runKey(theirs.id, db) else { return 0 }
                return try AnalysisRows.add(ledger, to: key, db)
            }
        }
        report.tagCount += tagCount
        report.analysisCount += analysisCount
        if tagCount + analysisCount > 0, report.unchangedRuns.last == theirs.id {
            report.unchangedRuns.removeLast()
            report.extendedRuns.append(theirs.id)
        }
    }

    /// Refuses to spread damage: the bytes must be those that the other index records.
    func requireSound(
        _ checksum: FileChecksum, _ path: String, _ run: StoredRun
    ) throws {
        let recorded = try run.archive.lookUp { db in
            try Data.fetchOne(
                db,
                sql: """
                    SELECT checksum FROM file JOIN run USING (run_key) WHERE id = ? AND path = ?
                    """, arguments: [run.id, path])
        }
        guard let recorded, recorded != checksum.data else { return }
        throw ArchiveError(
            .damaged, file: run.archive.paths.file(run.id, path).absolute,
            cause: "its bytes are not those that were written",
            advice: "run `cairn verify` and `cairn repair` on that archive first")
    }

    /// Copies a file piece by piece, because packs can be larger than the memory.
    static func copy(_ source: RootedPath, to target: RootedPath) throws {
        let output = try target.open(.creating)
        try source.open().forEachPiece(ofAtMost: 1 << 20) { offset, piece in
            try output.write(piece, at: offset)
        }
    }
}
