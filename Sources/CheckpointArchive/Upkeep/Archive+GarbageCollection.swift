internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

/// Which checkpoints garbage collection spares; a checkpoint stays when any rule spares it.
package struct KeepRules: Sendable, Equatable {
    /// Every step that is a multiple of this.
    package var every: Int?
    package var first = true
    package var last = true
    /// The checkpoint nearest to each of this many evenly spaced points per decade of steps.
    package var perDecade: Int?
    package var tagged = true
    /// Optimiser states that stay, counted from the newest, which always does; nil for the newest
    /// and those that the run's settings keep.
    package var optimizerStates: Int?

    package init(every: Int? = nil, perDecade: Int? = nil, optimizerStates: Int? = nil) {
        self.every = every
        self.perDecade = perDecade
        self.optimizerStates = optimizerStates
    }

    /// The rule that spares each step, in words; steps without a reason go.
    package func reasons(steps: [Int], taggedSteps: Set<Int> = []) -> [Int: String] {
        var reasons: [Int: String] = [:]
        if let every, every > 0 {
            for step in steps where step % every == 0 { reasons[step] = "every \(every)" }
        }
        if let perDecade, perDecade > 0 {
            for step in logarithmic(steps, perDecade) where reasons[step] == nil {
                reasons[step] = "\(perDecade) per decade"
            }
        }
        if first, let step = steps.first { reasons[step] = "first" }
        if last, let step = steps.last { reasons[step] = "last" }
        if tagged {
            for step in steps where taggedSteps.contains(step) { reasons[step] = "tagged" }
        }
        return reasons
    }

    /// The steps nearest to 10^(k / perDecade) on the scale of log10(step + 1).
    private func logarithmic(_ steps: [Int], _ perDecade: Int) -> Set<Int> {
        guard let last = steps.last else { return [] }
        let positions = steps.map { log10(Double($0) + 1) }
        let count = Int(log10(Double(last) + 1) * Double(perDecade)) + 1
        var chosen: Set<Int> = []
        for point in 0...count {
            let target = Double(point) / Double(perDecade)
            let nearest = positions.indices.min {
                abs(positions[$0] - target) < abs(positions[$1] - target)
            }
            if let nearest { chosen.insert(steps[nearest]) }
        }
        return chosen
    }
}

extension Archive {
    /// What garbage collection does with one checkpoint or one optimiser state.
    package struct CollectionItem: Sendable, Equatable {
        package let run: String
        package let step: Int
        /// Relative to the archive.
        package let file: String
        /// `weights` or `optimizer`.
        package let part: String
        package let isKept: Bool
        /// The rule that spares it, or `no rule spares it`.
        package let reason: String
        /// Raw bytes of the weights, or the size of a file of optimiser state.
        package let byteCount: Int
    }

    /// What `collectGarbage` would do under these rules, checkpoint by checkpoint.
    ///
    /// `runs` are ids; nil means all. Runs that are being written are spared whole.
    package func planCollection(
        _ rules: KeepRules, runs: [String]? = nil
    ) throws -> [CollectionItem] {
        try (try runs ?? runIDs()).flatMap { run in
            let isBusy = try FileLock.attempt(paths.runLock(run)) == nil
            return try plan(rules, try StoredRun(archive: self, id: run), isBusy: isBusy)
        }
    }

    /// Moves what the plan does not keep into the trash, where it can be restored from until
    /// `purgeTrash`.
    ///
    /// Returns what the rules spare by now, because it was tagged or has become the last one since
    /// the plan was made.
    @discardableResult
    package func collectGarbage(
        _ plan: [CollectionItem], by rules: KeepRules
    ) throws -> [CollectionItem] {
        let going = plan.filter { !$0.isKept }
        var spared: [CollectionItem] = []
        for (run, items) in Dictionary(grouping: going, by: \.run).sorted(by: { $0.key < $1.key }) {
            let stored = try StoredRun(archive: self, id: run)
            let claim = try claimForTidying(
                run, subject: "run \(stored.name) (\(run))", advice: "collect when it has ended")
            try withExtendedLifetime(claim) {
                try maintaining(run) { spared += try collect(items, of: stored, by: rules) }
            }
        }
        return spared
    }

    /// Removes what the rules do not spare now either; returns what they spare.
    private func collect(
        _ items: [CollectionItem], of run: StoredRun, by rules: KeepRules
    ) throws -> [CollectionItem] {
        while true {
            // It may have been packed or tagged before it was claimed.
            try run.refresh()
            let kept = try plan(rules, run, isBusy: false).filter(\.isKept)
            func steps(_ items: [CollectionItem], _ part: String) -> Set<Int> {
                Set(items.filter { $0.part == part }.map(\.step))
            }
            let going = steps(items, "weights").subtracting(steps(kept, "weights"))
            let states = steps(items, "optimizer").subtracting(steps(kept, "optimizer"))
            try dropStates(states.subtracting(going), of: run)
            do {
                if !going.isEmpty {
                    let present = try StoredRun(archive: self, id: run.id)
                    try remove(steps: going, from: present, to: paths.trashFolder) { db in
                        guard rules.tagged, try IndexRows.hasTags(on: going, of: run.id, db)
                        else { return }
                        throw ArchiveError(.changedTags)
                    }
                }
            } catch let error as ArchiveError where error.code == .changedTags {
                continue
            }
            return kept.filter { item in
                items.contains { $0.step == item.step && $0.part == item.part }
            }
        }
    }

    /// Deletes what lies in the trash for longer than `seconds`; returns the bytes that went.
    package func purgeTrash(olderThan seconds: Double = 0) throws -> Int {
        var byteCount = 0
        for run in try paths.trashFolder.names() {
            let folder = paths.trashFolder.appending(run)
            for entry in try folder.names() {
                let path = folder.appending(entry)
                guard let status = try path.status(), status.secondsSinceChange >= seconds
                else { continue }
                byteCount += Archive.sizes(in: path).reduce(0, +)
                // A folder is a whole run that was removed.
                try path.removeTree()
            }
            // What is not old enough stays, and its folder with it.
            try? folder.removeFolder()
        }
        return byteCount
    }

    private func plan(
        _ rules: KeepRules, _ run: StoredRun, isBusy: Bool
    ) throws -> [CollectionItem] {
        let steps = run.steps
        let tags = try lookUp { db in
            Set(
                try Int.fetchAll(
                    db, sql: "SELECT step FROM tag JOIN run USING (run_key) WHERE id = ?",
                    arguments: [run.id]))
        }
        let spared = rules.reasons(steps: steps, taggedSteps: tags)
        let rowByteCount = run.catalogue.layout.byteCount
        var items: [CollectionItem] = []
        let states = run.catalogue.checkpoints.filter { $0.optimizerPath != nil }
        let newestStates = Set(states.suffix(max(1, rules.optimizerStates ?? 1)).map(\.step))
        let policy = rules.optimizerStates == nil ? try run.run.optimizerStatePolicy : .newest
        for location in run.catalogue.checkpoints {
            let isNewestState = newestStates.contains(location.step)
            let reason =
                isBusy
                ? "the run is being written"
                : spared[location.step]
                    ?? (tags.contains(-1) && rules.tagged ? "run is tagged" : nil)
                    ?? (isNewestState ? "newest optimiser state" : nil)
            items.append(
                CollectionItem(
                    run: run.id, step: location.step, file: "runs/\(run.id)/\(location.path)",
                    part: "weights", isKept: reason != nil, reason: reason ?? "no rule spares it",
                    byteCount: rowByteCount))
            guard let state = location.optimizerPath else { continue }
            let stateReason =
                isBusy
                ? "the run is being written"
                : isNewestState
                    ? "newest optimiser state"
                    : policy.keeps(location.step) && reason != nil ? "the run's settings" : nil
            items.append(
                CollectionItem(
                    run: run.id, step: location.step, file: "runs/\(run.id)/\(state)",
                    part: "optimizer", isKept: stateReason != nil,
                    reason: stateReason ?? "no rule spares it",
                    byteCount: (try? paths.file(run.id, state).fileByteCount()) ?? 0))
        }
        return items
    }

    /// Optimiser states whose checkpoints stay: loose ones go when their checkpoint is packed.
    private func dropStates(_ steps: Set<Int>, of run: StoredRun) throws {
        for location in run.catalogue.checkpoints where steps.contains(location.step) {
            guard let path = location.optimizerPath else { continue }
            let isShared = path == location.path
            try write { db in
                guard let key = try IndexRows.runKey(run.id, db) else { return }
                try db.execute(
                    sql: """
                        UPDATE checkpoint SET optimizer_file_key = NULL
                        WHERE run_key = ? AND step = ?
                        """, arguments: [key, location.step])
                guard !isShared else { return }
                try db.execute(
                    sql: "DELETE FROM file WHERE run_key = ? AND path = ?", arguments: [key, path])
            }
            if !isShared { try setAside(path, of: run.id, in: paths.trashFolder) }
        }
    }
}
