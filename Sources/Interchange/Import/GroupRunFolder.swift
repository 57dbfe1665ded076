internal import Checkpoints
internal import Foundation

/// A folder of the group-composition experiments: settings, final weights, curves and the authors'
/// own summary.
enum GroupRunFolder {
    /// The names of curves and values that the authors computed begin with this, so that they stand
    /// beside what Cairn computes and never in its place.
    static let publishedPrefix = "published/"

    private static let standardNames: Set<String> = [
        MetricName.trainLoss, MetricName.testLoss, MetricName.trainAccuracy,
        MetricName.testAccuracy,
    ]

    /// The run of a folder; nil when its `cfg.json` is not one of these experiments.
    ///
    /// The published epoch, counted from 0 and saved after the update of the same number, is the
    /// step here, so that times are those that the authors give; the setting `step_convention` says
    /// so. The final weights have the number of passes that the settings ask for.
    static func draft(_ path: String, listing: FolderListing) throws -> RunDraft? {
        let settings = try json(path + "/cfg.json")
        guard settings["group"]?.textual != nil, settings["group_parameter"] != nil else {
            return nil
        }
        var draft = RunDraft(
            root: path, isFile: false, name: (path as NSString).lastPathComponent)
        draft.layout = "rep_theory"
        let found = try ContentSorter(settings: settings, source: path + "/cfg.json").items
        draft.settings = [("cfg.json", found)]
        draft.stepConvention = "epoch"
        draft.task = PublishedTask.group(settings)
        draft.finalStep = settings["num_epochs"]?.whole
        var names = listing.files.contains("model.pt") ? ["model.pt"] : []
        if listing.folders.contains("checkpoints") {
            names += try FolderListing(path + "/checkpoints").files.filter(FileFormat.holdsTensors)
                .map { "checkpoints/\($0)" }
        }
        for name in names {
            let file = try ForeignFile.read("\(path)/\(name)", hdf5: .refused)
            let stem = FileFormat.stem((name as NSString).lastPathComponent)
            let digits = stem.filter { ("0"..."9").contains($0) }
            draft.members.append(
                .init(
                    path: name, files: [name], file: file,
                    name: NameNumbers(digits.isEmpty ? "final" : "step_\(digits)")))
        }
        if listing.files.contains("metrics.csv") {
            let parts = try CurveFile.read(path + "/metrics.csv") ?? []
            let items = parts.flatMap(\.items).map { item -> FoundItem in
                guard case .curve(let curve) = item.content else { return item }
                let name =
                    standardNames.contains(curve.name) ? curve.name : publishedPrefix + curve.name
                // Its epochs are the steps of this layout.
                let placed = FoundCurve(
                    name: name, axis: .updates, steps: curve.steps, values: curve.values)
                return FoundItem(item.name, .curve(placed), count: item.count)
            }
            draft.curves = [.init(path: "metrics.csv", items: items)]
        }
        if listing.files.contains("summary_metrics.json") {
            draft.published = try summary(path + "/summary_metrics.json", settings: settings)
            draft.otherFiles.append("summary_metrics.json")
            draft.account.items = draft.published.map { value in
                ImportItem(
                    file: "summary_metrics.json", name: value.name, kind: .scalar, count: 1,
                    fate: .stored(step: value.step, name: publishedPrefix + value.name, role: nil))
            }
        }
        return draft
    }

    private static func json(_ path: String) throws -> Value {
        let file = try SourceFile(path: path)
        return try Value(
            jsonFile: path, bytes: try file.read(at: 0, count: file.byteCount))
    }

    private static func summary(
        _ path: String, settings: Value
    ) throws -> [MetricPoint] {
        let summary = try json(path)
        let step =
            summary["epoch"]?.number.flatMap { Int(exactly: $0) }
            ?? settings["num_epochs"]?.whole ?? 0
        return (summary.entries ?? []).compactMap { entry in
            guard entry.key.label != "epoch", let value = entry.value.number else { return nil }
            return .init(name: entry.key.label, step: step, value: value)
        }
    }
}
