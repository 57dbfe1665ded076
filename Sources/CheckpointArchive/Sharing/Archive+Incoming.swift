internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// Takes in one entry of the queue beside the archive; the caller has the turn.
    ///
    /// Runs that are new come in whole, by their folders' being moved, and their rows in one
    /// transaction; it can be cut short anywhere and done again. What contradicts the archive is
    /// reported and set aside in `incoming`. `isAllowed` is asked before each run.
    package func takeIn(
        _ entry: String, of queue: IncomingQueue, into report: inout MergeReport,
        isAllowed: () -> Bool = { true }
    ) throws {
        let place = queue.place(entry)
        let manifest = try IncomingQueue.Manifest.read(place)
        let conflictCount = report.conflicts.count
        var arrived: [(id: String, claim: FileLock)] = []
        for run in manifest.runs {
            guard isAllowed() else { throw Archive.lostTurn(queue) }
            if !place.runFolder(run.id).exists {
                // It was moved, and perhaps nothing more.
                let isKnown = try lookUp { try IndexRows.runKey(run.id, $0) } != nil
                if !isKnown, paths.runFile(run.id).exists, let claim = try attemptTidying(run.id) {
                    arrived.append((run.id, claim))
                }
            } else if paths.runFile(run.id).exists {
                try extend(run.id, from: place, into: &report)
            } else {
                // Nobody else knows of the folder.
                guard let claim = try FileLock.attempt(place.runLock(run.id), for: .tidying) else {
                    throw Archive.lostTurn(queue)
                }
                try place.runFolder(run.id).rename(to: paths.runFolder(run.id))
                arrived.append((run.id, claim))
            }
        }
        try withExtendedLifetime(arrived) {
            try paths.runsFolder.syncFolder()
            try index(arrived.map(\.id), into: &report)
        }
        try takeInResults(manifest, from: place, into: &report)
        if report.conflicts.count == conflictCount {
            try queue.remove(entry, files)
        } else {
            try queue.refuse(entry)
        }
    }

    private static func lostTurn(_ queue: IncomingQueue) -> ArchiveError {
        ArchiveError(
            .busy, file: queue.folder.absolute,
            cause: "another task has taken over what this one was taking in",
            advice: "nothing is lost; that task goes on with it")
    }

    /// Adds the rows of runs whose folders have come in.
    private func index(_ runs: [String], into report: inout MergeReport) throws {
        guard !runs.isEmpty else { return }
        var contents: [RunFolderContents] = []
        for run in runs {
            let scan = try RunFolderContents(paths: paths, run: run)
            do {
                _ = try scan.description.get()
                contents.append(scan)
            } catch {
                report.conflicts.append((run, "it cannot be read: \(error)"))
            }
        }
        try write { db in
            for scan in contents {
                let key = try IndexRows.putRun(scan.description.get(), status: .interrupted, db)
                _ = try scan.store(run: key, db)
                try scan.storeStatus(run: key, db)
            }
        }
        report.addedRuns += contents.map(\.run)
        report.checkpointCount += contents.reduce(0) {
            $0 + $1.entries.reduce(0) { $0 + $1.summaries.count }
        }
    }

    /// Adds to a run what has come in of its later steps.
    private func extend(
        _ id: String, from place: ArchivePaths, into report: inout MergeReport
    ) throws {
        func refuse(_ explanation: String) { report.conflicts.append((id, explanation)) }
        let scan = try RunFolderContents(paths: place, run: id)
        if let damage = scan.damaged.first {
            return refuse("\(damage.file): \(damage.cause); nothing of it is taken in")
        }
        let ours = try RunDescriptionFile.read(paths, id)
        guard case .success(let description) = scan.description, description == ours else {
            return refuse("two different runs have this id (\(ours.name)); neither is changed")
        }
        try maintaining(id) {
            let claim = try claim(ours)
            try withExtendedLifetime(claim) {
                try adoptFiles(of: id)
                let present = try StoredRun(archive: self, id: id)
                let catalogue = present.catalogue
                let summaries = scan.entries.flatMap(\.summaries)
                let different = summaries.first { summary in
                    catalogue.location(at: summary.step).map { $0.digest != summary.digest }
                        ?? false
                }
                if let different {
                    return refuse("step \(different.step) has other weights here; nothing changes")
                }
                if !catalogue.checkpoints.isEmpty,
                    let difference = summaries.lazy.compactMap({
                        catalogue.layout.difference(to: $0.layout)
                    }).first
                {
                    return refuse("the tensors differ: \(difference); nothing changes")
                }
                let missing = Set(summaries.map(\.step)).filter {
                    catalogue.location(at: $0) == nil
                }
                try moveFiles(scan, from: place, missing)
                try adoptFilesAndView(of: id)
                report.checkpointCount += missing.count
                if missing.isEmpty {
                    report.unchangedRuns.append(id)
                } else {
                    report.extendedRuns.append(id)
                }
            }
        }
    }

    /// Moves the files that hold something new into the run's folder; the caller holds its claim.
    private func moveFiles(
        _ scan: RunFolderContents, from place: ArchivePaths, _ missing: Set<Int>
    ) throws {
        let id = scan.run
        for entry in scan.entries {
            let path = entry.file.path
            let target = paths.file(id, path)
            let isNew =
                entry.optimizerStep != nil
                || entry.summaries.contains { missing.contains($0.step) }
            guard isNew, !target.exists else { continue }
            if path.contains("/") { try target.parent.makeFolder() }
            try files.move(place.file(id, path), to: target)
        }
        let present = try RunFolderContents.files(paths, id).filter { $0.hasPrefix("end-") }
            .map { try paths.file(id, $0).read() }
        for path in RunFolderContents.files(place, id) where path.hasPrefix("end-") {
            guard !present.contains(try place.file(id, path).read()) else { continue }
            let base = paths.file(id, String(path.dropLast(3)))
            try files.move(place.file(id, path), to: Archive.freePath(base, ".h5"))
        }
        for note in RunNote.allCases where place.file(id, note.path).exists {
            try files.move(place.file(id, note.path), to: paths.file(id, note.path))
        }
    }
}
