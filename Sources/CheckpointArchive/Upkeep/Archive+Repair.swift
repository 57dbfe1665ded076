internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// One thing that `repair` did, or would do.
    package struct RepairAction: Sendable, Equatable {
        package let run: String
        /// Relative to the archive.
        package let file: String
        /// What happens to it, in words.
        package let action: String
        /// Whether it could not be done, although nothing is damaged that stands in its way.
        package var hasFailed = false
    }

    /// Sets aside what `verify` found broken and brings the index in line; never deletes.
    ///
    /// Sound checkpoints of a damaged pack move to a new pack. With `isDryRun` it only says what
    /// it would do. What cannot be mended, such as a damaged description of a run, stays and is
    /// reported by the next `verify`.
    package func repair(
        _ report: VerifyReport, isDryRun: Bool = false, using child: FileInspection.Child? = nil
    ) throws -> [RepairAction] {
        var actions: [RepairAction] = []
        let problems = report.problems.filter { $0.isIntegrityProblem || $0.kind == .outdatedView }
        for (run, problems) in Dictionary(grouping: problems, by: \.run).sorted(by: {
            $0.key < $1.key
        })
        where !run.isEmpty {
            // One run's trouble must not keep the others from being mended.
            do {
                guard paths.runFile(run).exists else {
                    actions += try dropMissingRun(run, isDryRun)
                    continue
                }
                let claim = try claimForTidying(
                    run, subject: "run \(run)", advice: "repair when it has ended")
                try withExtendedLifetime(claim) {
                    let repaired = {
                        try self.repair(run, problems, isDryRun, using: child)
                    }
                    actions += isDryRun ? try repaired() : try maintaining(run, repaired)
                }
            } catch let error as any UserErrorConvertible {
                var action = nothing(run, error.cause)
                action.hasFailed = error.kind != .integrity
                actions.append(action)
            }
        }
        return actions
    }

    private func nothing(_ run: String, _ cause: String) -> RepairAction {
        RepairAction(run: run, file: "runs/\(run)", action: "nothing: \(cause)")
    }

    private func dropMissingRun(_ run: String, _ isDryRun: Bool) throws -> [RepairAction] {
        let isEmpty =
            (try? paths.runFolder(run).names())?.contains { $0.hasSuffix(".h5") } != true
        guard isEmpty else { return [] }
        if !isDryRun {
            try write { try $0.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [run]) }
        }
        return [
            RepairAction(
                run: run, file: "runs/\(run)",
                action: "take the run out of the index, because its files are gone")
        ]
    }

    private func repair(
        _ run: String, _ problems: [ArchiveProblem], _ isDryRun: Bool,
        using child: FileInspection.Child?
    ) throws -> [RepairAction] {
        let resealed = try resealFiles(of: run, using: child, isDryRun: isDryRun)
        var actions = resealed.map {
            RepairAction(
                run: run, file: $0,
                action: "seal it anew: another program has opened it for writing, and every digest "
                    + "matches")
        }
        let problems = problems.filter {
            !resealed.contains($0.file) || $0.kind == .missingFile
        }
        if problems.contains(where: { $0.kind == .orphan || $0.kind == .indexDiffers }) {
            actions.append(
                RepairAction(
                    run: run, file: "runs/\(run)", action: "bring the index in line with the files")
            )
            if !isDryRun {
                let isDamaged = problems.contains {
                    [.missingFile, .damagedFile, .damagedTensor].contains($0.kind)
                }
                if isDamaged {
                    try adoptFiles(of: run)
                } else {
                    var report = ReindexReport()
                    try rebuild(run, into: &report, using: child)
                    if let (file, cause) = report.unreadable.first,
                        file == "runs/\(run)/run.h5"
                    {
                        // Without its description nobody can tell what the others are.
                        return actions.dropLast() + [
                            nothing(run, "run.h5 cannot be read: \(cause)")
                        ]
                    }
                }
                actions += try setAsideUnreadable(run)
            }
        }
        let stored = try StoredRun(archive: self, id: run)
        let damaged = Set(
            problems.filter {
                [.missingFile, .damagedFile, .damagedTensor, .outdatedView].contains($0.kind)
            }
            .map(\.file))
        var lost: Set<Int> = []
        var rewritten: Set<String> = []
        for file in damaged.sorted() {
            let path = String(file.dropFirst("runs/\(run)/".count))
            let locations = stored.catalogue.checkpoints.filter { $0.path == path }
            if locations.isEmpty {
                actions += try dropState(path, of: stored, isDryRun)
                continue
            }
            let steps = Set(problems.filter { $0.file == file }.compactMap(\.step))
            // Without a step the file is missing, or bytes outside its tensors changed.
            let isMissing = problems.contains { $0.file == file && $0.kind == .missingFile }
            let broken = isMissing ? Set(locations.map(\.step)) : steps
            lost.formUnion(broken)
            let kept = locations.count - broken.count
            actions.append(
                RepairAction(
                    run: run, file: file,
                    action: isMissing
                        ? "take its \(locations.count) checkpoints out of the index"
                        : "move it to the quarantine; \(kept) of \(locations.count) checkpoints stay"
                ))
            rewritten.insert(path)
        }
        if !isDryRun, !rewritten.isEmpty {
            try remove(
                steps: lost, from: stored, to: paths.quarantineFolder, rewriting: rewritten)
        }
        return actions
    }

    /// Files of weights that nobody can read go to the quarantine.
    private func setAsideUnreadable(_ run: String) throws -> [RepairAction] {
        let known = try lookUp { db in
            Set(
                try String.fetchAll(
                    db, sql: "SELECT path FROM file JOIN run USING (run_key) WHERE id = ?",
                    arguments: [run]))
        }
        return try RunFolderContents(paths: paths, run: run, skipping: known).damaged.map {
            damage in
            let path = String(damage.file.dropFirst("runs/\(run)/".count))
            try setAside(path, of: run, in: paths.quarantineFolder)
            return RepairAction(
                run: run, file: damage.file, action: "move it to the quarantine: \(damage.cause)")
        }
    }

    /// A damaged file without weights: optimiser state goes to the quarantine, the description
    /// and the ends of a run stay, because nothing could replace them.
    private func dropState(
        _ path: String, of run: StoredRun, _ isDryRun: Bool
    ) throws
        -> [RepairAction]
    {
        let file = "runs/\(run.id)/\(path)"
        if path == ArchivePaths.packedView {
            if !isDryRun { try writeVirtualFile(of: run.id) }
            return [RepairAction(run: run.id, file: file, action: "write it anew from the packs")]
        }
        if path == TagFile.path {
            if !isDryRun {
                try setAside(path, of: run.id, in: paths.quarantineFolder)
                let tags = try tags(of: run)
                try TagFile.write(Set(tags), paths, run.id, files)
            }
            return [
                RepairAction(
                    run: run.id, file: file,
                    action: "move it to the quarantine and write it anew from the index")
            ]
        }
        if RunNote.allCases.contains(where: { $0.path == path }) {
            if !isDryRun { try setAside(path, of: run.id, in: paths.quarantineFolder) }
            return [
                RepairAction(
                    run: run.id, file: file,
                    action: "move it to the quarantine; the run itself does not rest on it")
            ]
        }
        guard path.hasPrefix("optimizer/") else {
            return [
                RepairAction(
                    run: run.id, file: file,
                    action: "nothing: it cannot be made again; restore it from a copy")
            ]
        }
        if !isDryRun {
            try write { db in
                guard let key = try IndexRows.runKey(run.id, db) else { return }
                try IndexRows.forgetFile(path, of: key, db)
            }
            if paths.file(run.id, path).exists {
                try setAside(path, of: run.id, in: paths.quarantineFolder)
            }
        }
        return [
            RepairAction(
                run: run.id, file: file,
                action: "move it to the quarantine; training cannot continue from this step")
        ]
    }
}
