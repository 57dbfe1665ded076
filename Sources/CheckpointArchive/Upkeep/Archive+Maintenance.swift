internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// Runs work that moves files and index rows of a run, so that a crash in between is mended
    /// when the archive is opened next.
    ///
    /// A marker stands in the temporary folder while the work goes on, and stays if it fails.
    func maintaining<Value>(_ run: String, _ work: () throws -> Value) throws -> Value {
        try maintaining([run], work)
    }

    /// The same for work on several runs.
    func maintaining<Value>(_ runs: [String], _ work: () throws -> Value) throws -> Value {
        // Without the claim another process is at this run, and the run's own lock will say so.
        let claims = try runs.map { run in
            (marker: marker(of: run), claim: try FileLock.attempt(marker(of: run)))
        }
        return try withExtendedLifetime(claims) {
            let ours = claims.filter { $0.claim?.mark() ?? false }
            // A power cut must not take the marker and leave the work.
            if !ours.isEmpty { try paths.temporaryFolder.syncFolder() }
            let value = try work()
            for (marker, _) in ours { try? marker.remove() }
            return value
        }
    }

    /// Has the next opening of the archive look through the files of a run.
    func leaveMarker(of run: String) throws {
        _ = try FileLock.wait(marker(of: run), seconds: 10).mark()
    }

    private static let markerPrefix = "adopt-"

    func marker(of run: String) -> RootedPath {
        paths.temporaryFolder.appending("\(Archive.markerPrefix)\(run)")
    }

    /// Whether a process is moving files and rows of a run, or died at it, so that the next opening of
    /// the archive for writing takes in what has no row.
    func isInMaintenance(_ run: String) -> Bool { marker(of: run).exists }

    /// Brings the index in line with the files of runs whose process died at work.
    ///
    /// Those are the runs that say they are being written by nobody, and the runs with a marker.
    func finishInterruptedWork() throws {
        try recogniseInterruptedRuns()
        for entry in try paths.temporaryFolder.names()
        where entry.hasPrefix(Archive.markerPrefix) {
            let run = String(entry.dropFirst(Archive.markerPrefix.count))
            let marker = paths.temporaryFolder.appending(entry)
            // The process that made the marker holds it as long as it lives.
            guard let claim = try FileLock.attempt(marker) else { continue }
            withExtendedLifetime(claim) {
                guard paths.runFile(run).exists else { return (try? marker.remove()) ?? () }
                // Another process may be writing the run; then this is left for a later opening.
                guard let claim = try? attemptTidying(run) else { return }
                withExtendedLifetime(claim) {
                    // It goes before the claim does: the next writer of the run may need it.
                    if leavingTrouble({ try adoptFilesAndView(of: run) }) { try? marker.remove() }
                }
            }
        }
    }

    /// Marks runs whose process died, and takes in the files it had no time to index.
    private func recogniseInterruptedRuns() throws {
        let running = try lookUp {
            try String.fetchAll($0, sql: "SELECT id FROM run WHERE status = 'running'")
        }
        for run in running where paths.runFolder(run).exists {
            leavingTrouble {
                guard let claim = try attemptTidying(run) else { return }
                try withExtendedLifetime(claim) { try adoptFilesAndView(of: run) }
            }
        }
    }

    /// Takes in the files of a run that the index does not know, and shows all its packs in
    /// `packed.h5`: a process that died between a pack and that file left one that shows too little.
    func adoptFilesAndView(of run: String) throws {
        try setAsideIncompleteFiles(of: run)
        try adoptFiles(of: run) {
            try renewVirtualFile(of: run)
        }
    }

    /// Moves loose files that the index does not know and that cannot be opened into the quarantine:
    /// the power failed before they were acknowledged.
    private func setAsideIncompleteFiles(of run: String) throws {
        let known = try indexedPaths(of: run)
        for path in RunFolderContents.files(paths, run)
        where path.hasPrefix("loose/") && !known.contains(path) {
            let file = paths.file(run, path)
            do {
                _ = try ArchiveError.reading(file) { try CheckpointFile.header(file, run: run) }
            } catch let error as ArchiveError where error.isDamage {
                try setAside(path, of: run, in: paths.quarantineFolder)
            }
        }
    }

    /// Runs `body`, which is about one run; returns whether there is nothing left to do.
    ///
    /// What is damaged is left for `verify` to report, and what fails otherwise for a later opening
    /// of the archive: one run's trouble must not keep the others from being used.
    @discardableResult
    func leavingTrouble(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch let error as any UserErrorConvertible {
            return error.kind == .integrity || (error as? ArchiveError)?.code == .copiedFolder
        } catch {
            return false
        }
    }

    /// Ends work that was cut short after its commit.
    ///
    /// Files whose checkpoints are all in other files move to the trash, provided that those read
    /// back.
    func clear(_ redundant: [String], of run: String) throws {
        guard !redundant.isEmpty else { return }
        let stored = try StoredRun(archive: self, id: run)
        for path in redundant {
            let header = try? RunFolderContents(paths: paths, run: run, only: path).entries.first
            let isSafe = header?.summaries.allSatisfy {
                (try? stored.weights(at: $0.step)) != nil
            }
            if isSafe == true { try setAside(path, of: run, in: paths.trashFolder) }
        }
    }

    /// Moves a file of a run that the index no longer needs into the trash or the quarantine.
    @discardableResult
    func setAside(_ path: String, of run: String, in folder: RootedPath) throws -> RootedPath {
        let name = (path as NSString).lastPathComponent as NSString
        for parent in [folder, folder.appending(run)] { try parent.makeFolder() }
        let target = Archive.freePath(
            folder.appending(run).appending(name.deletingPathExtension),
            ".\(name.pathExtension)")
        let source = paths.file(run, path)
        try files.move(source, to: target)
        // A power cut must not leave both names, or the old one alone.
        try source.parent.syncFolder()
        return target
    }
}
