internal import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files
internal import SystemFiles

/// What the files of one run's folder say.
struct RunFolderContents: Sendable {
    /// One file that belongs into the index.
    struct Entry: Sendable {
        let file: IndexedFile
        /// The checkpoints of the file; their positions are their ranks.
        let summaries: [CheckpointFile.Summary]
        /// The curves, or why they cannot be read; the weights are kept either way.
        let metrics: Result<[MetricPoint], any Error>
        /// The step whose optimiser state the file holds, for files that hold nothing else.
        var optimizerStep: Int?
    }

    let run: String
    private let paths: ArchivePaths
    let description: Result<RunDescription, any Error>

    /// What is wrong with a folder that holds a copy of another run; nil for a run's own folder and
    /// for one that does not tell.
    static func copy(_ paths: ArchivePaths, _ folder: String) -> ArchiveError? {
        let description = try? RunDescriptionFile.read(paths, folder)
        return description.flatMap { $0.id == folder ? nil : copy(of: $0, in: folder) }
    }

    private static func copy(of run: RunDescription, in folder: String) -> ArchiveError {
        ArchiveError(
            .copiedFolder, file: "runs/\(folder)",
            cause: "it is a copy of the folder of run \(run.id) and is not used")
    }

    /// Files of weights, in the order of their first steps.
    let entries: [Entry]
    let ends: [EndFile]
    /// Nil without a file of tags, and when it cannot be read.
    let tags: Set<RunTag>?
    /// The files of the run's description and its ends.
    let otherFiles: [IndexedFile]
    /// Files that could not be read, with the reason.
    let damaged: [ArchiveError]

    /// Reads every file of the run but the ones named in `known`.
    ///
    /// With `only`, reads that file alone.
    init(
        paths: ArchivePaths, run: String, skipping known: Set<String> = [], only: String? = nil
    ) throws {
        self.run = run
        self.paths = paths
        description = Result {
            let description = try RunDescriptionFile.read(paths, run)
            guard description.id == run else {
                throw RunFolderContents.copy(of: description, in: run)
            }
            return description
        }
        var entries: [Entry] = []
        var ends: [(count: Int, end: EndFile)] = []
        var otherFiles: [IndexedFile] = []
        if case .success = description, !known.contains("run.h5") {
            otherFiles.append(
                try ArchiveError.reading(paths.runFile(run)) {
                    try IndexedFile(path: "run.h5", kind: .run, at: paths.runFile(run))
                })
        }
        var damaged: [ArchiveError] = []
        // Ends are read even when known: the status follows from them.
        for path in RunFolderContents.files(paths, run)
        where (path.hasPrefix("end-") || !known.contains(path)) && path == only ?? path {
            do {
                try ArchiveError.reading(paths.file(run, path)) {
                    if path.hasPrefix("end-") {
                        let place = paths.file(run, path)
                        ends.append(
                            (ArchivePaths.endCount(path), try EndFile.read(place, run: run)))
                        otherFiles.append(try IndexedFile(path: path, kind: .end, at: place))
                    } else {
                        entries.append(try RunFolderContents.entry(paths, run, path))
                    }
                }
            } catch let error as ArchiveError where error.isDamage {
                damaged.append(error)
            }
        }
        var tags: Set<RunTag>?
        do {
            tags = only == nil ? try TagFile.read(paths, run) : nil
        } catch let error as ArchiveError where error.isDamage {
            damaged.append(error)
        }
        self.tags = tags
        self.entries = entries.sorted { $0.firstStep < $1.firstStep }
        // Their times are those of a clock, which can be set back.
        self.ends = ends.sorted {
            ($0.end.lastStep, $0.count) < ($1.end.lastStep, $1.count)
        }.map(\.end)
        self.otherFiles = otherFiles
        self.damaged = damaged
    }

    /// The files of a run's folder that the index or the status relies on, by path.
    static func files(_ paths: ArchivePaths, _ run: String) -> [String] {
        func list(_ folder: RootedPath) -> [String] {
            ((try? folder.names()) ?? []).filter { $0.hasSuffix(".h5") }
        }
        let top = list(paths.runFolder(run)).filter {
            $0.hasPrefix("pack-") || $0.hasPrefix("end-")
        }
        return
            (top + list(paths.file(run, "loose")).map { "loose/\($0)" }
            + list(paths.file(run, "optimizer")).map { "optimizer/\($0)" }).sorted()
    }

    private static func entry(
        _ paths: ArchivePaths, _ run: String, _ path: String
    ) throws -> Entry {
        let place = paths.file(run, path)
        func requireName(_ first: Int, _ last: Int) throws {
            guard ArchivePaths.isName(path, ofSteps: first, last) else {
                throw ArchiveError(
                    .damaged, file: place.path,
                    cause: "it does not hold the steps that its name says")
            }
        }
        if path.hasPrefix("loose/") {
            let header = try CheckpointFile.header(place, run: run)
            try requireName(header.summary.step, header.summary.step)
            return Entry(
                file: try IndexedFile(path: path, kind: .loose, at: place),
                summaries: [header.summary], metrics: header.metrics)
        }
        if path.hasPrefix("optimizer/") {
            let step = try CheckpointFile.readOptimizerFile(place, run: run).step
            try requireName(step, step)
            return Entry(
                file: try IndexedFile(path: path, kind: .optimizer, at: place),
                summaries: [], metrics: .success([]), optimizerStep: step)
        }
        let pack = try PackFile.header(place, run: run)
        try requireName(pack.summaries.first?.step ?? -1, pack.summaries.last?.step ?? -1)
        return Entry(
            file: try IndexedFile(path: path, kind: .pack, at: place),
            summaries: pack.summaries, metrics: pack.metrics)
    }
}

extension RunFolderContents.Entry {
    fileprivate var firstStep: Int { summaries.first?.step ?? optimizerStep ?? 0 }
}

extension RunFolderContents {
    /// Writes what was read into the index; the run's row exists.
    ///
    /// Returns the files all of whose checkpoints are in other files: work was cut short between
    /// its new files and its old ones. They are left out.
    func store(run key: Int64, _ db: Database) throws -> [String] {
        var redundant: [String] = []
        // Packs come first, so that of a loose checkpoint that is also packed the pack stays.
        for kind in [IndexedFile.Kind.pack, .loose] {
            for entry in entries where entry.file.kind == kind {
                if try isElsewhere(entry, run: key, db) {
                    redundant.append(entry.file.path)
                } else {
                    try store(entry, run: key, db)
                }
            }
        }
        for entry in entries {
            guard let step = entry.optimizerStep else { continue }
            try IndexRows.putOptimizerState(entry.file, step: step, of: key, db)
        }
        for file in otherFiles { _ = try IndexRows.putFile(file, of: key, db) }
        for end in ends { try MetricRows.add(end.metrics, run: key, db) }
        // They may have changed since the folder was read: changing them takes no claim on the run.
        if tags != nil, let present = try? TagFile.read(paths, run) {
            try IndexRows.putTags(present, of: key, db)
        }
        try forgetPackedStates(run: key, db)
        return redundant + (try forgetEmptied(run: key, db))
    }

    /// Takes files out of the index that are gone and held optimiser states alone, all but the
    /// newest: packing leaves them out, and an index that was made before knows them still.
    private func forgetPackedStates(run key: Int64, _ db: Database) throws {
        let paths = try String.fetchAll(
            db,
            sql: """
                SELECT path FROM file
                WHERE run_key = ?1 AND kind IN ('loose', 'optimizer')
                    AND NOT EXISTS (
                        SELECT * FROM checkpoint AS c WHERE c.file_key = file.file_key)
                    AND file_key IS NOT (
                        SELECT optimizer_file_key FROM checkpoint
                        WHERE run_key = ?1 AND optimizer_file_key IS NOT NULL
                        ORDER BY step DESC LIMIT 1)
                """, arguments: [key])
        for path in paths where !self.paths.file(run, path).exists {
            try IndexRows.forgetFile(path, of: key, db)
        }
    }

    /// Takes files out of the index whose checkpoints have all moved to other files; returns them.
    private func forgetEmptied(run key: Int64, _ db: Database) throws -> [String] {
        let emptied = try Row.fetchAll(
            db,
            sql: """
                SELECT file_key, path FROM file
                WHERE run_key = ? AND kind IN ('pack', 'loose')
                    AND NOT EXISTS (
                        SELECT * FROM checkpoint AS c WHERE c.file_key = file.file_key)
                    AND NOT EXISTS (
                        SELECT * FROM checkpoint AS c WHERE c.optimizer_file_key = file.file_key)
                """, arguments: [key])
        for row in emptied {
            try db.execute(
                sql: "DELETE FROM file WHERE file_key = ?",
                arguments: [try row.decode(Int64.self, atIndex: 0)])
        }
        return try emptied.map { try $0.decode(atIndex: 1) }
    }

    /// Whether the index has every checkpoint of a file in other files, with the same weights.
    private func isElsewhere(_ entry: Entry, run key: Int64, _ db: Database) throws -> Bool {
        guard !entry.summaries.isEmpty else { return false }
        let statement = try db.cachedStatement(
            sql: """
                SELECT digest, path FROM checkpoint JOIN file USING (file_key)
                WHERE checkpoint.run_key = ? AND step = ? AND path <> ?
                """)
        return try entry.summaries.allSatisfy { summary in
            let row = try Row.fetchOne(
                statement, arguments: [key, summary.step, entry.file.path])
            guard let row, try row.decode(Data.self, atIndex: 0) == Data(summary.digest.bytes)
            else { return false }
            return paths.file(self.run, try row.decode(String.self, atIndex: 1)).exists
        }
    }

    private func store(_ entry: Entry, run key: Int64, _ db: Database) throws {
        let fileKey = try IndexRows.putFile(entry.file, of: key, db)
        for (position, summary) in entry.summaries.enumerated() {
            try IndexRows.putLayout(summary.layout, of: key, db)
            try IndexRows.putCheckpoint(
                summary, fileKey: fileKey, position: position,
                optimizerFileKey: summary.hasOptimizerState ? fileKey : nil, of: key, db)
        }
        if case .success(let points) = entry.metrics { try MetricRows.add(points, run: key, db) }
    }

    /// Sets how the run stands, from its last end and its last checkpoint.
    ///
    /// Without an end after the last checkpoint, its process died.
    func storeStatus(run key: Int64, _ db: Database) throws {
        let lastStep =
            try Int.fetchOne(
                db, sql: "SELECT last_step FROM run WHERE run_key = ?", arguments: [key]) ?? -1
        if let end = ends.last, end.lastStep >= lastStep {
            try IndexRows.setStatus(end.status, finishedAt: end.finishedAt, of: key, db)
        } else {
            try IndexRows.setStatus(.interrupted, finishedAt: nil, of: key, db)
        }
    }
}
