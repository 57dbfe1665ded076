internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Synchronization
internal import Training

/// How much slower training is with checkpoints.
///
/// Steps with checkpoints and steps without take turns in one run, and what a turn's checkpoints
/// cost is taken from the steps right after it: the speed of a shared machine changes by more
/// from one run to the next than a sparse checkpoint takes. The pack of what is left when a run
/// ends does not count.
enum CheckpointCostBenchmark {
    static func measure(
        _ configuration: TrainingConfiguration, threadCount: Int, repetitions: Int
    ) throws -> [Measure] {
        let sparse = try cost(
            Turns(
                period: 100, checkpointCount: 1, trailingCount: 29, share: 100, count: repetitions),
            configuration, threadCount)
        let dense = try cost(
            Turns(
                period: 256, checkpointCount: 128, trailingCount: 48, share: 128,
                count: (repetitions + 1) / 2), configuration, threadCount)
        return [
            Measure("with checkpoints every 100 steps", sparse.elapsed, "slower"),
            Measure("with checkpoints every step", dense.elapsed, "slower"),
            Measure("processor time, every 100 steps", sparse.processor, "more"),
            Measure("processor time, every step", dense.processor, "more"),
        ]
    }

    private static func cost(
        _ turns: Turns, _ configuration: TrainingConfiguration, _ threadCount: Int
    ) throws -> (elapsed: Double, processor: Double) {
        try withTemporaryFolder { folder in
            let archive = try Archive.create(at: folder.appendingPathComponent("archive").path)
            var configuration = configuration
            configuration.training.steps = turns.steps
            configuration.training.evaluateEvery = turns.steps
            configuration.training.checkpoints = turns.schedule
            let trainer = try Trainer(configuration, threadCount: threadCount)
            let times = Mutex((elapsed: [Double](), processor: [Double]()))
            let clock = ContinuousClock()
            let start = clock.now
            let sink = BackgroundSink(archive.writer())
            try trainer.run(try trainer.describe(name: "bench"), into: sink) { progress in
                times.withLock { times in
                    while times.elapsed.count <= progress.step {
                        times.elapsed.append((clock.now - start).seconds)
                        times.processor.append(ProcessUsage().processorSeconds)
                    }
                }
                return true
            }
            return times.withLock { (turns.cost($0.elapsed), turns.cost($0.processor)) }
        }
    }

    /// Steps with and without checkpoints that take turns in one run.
    private struct Turns {
        /// Steps from the first checkpoint of a turn to the first of the next.
        let period: Int
        /// Steps with a checkpoint each at the beginning of a turn.
        let checkpointCount: Int
        /// Steps after these into which saving and packing may reach.
        let trailingCount: Int
        /// The steps by which the cost of the checkpoints of a turn is divided.
        let share: Int
        let count: Int

        var steps: Int { period * (count + 1) }

        var schedule: CheckpointSchedule {
            let steps = (1...count).flatMap { turn in
                (0..<checkpointCount).map { turn * period + $0 }
            }
            return CheckpointSchedule([.steps(steps)])
        }

        /// What the checkpoints cost beside the steps without, from the time at each step's end.
        func cost(_ times: [Double]) -> Double {
            var costs: [Double] = []
            for turn in 1...count {
                let start = turn * period
                let middle = start + checkpointCount + trailingCount
                let end = start + period
                let usual = (times[end - 1] - times[middle - 1]) / Double(end - middle)
                let excess = times[middle - 1] - times[start - 1] - Double(middle - start) * usual
                costs.append(excess / (Double(share) * usual))
            }
            return costs.reduce(0, +) / Double(costs.count)
        }
    }
}
