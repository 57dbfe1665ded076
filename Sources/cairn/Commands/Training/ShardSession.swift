internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Synchronization
internal import Training

/// A task that trains some runs of a sweep in an archive of its own and merges them into the archive
/// that all tasks share.
final class ShardSession: Sendable {
    private let common: CommonOptions
    private let sharing: SharingOptions
    private let retriesFailed: Bool
    private let options: Archive.Options
    private let shared: Archive
    private let own: Archive
    private let handover: Handover
    private let state = Mutex(State())

    private struct State {
        /// When each run that is being trained was merged last.
        var merged: [String: ContinuousClock.Instant] = [:]
        /// The first thing that the task's own archive could not do.
        var storageFailure: (any Error)?
        /// What keeps a run from being this task's, by the token of the task that has it.
        var others: Set<String> = []
    }

    init(
        common: CommonOptions, options: Archive.Options, sharing: SharingOptions,
        retriesFailed: Bool
    ) throws {
        self.common = common
        self.sharing = sharing
        self.retriesFailed = retriesFailed
        self.options = options
        let queue = IncomingQueue(common.archivePath)
        try queue.prepare()
        let task = try TaskMark(queue)
        shared = try ArchiveAccess(common).openReadOnly()
        let folder =
            sharing.workFolder.map { "\($0)/cairn-\(task.token)" } ?? queue.workPath(of: task)
        // What counts is what is merged, and that is synced.
        own = try Archive.scratch(at: folder, options: options)
        // Runs that go on look for their arrays in the archive that they are in.
        try own.mergeData(of: shared)
        handover = Handover(
            queue: queue, task: task, own: own, access: ArchiveAccess(common), common: common)
    }

    /// Trains what is left to do of a sweep's runs; answers the endings in their order.
    func train(
        _ sweep: Sweep, workers: Int, report: @escaping @Sendable (SweepRunner.Event) -> Bool
    ) throws -> [SweepRunner.Ending] {
        handover.takeTurn()
        var endings = try SweepRunner(sweep, store: store(of: sweep.name)).run(
            workers: workers, report: tell(report))
        // Those that another task had are tried again as long as that may be dead.
        while !isStopping(report) {
            let left = endings.indices.filter {
                if case .elsewhere = endings[$0] { true } else { false }
            }
            let others = state.withLock { $0.others }
            guard !left.isEmpty, others.contains(where: { handover.watch.life(of: $0) != .alive })
            else { break }
            state.withLock { $0.others = [] }
            let again = try SweepRunner(sweep.with(left), store: store(of: sweep.name)).run(
                workers: workers, report: tell(report))
            for (index, ending) in zip(left, again) { endings[index] = ending }
            let isWaiting = state.withLock { $0.others }.contains {
                handover.watch.life(of: $0) == .unknown
            }
            // Signs of life come every few seconds.
            if isWaiting { usleep(500_000) }
        }
        return endings
    }

    /// Merges what is left and removes the task's own archive; asks the scheduler to go on later where
    /// it stopped the task.
    func finish() throws {
        let trouble = handover.finish()
        if let failure = state.withLock({ $0.storageFailure }) {
            throw UserError(
                .failure, subject: own.paths.root,
                cause: "the task's own archive failed (\(Shell.words(failure)))",
                advice: "start the task again; it goes on from what was merged last")
        }
        if let trouble {
            throw UserError(
                .failure, subject: shared.paths.root,
                cause: "the runs of this task could not be merged (\(trouble))",
                advice: "mend that, then run `cairn merge \(own.paths.root)`")
        }
        guard StopSignals.isRequested else { return }
        guard let signal = StopSignals.schedulerSignal else { return try StopSignals.check() }
        try Requeue(sharing.requeueWay, common).ask(after: signal)
    }

    private func isStopping(_ report: (SweepRunner.Event) -> Bool) -> Bool {
        StopSignals.isRequested || state.withLock { $0.storageFailure } != nil
    }

    /// The task ends where its own archive fails: other runs would fail as well.
    private func tell(
        _ report: @escaping @Sendable (SweepRunner.Event) -> Bool
    ) -> @Sendable (SweepRunner.Event) -> Bool {
        { [self] event in
            report(event) && state.withLock { $0.storageFailure } == nil
        }
    }

    private func store(of sweep: String) -> SweepRunner.Store {
        var store = SweepRunner.Store(
            plan: { [self] in try plan($0, $1) },
            sink: { [self] in sink(for: $0) },
            stored: { [self] name, _ in
                guard let id = handover.id(of: name) else {
                    throw UserError.missing(subject: "run \(name)", cause: "it has gone")
                }
                let run = try own.run(matching: id)
                let description = try run.run
                if ProgramVersions.difference(from: description.versions) != nil {
                    try own.addPlace(ProgramVersions.current, to: run)
                }
                let sink = sink(for: name)
                try sink.begin(description)
                return (run, sink)
            })
        store.data = { [shared] in try shared.data($0) }
        store.isPauseDue = { [self] name in
            guard let last = state.withLock({ $0.merged[name] }) else { return false }
            return ContinuousClock.now - last > sharing.mergeInterval
        }
        store.paused = { [self] name in
            handover.handOver(resting: name)
            state.withLock { $0.merged[name] = .now }
        }
        store.ended = { [self] in ended($0, $1) }
        return store
    }

    private func sink(for name: String) -> NotedSink {
        NotedSink(BackgroundSink(own.writer())) { [self] error in
            state.withLock { $0.storageFailure = $0.storageFailure ?? error }
        } begins: { [self] run in
            handover.note(run.id, for: name)
            state.withLock { $0.merged[name] = .now }
        }
    }

    /// What this task does with a run: it claims it, and then looks at how it stands.
    private func plan(_ name: String, _ configuration: String) throws -> SweepRunner.Plan {
        if let holder = try handover.claim(name, configuration) {
            if !holder.isEmpty { state.withLock { _ = $0.others.insert(holder) } }
            return .elsewhere("another task has it (\(Handover.words(holder)))")
        }
        if try handover.isWaiting(name) {
            handover.takeTurn()
            guard try !handover.isWaiting(name) else {
                handover.letGo(name)
                return .elsewhere("it waits to be taken in")
            }
        }
        let standing = try shared.standings(named: name).last {
            $0.configuration == configuration
        }
        guard let standing else { return .start() }
        if standing.status != .finished,
            let difference = ProgramVersions.difference(
                from: try shared.run(matching: standing.id).run.versions)
        {
            common.note("\(name): the bits may differ from those where it began: \(difference).")
        }
        let plan = try standing.plan(in: shared, retryingFailed: retriesFailed)
        switch plan {
        case .skip, .leave, .elsewhere: handover.letGo(name)
        case .resume, .start:
            try own.takeOver(standing.id, of: shared)
            handover.note(standing.id, for: name, known: own.fileNames(of: standing.id))
        }
        return plan
    }

    private func ended(_ name: String, _ ending: SweepRunner.Ending) {
        switch ending {
        case .failed(let reason):
            // What its own archive cannot do is not the run's fault.
            let isOfStorage = state.withLock { $0.storageFailure } != nil
            guard let id = handover.id(of: name), !isOfStorage else {
                return handover.letGo(name)
            }
            _ = try? own.addFailure(reason, to: id)
            handover.add(name)
        case .done: handover.add(name)
        case .skipped, .notBegun, .left, .elsewhere: return
        }
        handover.handOver(isDue: StopSignals.isRequested)
    }
}
