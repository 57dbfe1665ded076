internal import Checkpoints
internal import Foundation
internal import Networks

/// Decides which steps are stored and hands them to the sink, with what was measured in between.
///
/// The optimiser's state is twice as large as the weights, and training can be continued from any
/// state by repeating the updates after it. So it goes with a checkpoint only where the run's
/// settings keep it, with the first and the last one, and where the latest state is older than
/// `stateInterval`.
final class CheckpointRecorder<Scalar: NetworkScalar> {
    private let sink: any CheckpointSink
    private let hasher: StepHasher<Scalar>
    /// The steps still to come that are known beforehand, the next one last.
    private var fixedSteps: [Int]
    private let movement: Double?
    private var metrics: [MetricPoint] = []
    private(set) var lastStored: Int
    private let policy: OptimizerStatePolicy
    private let lastStep: Int
    private let now: () -> Duration
    /// The latest step whose state is in the sink, and when it was handed over.
    private var latestState: (step: Int, time: Duration)?
    /// Test accuracy (else training accuracy) and loss at the last stored step.
    private var baseline: (accuracy: Double?, loss: Double)?
    /// The latest measured state that was not stored: the near side of a sudden change.
    private var candidate: Checkpoint?

    /// A recorder for a run whose steps up to `storedStep` are in the sink already (−1 for none).
    ///
    /// The first step that is not there is stored whatever the schedule.
    /// `now` is the time since any moment.
    init(
        _ settings: TrainingSettings, firstStep: Int, storedStep: Int, sink: any CheckpointSink,
        hasher: StepHasher<Scalar>, now: @escaping () -> Duration
    ) {
        let schedule = settings.checkpoints
        policy = settings.optimizerStates ?? .newest
        lastStep = settings.steps
        self.now = now
        self.sink = sink
        self.hasher = hasher
        movement = schedule.movement
        lastStored = storedStep
        let steps = Set(schedule.fixedSteps(upTo: lastStep) + [firstStep])
        fixedSteps = steps.filter { $0 > storedStep }.sorted(by: >)
    }

    /// Takes what was measured at the loop's step and stores the step if it is due.
    func record(_ loop: TrainingLoop<Scalar>, measured: [MetricPoint]) throws {
        guard loop.step > lastStored else {
            note(measured)
            return
        }
        metrics += measured
        if baseline == nil { note(measured) }
        let hasMoved = moved(measured)
        if hasMoved, let candidate {
            try save(candidate)
            self.candidate = nil
        }
        if hasMoved || fixedSteps.last == loop.step {
            while let step = fixedSteps.last, step <= loop.step { fixedSteps.removeLast() }
            try store(loop)
            note(measured)
        } else if movement != nil, !measured.isEmpty {
            candidate = snapshot(loop)
        }
    }

    /// Stores the loop's step if it is not yet.
    func store(_ loop: TrainingLoop<Scalar>) throws {
        guard loop.step > lastStored else { return }
        candidate = nil
        try save(snapshot(loop))
    }

    /// Stores the loop's step with the optimiser's state, because nothing comes after it.
    func storeEnd(_ loop: TrainingLoop<Scalar>) throws {
        guard loop.step >= lastStored, loop.step > latestState?.step ?? -1 else { return }
        candidate = nil
        try save(snapshot(loop, isEnd: true))
    }

    /// Metrics measured after the last stored step.
    var trailingMetrics: [MetricPoint] { metrics }

    /// The loop's present step, with the optimiser's state where it is due.
    private func snapshot(_ loop: TrainingLoop<Scalar>, isEnd: Bool = false) -> Checkpoint {
        let time = now()
        let isDue = latestState.map { time - $0.time >= CheckpointRecorder.stateInterval } ?? true
        let isKept = policy.keeps(loop.step) || isEnd || loop.step == lastStep
        var checkpoint = loop.checkpoint(withState: isDue || isKept)
        checkpoint.weightDigests = hasher.tensorDigests(at: loop.step)
        return checkpoint
    }

    private func save(_ checkpoint: Checkpoint) throws {
        var checkpoint = checkpoint
        checkpoint.metrics = metrics.filter { $0.step <= checkpoint.step }
        metrics.removeAll { $0.step <= checkpoint.step }
        checkpoint.stepDigests = hasher.take(upTo: checkpoint.step)
        try sink.save(checkpoint)
        lastStored = checkpoint.step
        if checkpoint.optimizerState != nil { latestState = (checkpoint.step, now()) }
    }

    private func note(_ measured: [MetricPoint]) {
        baseline = CheckpointRecorder.position(measured) ?? baseline
    }

    private static func position(
        _ measured: [MetricPoint]
    ) -> (accuracy: Double?, loss: Double)? {
        func value(_ name: String) -> Double? { measured.first { $0.name == name }?.value }
        guard let loss = value(MetricName.testLoss) ?? value(MetricName.trainLoss) else {
            return nil
        }
        // Real answers have no accuracy: the loss alone tells what has moved.
        return (value(MetricName.testAccuracy) ?? value(MetricName.trainAccuracy), loss)
    }

    /// Whether accuracy or loss is further from the last stored step than the schedule lets pass.
    private func moved(_ measured: [MetricPoint]) -> Bool {
        guard let movement, let now = CheckpointRecorder.position(measured), let baseline
        else { return false }
        return abs((now.accuracy ?? 0) - (baseline.accuracy ?? 0)) > movement
            || abs(log(now.loss / baseline.loss)) > 10 * movement
    }
}

extension CheckpointRecorder {
    /// A run that is killed has at most about this much time of updates to repeat.
    private static var stateInterval: Duration { .seconds(1) }
}
