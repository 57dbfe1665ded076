internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// Training with a progress bar that Ctrl-C stops cleanly.
struct WatchedTraining {
    let archive: Archive
    let common: CommonOptions
    let run: RunDescription

    /// Runs `body` with a sink and a report of progress, and gives its outcome.
    ///
    /// The sink works beside the trainer; it has made everything durable when this returns.
    func train(
        lastStep: Int,
        _ body: (any CheckpointSink, @escaping ProgressReport) throws -> TrainingOutcome
    ) throws -> TrainingOutcome {
        StopSignals.listen()
        let bar = ProgressBar(
            run.name, unit: "steps", total: lastStep, isQuiet: common.quiet)
        defer { bar.end() }
        return try body(BackgroundSink(archive.writer())) { progress in
            bar.update(progress.step, detail: WatchedTraining.detail(progress))
            return !StopSignals.isRequested
        }
    }

    private static func detail(_ progress: TrainingProgress) -> String {
        let accuracies = [("train", progress.trainAccuracy), ("test", progress.testAccuracy)]
            .compactMap { name, accuracy in
                accuracy.map { "\(name) " + String(format: "%.3f", $0) }
            }
        // Where accuracy means nothing, the loss says how far training is.
        let losses = [("train loss", progress.trainLoss), ("test loss", progress.testLoss)]
            .compactMap { name, loss in loss.map { "\(name) " + String(format: "%.3g", $0) } }
        return (accuracies.isEmpty ? losses : accuracies).joined(separator: "  ")
    }

    /// Prints what a run came to; throws `Interrupted` when it was stopped.
    func report(_ outcome: TrainingOutcome, rows: RowOptions) throws {
        let metrics = [
            MetricName.trainLoss, MetricName.trainAccuracy, MetricName.testLoss,
            MetricName.testAccuracy,
        ]
        let isForPeople = rows.format == .table || rows.format == .markdown
        func shown(_ value: Double?) -> ScalarValue {
            isForPeople ? ScalarValue(value).rounded : ScalarValue(value)
        }
        try rows.writer().write(
            columns: ["run", "name", "status", "step", "steps_per_second", "seconds"] + metrics,
            rows: [
                [
                    .text(run.id), .text(run.name), .text(outcome.status.rawValue),
                    ScalarValue(outcome.lastStep), shown(outcome.stepsPerSecond),
                    shown(outcome.elapsedSeconds),
                ] + metrics.map { shown(outcome.metrics[$0]) }
            ])
        try Output.standard.flush()
        if outcome.status == .interrupted {
            common.note("Stopped at step \(outcome.lastStep); cairn resume \(run.id) goes on.")
            throw Interrupted()
        }
    }
}
