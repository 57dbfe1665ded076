internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

extension BenchCommand {
    /// Takes checkpoints and keeps nothing.
    private final class NoSink: CheckpointSink {
        func begin(_ run: RunDescription) {}
        func save(_ checkpoint: Checkpoint) {}
        func finish(_ status: RunStatus, metrics: [MetricPoint]) {}
    }

    /// Notes when a run has begun, so that making its folder does not count.
    private final class TimedSink: CheckpointSink {
        private let sink: any CheckpointSink
        private let clock = ContinuousClock()
        private var begun: (instant: ContinuousClock.Instant, processor: Double)?

        init(_ sink: any CheckpointSink) { self.sink = sink }

        func begin(_ run: RunDescription) throws {
            try sink.begin(run)
            begun = (clock.now, BenchCommand.processorSeconds)
        }

        func save(_ checkpoint: Checkpoint) throws { try sink.save(checkpoint) }

        func finish(_ status: RunStatus, metrics: [MetricPoint]) throws {
            try sink.finish(status, metrics: metrics)
        }

        /// What has passed since the run began, and what all threads have computed meanwhile.
        var seconds: (elapsed: Double, processor: Double) {
            guard let begun else { return (0, 0) }
            return (
                (clock.now - begun.instant) / .seconds(1),
                BenchCommand.processorSeconds - begun.processor
            )
        }
    }

    /// How much slower training is with checkpoints, beside training that stores none.
    ///
    /// The three ways take turns in rounds, so that whatever else the machine does meets all of
    /// them, and each round is compared with itself. The time until the last checkpoint is durable
    /// and packed counts. What others do on the machine moves elapsed time by more than a sparse
    /// checkpoint does; the time of the processors is steadier.
    func checkpointCosts(_ configuration: TrainingConfiguration) throws -> [Measure] {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try Archive.create(at: folder.path)
        var configuration = configuration
        // A run's first checkpoints of a form cost more than the later ones; a few of the sparse ones
        // must come after them.
        let steps = max(500, 20 * repetitions)
        configuration.training.evaluateEvery = 100
        let intervals = [nil, 100, 1]
        var elapsed = intervals.map { _ in [Double]() }
        var processor = intervals.map { _ in [Double]() }
        for round in 0..<5 {
            for turn in intervals.indices {
                let place = (turn + round) % intervals.count
                let interval = intervals[place]
                configuration.training.steps = interval == 1 ? steps / 2 : steps
                configuration.training.checkpoints =
                    .every(interval ?? configuration.training.steps)
                let trainer = try Trainer(configuration, threadCount: threadCount)
                let sink = TimedSink(interval == nil ? NoSink() : BackgroundSink(archive.writer()))
                try trainer.run(trainer.describe(name: "round \(round)"), into: sink)
                let seconds = sink.seconds
                let stepCount = Double(configuration.training.steps)
                elapsed[place].append(seconds.elapsed / stepCount)
                processor[place].append(seconds.processor / stepCount)
            }
        }
        func excess(_ times: [[Double]], _ place: Int) -> Double {
            let ratios = zip(times[place], times[0]).map { $0 / $1 }.sorted()
            return ratios[ratios.count / 2] - 1
        }
        return [
            ("with checkpoints every 100 steps", excess(elapsed, 1), "slower"),
            ("with checkpoints every step", excess(elapsed, 2), "slower"),
            ("processor time, every 100 steps", excess(processor, 1), "more"),
            ("processor time, every step", excess(processor, 2), "more"),
        ]
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
