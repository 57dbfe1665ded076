internal import Checkpoints
internal import Foundation
internal import Networks

/// Decides which steps are stored and hands them to the sink, with what was measured in between.
final class CheckpointRecorder<Scalar: NetworkScalar> {
    private let sink: any CheckpointSink
    private let hasher: StepHasher<Scalar>
    /// The steps still to come that are known beforehand, the next one last.
    private var fixedSteps: [Int]
    private let movement: Double?
    private var metrics: [MetricPoint] = []
    private(set) var lastStored: Int
    /// Test accuracy (else training accuracy) and loss at the last stored step.
    private var baseline: (accuracy: Double, loss: Double)?
    /// The latest measured state that was not stored: the near side of a sudden change.
    private var candidate: Checkpoint?

    /// A recorder for a run whose steps up to `storedStep` are in the sink already (−1 for none).
    ///
    /// The first step that is not there is stored whatever the schedule.
    init(
        _ schedule: CheckpointSchedule, firstStep: Int, lastStep: Int, storedStep: Int,
        sink: any CheckpointSink,
        hasher: StepHasher<Scalar>
    ) {
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
            candidate = loop.checkpoint(metrics: [], digests: [])
        }
    }

    /// Stores the loop's step if it is not yet.
    func store(_ loop: TrainingLoop<Scalar>) throws {
        guard loop.step > lastStored else { return }
        candidate = nil
        try save(loop.checkpoint(metrics: [], digests: []))
    }

    /// Metrics measured after the last stored step.
    var trailingMetrics: [MetricPoint] { metrics }

    private func save(_ checkpoint: Checkpoint) throws {
        var checkpoint = checkpoint
        checkpoint.metrics = metrics.filter { $0.step <= checkpoint.step }
        metrics.removeAll { $0.step <= checkpoint.step }
        checkpoint.stepDigests = hasher.take(upTo: checkpoint.step)
        try sink.save(checkpoint)
        lastStored = checkpoint.step
    }

    private func note(_ measured: [MetricPoint]) {
        baseline = CheckpointRecorder.position(measured) ?? baseline
    }

    private static func position(_ measured: [MetricPoint]) -> (accuracy: Double, loss: Double)? {
        func value(_ name: String) -> Double? { measured.first { $0.name == name }?.value }
        guard let loss = value(MetricName.testLoss) ?? value(MetricName.trainLoss),
            let accuracy = value(MetricName.testAccuracy) ?? value(MetricName.trainAccuracy)
        else { return nil }
        return (accuracy, loss)
    }

    /// Whether accuracy or loss is further from the last stored step than the schedule lets pass.
    private func moved(_ measured: [MetricPoint]) -> Bool {
        guard let movement, let now = CheckpointRecorder.position(measured), let baseline
        else { return false }
        return abs(now.accuracy - baseline.accuracy) > movement
            || abs(log(now.loss / baseline.loss)) > 10 * movement
    }
}
