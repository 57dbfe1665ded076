internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Synchronization
internal import Training

extension BenchCommand {
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

    /// How much slower training is with checkpoints.
    ///
    /// Steps with checkpoints and steps without take turns in one run, and what a turn's checkpoints
    /// cost is taken from the steps right after it: the speed of a shared machine changes by more
    /// from one run to the next than a sparse checkpoint takes. The pack of what is left when a run
    /// ends does not count.
    func checkpointCosts(_ configuration: TrainingConfiguration) throws -> [Measure] {
        let sparse = try checkpointCost(
            Turns(
                period: 100, checkpointCount: 1, trailingCount: 29, share: 100, count: repetitions),
            configuration)
        let dense = try checkpointCost(
            Turns(
                period: 256, checkpointCount: 128, trailingCount: 48, share: 128,
                count: (repetitions + 1) / 2), configuration)
        return [
            ("with checkpoints every 100 steps", sparse.elapsed, "slower"),
            ("with checkpoints every step", dense.elapsed, "slower"),
            ("processor time, every 100 steps", sparse.processor, "more"),
            ("processor time, every step", dense.processor, "more"),
        ]
    }

    private func checkpointCost(
        _ turns: Turns, _ configuration: TrainingConfiguration
    ) throws -> (elapsed: Double, processor: Double) {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try Archive.create(at: folder.path)
        var configuration = configuration
        configuration.training.steps = turns.steps
        configuration.training.evaluateEvery = turns.steps
        configuration.training.checkpoints = turns.schedule
        let trainer = try Trainer(configuration, threadCount: threadCount)
        let times = Mutex((elapsed: [Double](), processor: [Double]()))
        let clock = ContinuousClock()
        let start = clock.now
        try trainer.run(try trainer.describe(name: "bench"), into: BackgroundSink(archive.writer()))
        {
            progress in
            times.withLock { times in
                while times.elapsed.count <= progress.step {
                    times.elapsed.append((clock.now - start) / .seconds(1))
                    times.processor.append(BenchCommand.processorSeconds)
                }
            }
            return true
        }
        return times.withLock { (turns.cost($0.elapsed), turns.cost($0.processor)) }
    }

    /// What all threads of this process have computed so far, in seconds.
    private static var processorSeconds: Double {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6
        }
    }
}
