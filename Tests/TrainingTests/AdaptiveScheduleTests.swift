import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

@testable import Training

/// What the adaptive schedule stores of a transition whose course is known.
@Suite struct AdaptiveScheduleTests {
    /// Test accuracy rises from 1 % to 98 % within `width` steps around step 6,000 of 12,000.
    private static func accuracy(_ step: Int, width: Int) -> Double {
        // The logistic that has 0.01 and 0.98 at the ends of the width.
        let (low, high) = (log(0.01 / 0.99), log(0.98 / 0.02))
        let position = low + (high - low) * (Double(step - 6000) / Double(width) + 0.5)
        return 1 / (1 + exp(-position))
    }

    /// A run with these curves, measured every `interval` steps.
    private func storedSteps(width: Int, interval: Int) throws -> [Int] {
        let configuration = try TrainingConfiguration(
            smallRun.changing([("checkpoints", "every 4000 + adaptive"), ("steps", 12_000)]))
        let trainer = try Trainer(configuration, threadCount: 1)
        let loop: TrainingLoop<Float> = try trainer.loop(from: nil, as: Float.self)
        let weights = loop.layout.unpack(loop.parameters)
        let sink = MemorySink()
        let hasher = StepHasher<Float>(layout: loop.layout, pool: nil)
        let recorder = CheckpointRecorder(
            configuration.training, firstStep: 0, storedStep: -1, sink: sink, hasher: hasher,
            now: { .zero })
        for step in stride(from: 0, through: 12_000, by: interval) {
            try loop.restore(step: step, weights: weights, state: nil)
            try recorder.record(
                loop,
                measured: [
                    MetricPoint(name: MetricName.trainLoss, step: step, value: 1e-4),
                    MetricPoint(name: MetricName.trainAccuracy, step: step, value: 1),
                    // Loss that moves little: the accuracy alone must show the transition.
                    MetricPoint(name: MetricName.testLoss, step: step, value: 1),
                    MetricPoint(
                        name: MetricName.testAccuracy, step: step,
                        value: Self.accuracy(step, width: width)),
                ])
        }
        return sink.steps
    }

    @Test(arguments: [(100, 10), (200, 10), (300, 10), (800, 10), (300, 1), (300, 100)])
    func aTransitionOfAFewHundredStepsIsCovered(width: Int, interval: Int) throws {
        let steps = try storedSteps(width: width, interval: interval)
        #expect(steps == steps.sorted() && Set(steps).count == steps.count)
        let inside = steps.filter { abs($0 - 6000) <= width / 2 }
        // Between two of them the accuracy rises by 2 %, or by what it rises in one interval where it
        // is steepest: a quarter of the logistic's rate, which is the span of log-odds over the width.
        let rate = (log(0.98 / 0.02) - log(0.01 / 0.99)) / Double(width)
        let largestRise = max(CheckpointSchedule.usualMovement, rate / 4 * Double(interval))
        #expect(Double(inside.count) >= (0.97 / largestRise).rounded(.down), "\(inside)")
        // Between neighbours the accuracy moves by 2 %, or no evaluation lies between.
        for (first, second) in zip(steps, steps.dropFirst()) where second - first > interval {
            let before = Self.accuracy(first, width: width)
            let unseen = stride(from: first, to: second, by: interval)
                .map { abs(Self.accuracy($0, width: width) - before) }.max()
            #expect((unseen ?? 0) <= CheckpointSchedule.usualMovement)
        }
        // Far from it the run stores what is fixed and little else.
        #expect(steps.filter { abs($0 - 6000) > 2 * width }.count < 8)
    }

    @Test func rareEvaluationsAndAdaptiveCheckpointsContradictEachOther() throws {
        let error = #expect(throws: UserError.self) {
            try Trainer(
                TrainingConfiguration(
                    smallRun.changing([("checkpoints", "adaptive"), ("evaluate_every", 1000)])))
        }
        #expect(error?.advice == "choose evaluate_every of at most 100")
    }
}
