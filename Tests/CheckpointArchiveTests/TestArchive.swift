import CheckpointArchive
import Checkpoints
import TestSupport

extension TestRuns {
    /// An archive in `folder` with one finished run of these steps.
    @discardableResult
    static func archive(
        in folder: TemporaryFolder, steps: [Int], run: String = "a",
        options: Archive.Options = Archive.Options(looseLimit: nil)
    ) throws -> Archive {
        var options = options
        // Beside the saving, which checkpoint a pack ends with is a matter of luck.
        options.packsBesideSaving = false
        let archive = try Archive.openOrCreate(at: folder.path("archive"), options: options)
        let writer = archive.writer()
        try writer.begin(description(run))
        for step in steps { try writer.save(checkpoint(step, run: run)) }
        try writer.finish(
            .finished,
            metrics: [MetricPoint(name: "train_loss", step: (steps.last ?? 0) + 1, value: 0.5)])
        return archive
    }
}
