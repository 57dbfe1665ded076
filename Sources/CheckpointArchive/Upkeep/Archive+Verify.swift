internal import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files
internal import SystemFiles

/// Something about an archive that is not as it should be.
package struct ArchiveProblem: Sendable, Equatable {
    /// What kind of thing is wrong.
    package enum Kind: String, Sendable {
        /// The index names a file that is not there.
        case missingFile = "missing_file"
        /// Bytes of a file are not those that were written.
        case damagedFile = "damaged_file"
        /// Values of a tensor are not those that were written.
        case damagedTensor = "damaged_tensor"
        /// Index and files disagree.
        case indexDiffers = "index_differs"
        /// A file that the index does not know.
        case orphan
        /// `packed.h5` does not show what the packs hold.
        case outdatedView = "outdated_view"
        /// A step is missing between others that are evenly spaced.
        case scheduleGap = "schedule_gap"
        /// A folder among those of the runs that is a copy of one.
        case copiedFolder = "copied_folder"
        /// Weights that are NaN or infinite.
        case notFinite = "not_finite"
    }

    package let kind: Kind
    package let run: String
    /// Relative to the archive; empty where no file is meant.
    package let file: String
    package let step: Int?
    package let tensor: String?
    package let explanation: String

    /// Whether stored data is damaged or contradicts itself; the rest is worth knowing only.
    package var isIntegrityProblem: Bool {
        switch kind {
        case .missingFile, .damagedFile, .damagedTensor, .indexDiffers, .orphan: true
        case .scheduleGap, .notFinite, .outdatedView, .copiedFolder: false
        }
    }
}

/// What `verify` found.
package struct VerifyReport: Sendable {
    package var problems: [ArchiveProblem] = []
    package var runCount = 0
    package var fileCount = 0
    package var checkpointCount = 0
    /// Bytes that were read.
    package var byteCount = 0

    /// Whether nothing is damaged or contradictory.
    package var isSound: Bool { !problems.contains(where: \.isIntegrityProblem) }
}

extension Archive {
    /// How thoroughly and with what help `verify` works.
    package struct VerifyOptions: Sendable {
        /// Compares index, names and sizes only, without reading the files.
        package var isQuick: Bool
        /// Skips SHA-256 for files whose quick sum over all bytes is the recorded one.
        package var trustsChecksums = false
        /// Opens damaged files in a process of its own; nil opens them in this one.
        package var child: FileInspection.Child?

        package init(isQuick: Bool = false, child: FileInspection.Child? = nil) {
            self.isQuick = isQuick
            self.child = child
        }
    }

    /// Compares the index with the files and the files with their digests; changes nothing.
    ///
    /// `runs` are ids; nil checks all. `progress` is called after each file with the bytes read.
    package func verify(
        runs: [String]? = nil, options: VerifyOptions = VerifyOptions(),
        progress: (VerifyReport) -> Void = { _ in }
    ) throws -> VerifyReport {
        var report = VerifyReport()
        try verifyIndex(into: &report)
        let indexed = try runIDs()
        for run in runs ?? indexed {
            report.runCount += 1
            var verification = RunVerification(archive: self, run: run, options: options)
            try verification.check { found in
                report.fileCount += found.fileCount
                report.byteCount += found.byteCount
                progress(report)
            }
            report.problems += verification.problems
            report.checkpointCount += verification.checkpointCount
        }
        if runs == nil {
            try findUnknownRuns(into: &report)
            report.problems += try verifyData(isQuick: options.isQuick)
        }
        return report
    }

    private func verifyIndex(into report: inout VerifyReport) throws {
        let answers = try lookUp { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        var explanations = answers.filter { $0 != "ok" }.map { "SQLite finds it damaged: \($0)" }
        if let damage = try lookUp(IndexSchema.damage) {
            explanations.append("\(damage); run `cairn reindex`")
        }
        report.problems += explanations.map {
            ArchiveProblem(
                kind: .indexDiffers, run: "", file: "index.sqlite", step: nil, tensor: nil,
                explanation: $0)
        }
    }

    private func findUnknownRuns(into report: inout VerifyReport) throws {
        let folders = try paths.runsFolder.names()
        // A run that begins has its folder before its row, and until then its marker.
        let unmarked = folders.filter { !isInMaintenance($0) }
        let known = Set(try runIDs())
        for folder in unmarked where !known.contains(folder) {
            if let copy = RunFolderContents.copy(paths, folder) {
                report.problems.append(
                    ArchiveProblem(
                        kind: .copiedFolder, run: folder, file: "runs/\(folder)", step: nil,
                        tensor: nil,
                        explanation: "\(copy.cause); \(copy.advice)"))
                continue
            }
            report.problems.append(
                ArchiveProblem(
                    kind: .orphan, run: folder, file: "runs/\(folder)", step: nil, tensor: nil,
                    explanation: "the index does not know this run; `cairn reindex` adds it"))
        }
    }
}

/// The check of one run.
private struct RunVerification {
    let archive: Archive
    let run: String
    let options: Archive.VerifyOptions
    private(set) var problems: [ArchiveProblem] = []
    private(set) var checkpointCount = 0

    init(archive: Archive, run: String, options: Archive.VerifyOptions) {
        self.archive = archive
        self.run = run
        self.options = options
    }

    /// One file that the index relies on.
    private struct FileRow {
        let path: String
        let kind: String
        let byteCount: Int
        let checksum: Data
    }

    mutating func check(progress: ((fileCount: Int, byteCount: Int)) -> Void) throws {
        let catalogue: StoredRun.Catalogue
        do {
            catalogue = try archive.lookUp { try StoredRun.Catalogue(run: run, $0) }
        } catch let error as ArchiveError where error.code == .damagedIndex {
            add(.indexDiffers, "index.sqlite", error.cause)
            return
        }
        checkpointCount = catalogue.checkpoints.count
        for location in catalogue.checkpoints where !catalogue.isConsistent(location) {
            add(
                .indexDiffers, "index.sqlite",
                "the checkpoint's digest is not that of its tensors; run `cairn reindex`",
                location.step)
        }
        var rows = try fileRows()
        for row in rows where IndexedFile.Kind(rawValue: row.kind)?.allows(row.path) != true {
            add(
                .indexDiffers, "index.sqlite",
                "it lists a file that no run has (\(row.path.prefix(80))); run `cairn reindex`")
        }
        rows.removeAll { IndexedFile.Kind(rawValue: $0.kind)?.allows($0.path) != true }
        let locations = Dictionary(grouping: catalogue.checkpoints, by: \.path)
        for row in rows {
            let before = problems
            let byteCount = try check(row, locations[row.path] ?? [], catalogue.layout)
            // A file that was packed while it was checked is no longer relied on.
            if problems.count > before.count,
                try !fileRows().contains(where: { $0.path == row.path })
            {
                problems = before
            }
            progress((1, byteCount))
        }
        try checkOrphans(Set(rows.map(\.path)), isRunning: catalogue.status == .running)
        try checkTags()
        checkNotes()
        // The curves come out of files that may only be opened here when they are sound.
        if !options.isQuick, !problems.contains(where: \.isIntegrityProblem) {
            do {
                try checkPackedView(catalogue)
                try checkDescription()
                try checkMetrics()
            } catch let error as ArchiveError where error.isDamage {
                add(.damagedFile, error.file, error.cause)
            }
        }
        checkSchedule(catalogue.checkpoints.map(\.step))
    }

    private func fileRows() throws -> [FileRow] {
        try archive.lookUp { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT path, kind, file.bytes, checksum FROM file JOIN run USING (run_key)
                    WHERE run.id = ? ORDER BY path
                    """, arguments: [run]
            ).map {
                FileRow(
                    path: try $0.decode(atIndex: 0), kind: try $0.decode(atIndex: 1),
                    byteCount: try $0.decode(atIndex: 2), checksum: try $0.decode(atIndex: 3))
            }
        }
    }

    /// Checks one file; returns how many bytes were read.
    private mutating func check(
        _ row: FileRow, _ locations: [StoredRun.Location], _ layout: TensorLayout
    ) throws -> Int {
        let file = "runs/\(run)/\(row.path)"
        let path = archive.paths.file(run, row.path)
        guard let byteCount = try? path.fileByteCount() else {
            // A run that is being written may just have been packed.
            if try fileRows().contains(where: { $0.path == row.path }) {
                add(.missingFile, file, "the index relies on it and it is not there")
            }
            return 0
        }
        guard byteCount == row.byteCount else {
            let cause = "it has \(byteCount) bytes instead of \(row.byteCount)"
            add(.damagedFile, file, cause)
            if !options.isQuick, !locations.isEmpty {
                inspect(row, locations, layout, isDamaged: true)
            }
            return byteCount
        }
        guard !options.isQuick else { return 0 }
        let isDamaged = try? FileChecksum(of: path.open()).data != row.checksum
        if row.kind == "run" || row.kind == "end" {
            if isDamaged != false { add(.damagedFile, file, "some bytes changed") }
        } else if isDamaged != false || !options.trustsChecksums {
            inspect(row, locations, layout, isDamaged: isDamaged != false)
        }
        return byteCount
    }

    /// Compares every tensor of a file with the digests of the index.
    private mutating func inspect(
        _ row: FileRow, _ locations: [StoredRun.Location], _ layout: TensorLayout, isDamaged: Bool
    ) {
        let file = "runs/\(run)/\(row.path)"
        // A file whose bytes are as they were written cannot bring the parser down, nor can one
        // whose seal is whole.
        let inspection: FileInspection
        if isDamaged, !isSealed(row.path), let child = options.child {
            inspection = FileInspection.inspect(
                archive.paths, run: run, path: row.path, using: child)
        } else {
            inspection = FileInspection.inspect(archive.paths.file(run, row.path), run: run)
        }
        var found: [Int: [String: FileInspection.Row]] = [:]
        for row in inspection.rows { found[row.step, default: [:]][row.tensor] = row }
        var damagedCount = 0
        for location in locations {
            for (position, entry) in layout.entries.enumerated() {
                let row = found[location.step]?[entry.name]
                if row?.digest != location.digest(ofTensorAt: position).description {
                    damagedCount += 1
                    add(
                        .damagedTensor, file,
                        row?.digest == nil
                            ? "it cannot be read" : "its bytes do not have the recorded SHA-256",
                        location.step, entry.name)
                } else if row?.isFinite == false {
                    add(
                        .notFinite, file, "it has values that are not finite", location.step,
                        entry.name)
                }
            }
        }
        for failure in inspection.failures { add(.damagedFile, file, failure) }
        if isDamaged, damagedCount == 0, inspection.failures.isEmpty {
            add(.damagedFile, file, "some bytes changed, outside all tensors, which are intact")
        }
    }

    private func isSealed(_ path: String) -> Bool {
        (try? FileSeal.state(of: archive.paths.file(run, path).open())) == .whole
    }

    private mutating func checkOrphans(_ known: Set<String>, isRunning: Bool) throws {
        for path in RunFolderContents.files(archive.paths, run)
        where !known.contains(path) {
            // Its row comes next, or came not because the process died: then opening the archive for
            // writing adds it.
            if isRunning || archive.isInMaintenance(run), isSealed(path) { continue }
            // It may have been added since the list was made.
            if try fileRows().contains(where: { $0.path == path }) { continue }
            add(
                .orphan, "runs/\(run)/\(path)",
                "the index does not know it; `cairn reindex` adds what it holds")
        }
    }

    /// `packed.h5` shows the steps of all packs, which are sound.
    ///
    /// It holds nothing of its own. A process that dies leaves it older than the packs.
    private mutating func checkPackedView(_ catalogue: StoredRun.Catalogue) throws {
        let packed = catalogue.checkpoints.filter { $0.kind == .pack }
        guard !packed.isEmpty else { return }
        let before = problems
        try checkPackedView(of: packed)
        guard problems.count > before.count else { return }
        // Packs may have come since the catalogue was read.
        let present = try archive.lookUp { try StoredRun.Catalogue(run: run, $0) }
            .checkpoints.filter { $0.kind == .pack }
        if present.map(\.path) != packed.map(\.path) {
            problems = before
            try checkPackedView(of: present)
        }
    }

    private mutating func checkPackedView(of packed: [StoredRun.Location]) throws {
        let file = "runs/\(run)/packed.h5"
        let path = archive.paths.file(run, ArchivePaths.packedView)
        let state = try? FileSeal.state(of: path.open())
        if state == .broken {
            add(.damagedFile, file, "its seal does not match; `cairn repair` writes it anew")
            return
        }
        // Files of format 1 have no seal; the library may not see them when they are damaged.
        if state == .absent, !packed.contains(where: { isSealed($0.path) }) { return }
        let shown = state == .whole ? try PackFile.shownPacks(path) : [:]
        if shown != Dictionary(grouping: packed, by: \.path).mapValues(\.count) {
            add(
                .outdatedView, file,
                "it does not show the steps that the packs hold; `cairn repair` writes it anew")
        }
    }

    /// The index has the tags that the run's file has.
    private mutating func checkTags() throws {
        let file = "runs/\(run)/\(TagFile.path)"
        do {
            // Both are read while nobody changes either, or once more.
            for isLast in [false, true] {
                let stored = try TagFile.read(archive.paths, run)
                let indexed = try archive.lookUp { db in
                    try IndexRows.runKey(run, db).map { try IndexRows.tags(of: $0, db) } ?? []
                }
                if stored ?? [] == indexed || archive.isInMaintenance(run) { return }
                if isLast {
                    add(
                        .indexDiffers, "index.sqlite",
                        "the run's tags are not those in \(file); run `cairn reindex`")
                }
            }
        } catch let error as ArchiveError where error.isDamage {
            add(.damagedFile, error.file, error.cause)
        }
    }

    /// The notes of how the run came in are as they were written.
    private mutating func checkNotes() {
        for note in RunNote.allCases {
            do {
                _ = try note.read(archive.paths, run)
            } catch let error as ArchiveError where error.isDamage {
                add(.damagedFile, error.file, error.cause)
            } catch {
                add(.damagedFile, "runs/\(run)/\(note.path)", "\(error)")
            }
        }
    }

    /// What the index says about the run itself is what `run.h5` says.
    private mutating func checkDescription() throws {
        let file = "runs/\(run)/run.h5"
        let described = try RunDescriptionFile.read(archive.paths, run)
        let expected: [DatabaseValue] = [
            described.name.databaseValue, described.task.databaseValue,
            described.network.databaseValue, described.seed.databaseValue,
            described.parent?.run.databaseValue ?? .null,
            described.parent?.step.databaseValue ?? .null, described.createdAt.databaseValue,
            described.configuration.databaseValue,
            Set(described.hyperparameters.map(\.name)).count.databaseValue,
        ]
        let indexed = try archive.lookUp { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT name, task, network, seed, parent_run, parent_step, created_at,
                        configuration,
                        (SELECT count(*) FROM hyperparameter AS h WHERE h.run_key = run.run_key)
                    FROM run JOIN run_document USING (run_key) WHERE id = ?
                    """, arguments: [run]
            ).map { Array($0.databaseValues) }
        }
        if indexed != expected {
            add(
                .indexDiffers, "index.sqlite",
                "the run's row is not what \(file) says; run `cairn reindex`")
        }
    }

    /// Every point in the files is in the index with the same value.
    private mutating func checkMetrics() throws {
        // The curves of a run that is being written change while they are compared.
        guard try status() != .running else { return }
        let scan = try RunFolderContents(paths: archive.paths, run: run)
        var expected: [String: [Int: Double]] = [:]
        for entry in scan.entries {
            for point in (try? entry.metrics.get()) ?? [] {
                expected[point.name, default: [:]][point.step] = point.value
            }
        }
        for end in scan.ends {
            for point in end.metrics {
                expected[point.name, default: [:]][point.step] = point.value
            }
        }
        for damage in scan.damaged where damage.file.contains("/end-") {
            add(.damagedFile, damage.file, damage.cause)
        }
        let stored = try StoredRun(archive: archive, id: run)
        for (name, points) in expected.sorted(by: { $0.key < $1.key }) {
            // Points whose file was lost stay in the index: more there is no contradiction.
            let indexed = Dictionary(
                try stored.metric(name).map { ($0.step, $0.value) }, uniquingKeysWith: { $1 })
            let isEqual = points.allSatisfy { step, value in
                indexed[step].map { $0 == value || ($0.isNaN && value.isNaN) } ?? false
            }
            if try !isEqual && status() != .running {
                add(
                    .indexDiffers, "index.sqlite",
                    "the curve \(name) is not the one in the files; run `cairn reindex`")
            }
        }
    }

    private func status() throws -> RunStatus { try StoredRun(archive: archive, id: run).status }

    /// A step apart from its neighbours by half as much again as they are from theirs.
    private mutating func checkSchedule(_ steps: [Int]) {
        guard steps.count > 3 else { return }
        let gaps = zip(steps.dropFirst(), steps).map { $0 - $1 }
        for index in 1..<gaps.count - 1
        where 2 * Double(gaps[index]) >= 3 * Double(max(gaps[index - 1], gaps[index + 1])) {
            add(
                .scheduleGap, "",
                "no checkpoint between steps \(steps[index]) and \(steps[index + 1]), while the "
                    + "others are \(max(gaps[index - 1], gaps[index + 1])) apart")
        }
    }

    private mutating func add(
        _ kind: ArchiveProblem.Kind, _ file: String, _ explanation: String, _ step: Int? = nil,
        _ tensor: String? = nil
    ) {
        problems.append(
            ArchiveProblem(
                kind: kind, run: run, file: file, step: step, tensor: tensor,
                explanation: explanation))
    }
}
