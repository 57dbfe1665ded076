internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// What rebuilding the index did.
    package struct ReindexReport: Sendable {
        package var runCount = 0
        package var checkpointCount = 0
        /// Files that could not be read, relative to the archive, with the reason.
        package var unreadable: [(file: String, cause: String)] = []
        /// Folders that are copies of runs.
        package var notUsed: [(folder: String, explanation: String)] = []
        /// Files that another program had opened for writing, whose digests match.
        package var resealed: [String] = []
        /// Where an index that could not be opened was set aside.
        package var setAside: String?
    }

    /// Rebuilds the index of an archive from its files and opens the archive.
    ///
    /// An index that opens keeps its analyses; one that does not is set aside. Each run changes in
    /// one transaction, so that an interrupted rebuild is only incomplete and can be repeated.
    package static func reindex(
        at path: String, options: Options = Options(), child: FileInspection.Child? = nil,
        progress: (ReindexReport) -> Void = { _ in }
    ) throws -> (archive: Archive, report: ReindexReport) {
        let paths = ArchivePaths(root: absolute(path))
        try ArchiveFormat.check(paths)
        do {
            var report = ReindexReport()
            let archive = try openForRebuilding(paths, options, &report)
            archive.files.sweep()
            try archive.rebuild(into: &report, using: child, progress)
            return (archive, report)
        } catch let error as any UserErrorConvertible
            where error.kind == .integrity && error.subject == paths.indexFile
        {
            // SQLite's check does not see all damage; some shows when rows are written.
            var report = ReindexReport()
            report.setAside = try setIndexAside(paths)
            let archive = try Archive(
                paths: paths, access: .readWrite, creatingIndex: true, options: options)
            try archive.rebuild(into: &report, using: child, progress)
            return (archive, report)
        }
    }

    private static func openForRebuilding(
        _ paths: ArchivePaths, _ options: Options, _ report: inout ReindexReport
    ) throws -> Archive {
        do {
            let archive = try Archive(
                paths: paths, access: .readWrite, creatingIndex: !paths.index("").exists,
                options: options)
            try archive.requireSoundIndex()
            return archive
        } catch let error as any UserErrorConvertible where error.kind == .integrity {
            report.setAside = try setIndexAside(paths)
            return try Archive(
                paths: paths, access: .readWrite, creatingIndex: true, options: options)
        }
    }

    private func requireSoundIndex() throws {
        let answer = try lookUp { try String.fetchOne($0, sql: "PRAGMA integrity_check(1)") }
        guard answer == "ok" else {
            throw ArchiveError(
                .damagedIndex, file: paths.indexFile, cause: answer ?? "unreadable")
        }
        if let damage = try lookUp(IndexSchema.damage) {
            throw ArchiveError(.damagedIndex, file: paths.indexFile, cause: damage)
        }
    }

    /// Moves a broken index away; nothing is deleted.
    private static func setIndexAside(_ paths: ArchivePaths) throws -> String {
        let lock = try FileLock.wait(paths.indexLock, seconds: ArchiveIndex.patience)
        return try withExtendedLifetime(lock) {
            let files = DurableFiles(
                temporaryFolder: paths.temporaryFolder, storage: .of(paths.root), hook: nil)
            try paths.quarantineFolder.makeFolder()
            let target = freePath(paths.quarantineFolder.appending("index"), ".sqlite")
            for suffix in ["-wal", "-shm", ""] where paths.index(suffix).exists {
                try files.move(
                    paths.index(suffix), to: RootedPath(root: target.root, target.path + suffix)
                )
            }
            return target.absolute
        }
    }

    /// A path that is not taken: with a number before its ending if need be.
    static func freePath(_ path: RootedPath, _ ending: String) -> RootedPath {
        var count = 0
        while true {
            let number = count == 0 ? "" : "-\(count)"
            let candidate = RootedPath(root: path.root, path.path + number + ending)
            if !candidate.exists { return candidate }
            count += 1
        }
    }

    private func rebuild(
        into report: inout ReindexReport, using child: FileInspection.Child?,
        _ progress: (ReindexReport) -> Void
    ) throws {
        let runs = try paths.runsFolder.names().filter { paths.runFile($0).exists }
        for run in runs {
            if let claim = try attemptTidying(run) {
                try withExtendedLifetime(claim) {
                    try rebuild(run, into: &report, using: child)
                }
            } else {
                do {
                    try adoptRunInWriting(run)
                } catch let damage as ArchiveError where damage.isDamage {
                    report.unreadable.append((damage.file, damage.cause))
                } catch let copy as ArchiveError where copy.code == .copiedFolder {
                    report.notUsed.append((copy.file, "\(copy.cause); \(copy.advice)"))
                }
            }
            report.runCount += 1
            progress(report)
        }
        for run in try runIDs() where !paths.runFile(run).exists {
            try write { db in
                // A run that began meanwhile has its folder before its row.
                guard !paths.runFile(run).exists else { return }
                try db.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [run])
            }
        }
        try index.syncLog()
    }

    func rebuild(
        _ run: String, into report: inout ReindexReport, using child: FileInspection.Child?
    ) throws {
        report.resealed += try resealFiles(of: run, using: child)
        let scan = try RunFolderContents(paths: paths, run: run)
        let description: RunDescription
        switch scan.description {
        case .success(let value): description = value
        case .failure(let damage as ArchiveError) where damage.isDamage:
            report.unreadable += (scan.damaged + [damage]).map { ($0.file, $0.cause) }
            return
        case .failure(let copy as ArchiveError) where copy.code == .copiedFolder:
            report.notUsed.append((copy.file, "\(copy.cause); \(copy.advice)"))
            return
        case .failure(let error): throw error
        }
        report.unreadable += scan.damaged.map { ($0.file, $0.cause) }
        // The whole index is synced at the end: before, a rebuild that is cut short is repeated.
        let redundant = try write(durability: .recoverable) { db in
            let key = try IndexRows.putRun(description, status: .interrupted, db)
            try IndexRows.forgetFiles(of: key, db)
            // Rows outlive a damaged file of tags, but not one that is not there.
            if !paths.file(run, TagFile.path).exists {
                try IndexRows.putTags([], of: key, db)
            }
            let redundant = try scan.store(run: key, db)
            try scan.storeStatus(run: key, db)
            return redundant
        }
        try clear(redundant, of: run)
        report.checkpointCount += scan.entries.reduce(0) { $0 + $1.summaries.count }
        if scan.entries.contains(where: { $0.file.kind == .pack }) {
            try renewVirtualFile(of: run)
        }
    }
}

extension IndexRows {
    /// Removes everything that follows from a run's files, but not the run and its analyses.
    static func forgetFiles(of key: Int64, _ db: Database) throws {
        for sql in [
            "DELETE FROM checkpoint WHERE run_key = ?", "DELETE FROM file WHERE run_key = ?",
            "DELETE FROM tensor WHERE run_key = ?", "DELETE FROM metric WHERE run_key = ?",
            "DELETE FROM metric_summary WHERE run_key = ?",
        ] {
            try db.execute(sql: sql, arguments: [key])
        }
    }
}
