internal import Checkpoints
internal import Foundation

/// A folder of the group-composition experiments: settings, final weights, curves and the authors'
/// own summary.
enum GroupRunFolder {
    /// The names of curves and values that the authors computed begin with this, so that they stand
    /// beside what Cairn computes and never in its place.
    static let publishedPrefix = "published/"

    /// The run of a folder; nil when its `cfg.json` is not one of these experiments.
    ///
    /// The published epoch, counted from 0 and saved after the update of the same number, is the
    /// step here, so that times are those that the authors give; the setting `step_convention` says
    /// so. The final weights have the number of passes that the settings ask for.
    static func read(
        _ path: String, listing: FolderListing, options: ImportOptions
    ) throws -> ImportedRun? {
        let file = try SourceFile(path: path + "/cfg.json")
        let settings = try Value(
            jsonFile: file.path, bytes: try file.read(at: 0, count: file.byteCount))
        guard settings["group"]?.textual != nil, settings["group_parameter"] != nil else {
            return nil
        }
        var builder = RunBuilder(path: path, options: options)
        builder.layout = "rep_theory"
        builder.settings = .dictionary(
            (settings.entries ?? []) + [.init(key: .text("step_convention"), value: .text("epoch"))]
        )
        builder.task = PublishedTask.group(settings)
        builder.finalStep = settings["num_epochs"]?.whole
        builder.otherFiles = ["cfg.json"]
        if listing.files.contains("model.pt") {
            builder.members.append(.init(relativePath: "model.pt", step: builder.finalStep))
        }
        if listing.folders.contains("checkpoints") {
            for name in try FolderListing(path + "/checkpoints").files
            where ForeignFile.holdsTensors(name) {
                let digits = name.filter { ("0"..."9").contains($0) }
                builder.members.append(
                    .init(relativePath: "checkpoints/\(name)", step: Int(digits)))
            }
        }
        if listing.files.contains("metrics.csv") {
            let content = try CurveFile.read(path + "/metrics.csv")
            builder.metrics = content.points.map { point in
                [
                    MetricName.trainLoss, MetricName.testLoss, MetricName.trainAccuracy,
                    MetricName.testAccuracy,
                ].contains(point.name)
                    ? point
                    : MetricPoint(
                        name: publishedPrefix + point.name, step: point.step, value: point.value)
            }
            builder.notes += content.notes
            builder.otherFiles.append("metrics.csv")
        }
        if listing.files.contains("summary_metrics.json") {
            builder.published = try summary(path + "/summary_metrics.json", settings: settings)
            builder.otherFiles.append("summary_metrics.json")
        }
        return try builder.build()
    }

    private static func summary(
        _ path: String, settings: Value
    ) throws -> [MetricPoint] {
        let file = try SourceFile(path: path)
        let summary = try Value(jsonFile: path, bytes: try file.read(at: 0, count: file.byteCount))
        let step =
            summary["epoch"]?.number.flatMap { Int(exactly: $0) }
            ?? settings["num_epochs"]?.whole ?? 0
        return (summary.entries ?? []).compactMap { entry in
            guard entry.key.label != "epoch", let value = entry.value.number else { return nil }
            return .init(name: entry.key.label, step: step, value: value)
        }
    }
}
