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

    /// How much slower training is with checkpoints, beside training that stores none.
    ///
    /// The three ways take turns, so that whatever else the machine does meets all of them. The
    /// time until the last checkpoint is durable and packed counts.
    func checkpointCosts(_ configuration: TrainingConfiguration) throws -> [Measure] {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try Archive.create(at: folder.path)
        var configuration = configuration
        configuration.training.steps = max(200, 20 * repetitions)
        configuration.training.evaluateEvery = 100
        let intervals = [nil, 100, 1]
        var times = intervals.map { _ in [Double]() }
        for round in 0..<3 {
            for (place, interval) in intervals.enumerated() {
                configuration.training.checkpoints =
                    .every(interval ?? configuration.training.steps)
                let trainer = try Trainer(configuration, threadCount: threadCount)
                let sink: any CheckpointSink =
                    interval == nil ? NoSink() : BackgroundSink(archive.writer())
                times[place].append(
                    try BenchCommand.seconds {
                        try trainer.run(trainer.describe(name: "round \(round)"), into: sink)
                    })
            }
        }
        let middle = times.map { $0.sorted()[$0.count / 2] }
        return [
            ("with checkpoints every 100 steps", middle[1] / middle[0] - 1, "slower"),
            ("with checkpoints every step", middle[2] / middle[0] - 1, "slower"),
        ]
    }
}
