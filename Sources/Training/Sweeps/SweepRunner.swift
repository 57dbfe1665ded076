package import Checkpoints
internal import Foundation
internal import Synchronization

/// Trains the runs of a sweep with several workers, each run on one thread.
package struct SweepRunner: Sendable {
    /// What is to be done with one run of the sweep.
    package enum Plan: Sendable, CustomStringConvertible {
        /// It has finished before.
        case skip
        /// It goes on from its newest checkpoint.
        case resume
        /// With a description, it is a run that failed before its first checkpoint.
        case start(again: RunDescription? = nil)
        /// It has failed too often, the last time for this reason.
        case leave(String)
        /// Another task is at it, which this says in words.
        case elsewhere(String)

        package var description: String {
            switch self {
            case .skip: "skip"
            case .resume: "resume"
            case .start: "start"
            case .leave(let reason): "leave: \(reason)"
            case .elsewhere(let who): "elsewhere: \(who)"
            }
        }
    }

    /// What the runner needs from an archive; called from several threads at once.
    package struct Store: Sendable {
        /// What is to be done, by the complete configuration as JSON and the run's name.
        package var plan: @Sendable (_ name: String, _ configuration: String) throws -> Plan
        /// A sink of its own for a run that starts.
        package var sink: @Sendable (_ name: String) throws -> any CheckpointSink
        /// The stored run of this configuration, and a sink that appends to it.
        package var stored:
            @Sendable (_ name: String, _ configuration: String) throws -> (
                any CheckpointSource, any CheckpointSink
            )
        /// The arrays of a digest, for tasks that learn from arrays.
        package var data: @Sendable (Digest) throws -> [Tensor] = { _ in [] }
        /// Whether a run is to store what it has and to go on after `paused`.
        package var isPauseDue: @Sendable (_ name: String) -> Bool = { _ in false }
        /// Called while a run rests, its end recorded as an interruption.
        package var paused: @Sendable (_ name: String) -> Void = { _ in }
        /// Called when the work on a run is over.
        package var ended: @Sendable (_ name: String, Ending) -> Void = { _, _ in }

        package init(
            plan: @escaping @Sendable (String, String) throws -> Plan,
            sink: @escaping @Sendable (String) throws -> any CheckpointSink,
            stored:
                @escaping @Sendable (String, String) throws -> (
                    any CheckpointSource, any CheckpointSink
                )
        ) {
            self.plan = plan
            self.sink = sink
            self.stored = stored
        }
    }

    /// What happened to one run.
    package enum Ending: Sendable {
        case skipped
        case done(TrainingOutcome)
        /// It failed alone, for this reason.
        case failed(String)
        /// It was not begun because the sweep was stopped.
        case notBegun
        /// It has failed too often and was left alone.
        case left(String)
        /// Another task is at it.
        case elsewhere(String)
    }

    /// What happens while the sweep goes on; calls may come from all workers at once.
    package enum Event: Sendable {
        case began(worker: Int, run: String)
        case progress(worker: Int, run: String, TrainingProgress)
        case ended(worker: Int, run: String, Ending)
    }

    private let sweep: Sweep
    private let store: Store

    package init(_ sweep: Sweep, store: Store) {
        self.sweep = sweep
        self.store = store
    }

    /// Trains every run that has not finished; returns the endings in the order of the sweep.
    ///
    /// `report` stops everything by returning false: running runs store a last checkpoint and a
    /// second start resumes them.
    package func run(
        workers: Int, report: @escaping @Sendable (Event) -> Bool
    ) throws -> [Ending] {
        try Range.atLeast(1, workers, "workers")
        let state = SweepState(count: sweep.runs.count)
        let group = DispatchGroup()
        for worker in 0..<min(workers, max(sweep.runs.count, 1)) {
            group.enter()
            let thread = Thread { [self] in
                work(worker, state, report)
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.name = "sweep worker \(worker)"
            thread.start()
        }
        group.wait()
        return state.endings.withLock { $0 }
    }

    private func work(
        _ worker: Int, _ state: SweepState, _ report: @Sendable (Event) -> Bool
    ) {
        while let index = state.takeNext() {
            let run = sweep.runs[index]
            let ending: Ending
            do {
                ending = try train(run, worker, state, report)
            } catch {
                ending = .failed(
                    (error as? any UserErrorConvertible)?.userError.description ?? "\(error)")
            }
            state.endings.withLock { $0[index] = ending }
            store.ended(run.name, ending)
            if !report(.ended(worker: worker, run: run.name, ending)) { state.stop() }
        }
    }

    private func train(
        _ run: Sweep.Run, _ worker: Int, _ state: SweepState, _ report: @Sendable (Event) -> Bool
    ) throws -> Ending {
        let configuration = try run.configuration.json
        func progress(_ value: TrainingProgress) -> Bool {
            if !report(.progress(worker: worker, run: run.name, value)) { state.stop() }
            return !state.isStopped && !store.isPauseDue(run.name)
        }
        var outcome: TrainingOutcome
        switch try store.plan(run.name, configuration) {
        case .skip: return .skipped
        case .leave(let reason): return .left(reason)
        case .elsewhere(let who): return .elsewhere(who)
        case .resume:
            if !report(.began(worker: worker, run: run.name)) { state.stop() }
            outcome = try resume(run.name, configuration, progress)
        case .start(let description):
            if !report(.began(worker: worker, run: run.name)) { state.stop() }
            let trainer = try Trainer(run.configuration, threadCount: 1, data: store.data)
            var fresh = try trainer.describe(name: run.name)
            fresh.hyperparameters.append(Hyperparameter("sweep", .text(sweep.name)))
            outcome = try trainer.run(
                description ?? fresh, into: store.sink(run.name), progress: progress)
        }
        while outcome.status == .interrupted, !state.isStopped {
            store.paused(run.name)
            outcome = try resume(run.name, configuration, progress)
        }
        return .done(outcome)
    }

    private func resume(
        _ name: String, _ configuration: String, _ progress: ProgressReport
    ) throws -> TrainingOutcome {
        let (source, sink) = try store.stored(name, configuration)
        if let last = try Trainer.lastStep(ofComplete: source) {
            // Its process died between its last checkpoint and its end.
            try sink.finish(.finished, metrics: [])
            return TrainingOutcome(
                status: .finished, lastStep: last, updateCount: 0, elapsedSeconds: 0, metrics: [:])
        }
        return try Trainer.resume(source, into: sink, threadCount: 1, progress: progress)
    }
}

/// What the workers of a sweep share.
private final class SweepState: Sendable {
    let endings: Mutex<[SweepRunner.Ending]>
    private let next = Mutex(0)
    private let stopped = Mutex(false)
    private let count: Int

    init(count: Int) {
        self.count = count
        endings = Mutex([SweepRunner.Ending](repeating: .notBegun, count: count))
    }

    var isStopped: Bool { stopped.withLock { $0 } }

    func stop() { stopped.withLock { $0 = true } }

    /// The index of the next run to do; nil when none is left or the sweep was stopped.
    func takeNext() -> Int? {
        guard !isStopped else { return nil }
        return next.withLock { next in
            guard next < count else { return nil }
            defer { next += 1 }
            return next
        }
    }
}
