package import Checkpoints
internal import Foundation

/// A whole run as a folder that people and other programs can read, and that comes back unchanged.
///
/// ```
/// run.json                             the description, in words
/// metrics.jsonl                        {"name":…,"step":…,"value":…} per line
/// checkpoints/step-000000100.npz       the weights (numpy.load reads them)
/// optimizer/step-000000100.npz         the optimiser's tensors, and its attributes as JSON beside
/// ```
package enum RunFolder {
    private static let format = "cairn run folder"
    private static let version = 1

    private static func stepName(_ step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    }

    /// Writes a run; the folder must not exist yet and appears whole or not at all.
    package static func write(
        _ run: RunDescription, status: RunStatus, source: any CheckpointSource,
        metrics: [MetricPoint], to path: String,
        progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws {
        let files = FileManager.default
        guard !files.fileExists(atPath: path) else {
            throw UserError.usage(
                subject: path, cause: "it exists already",
                advice: "choose another name, or remove it first")
        }
        let temporary = "\(path).\(UUID().uuidString.prefix(8)).partial"
        do {
            try files.createDirectory(
                atPath: temporary + "/checkpoints", withIntermediateDirectories: true)
            let steps = try source.steps
            var optimizerSteps: [Int] = []
            for (index, step) in steps.enumerated() {
                try NumPyArchive.write(
                    try source.weights(at: step),
                    to: "\(temporary)/checkpoints/\(stepName(step)).npz")
                if let state = try source.optimizerState(at: step) {
                    let folder = temporary + "/optimizer"
                    try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
                    // An optimiser without memory has attributes alone.
                    if !state.tensors.isEmpty {
                        try NumPyArchive.write(state.tensors, to: "\(folder)/\(stepName(step)).npz")
                    }
                    try write(state.attributes, to: "\(folder)/\(stepName(step)).json")
                    optimizerSteps.append(step)
                }
                try progress(index + 1, steps.count)
            }
            let lines = metrics.map { point in
                Value.object([
                    ("name", .text(point.name)), ("step", .integer(point.step)),
                    ("value", .real(point.value)),
                ]).json() + "\n"
            }
            try write(lines.joined(), to: temporary + "/metrics.jsonl")
            try write(
                RunText(run: run, status: status, steps: steps).json(
                    format: format, version: version), to: temporary + "/run.json")
            try files.moveItem(atPath: temporary, toPath: path)
        } catch {
            try? files.removeItem(atPath: temporary)
            throw error
        }
    }

    private static func write(_ text: String, to path: String) throws {
        let target = try TargetFile(path: path, replacing: false)
        try target.write(Array(text.utf8))
        try target.commit()
    }

    /// The run of such a folder; nil for any other folder.
    static func read(_ path: String) throws -> ImportedRun? {
        let textPath = path + "/run.json"
        guard FileManager.default.fileExists(atPath: textPath) else { return nil }
        let file = try SourceFile(path: textPath)
        let value = try JSONValue(
            file: textPath, bytes: try file.read(at: 0, count: file.byteCount))
        guard value["format"]?.text == format else { return nil }
        guard let found = value["version"]?.integer, found <= version else {
            throw UserError.unreadable(
                textPath, "it was written by a newer version", advice: "use a newer cairn")
        }
        let text = try RunText(value, path: textPath)
        var run = ImportedRun(
            description: text.run, states: try states(text.steps, path: path),
            metrics: try metrics(path + "/metrics.jsonl"))
        run.status = text.status
        run.account.items =
            run.states.map { state in
                ImportItem(
                    file: String(state.source.dropFirst(path.count + 1)), name: "", kind: .tensor,
                    count: 1, fate: .stored(step: state.step, name: "its tensors", role: nil))
            } + [
                ImportItem(
                    file: "metrics.jsonl", name: "", kind: .curve, count: run.metrics.count,
                    fate: .stored(step: nil, name: "its curves", role: nil))
            ]
        return run
    }

    private static func states(_ steps: [Int], path: String) throws -> [ImportedRun.State] {
        guard steps == Array(Set(steps)).sorted(), steps.first.map({ $0 >= 0 }) ?? true else {
            throw UserError.unreadable(path + "/run.json", "its steps are not rising")
        }
        return steps.map { step in
            let weights = "\(path)/checkpoints/\(stepName(step)).npz"
            let optimizer = "\(path)/optimizer/\(stepName(step))"
            return ImportedRun.State(step: step, source: weights) {
                (
                    try streamed(weights),
                    FileManager.default.fileExists(atPath: optimizer + ".json")
                        ? StreamedOptimizerState(
                            tensors: FileManager.default.fileExists(atPath: optimizer + ".npz")
                                ? try streamed(optimizer + ".npz") : [],
                            attributes: try text(optimizer + ".json")) : nil
                )
            }
        }
    }

    private static func streamed(_ path: String) throws -> [StreamedTensor] {
        try NumPyArchive.read(path).flattened(source: path).map {
            $0.tensor.streamed(named: $0.name)
        }
    }

    private static func text(_ path: String) throws -> String {
        let file = try SourceFile(path: path)
        return String(decoding: try file.read(at: 0, count: file.byteCount), as: UTF8.self)
    }

    private static func metrics(_ path: String) throws -> [MetricPoint] {
        let file = try SourceFile(path: path)
        let bytes = try file.read(at: 0, count: file.byteCount)
        return try bytes.split(separator: UInt8(ascii: "\n")).map { line in
            let value = try Value(jsonFile: path, bytes: Array(line))
            let number: Double? =
                switch value["value"] {
                case .text("NaN")?: .nan
                case .text("Infinity")?: .infinity
                case .text("-Infinity")?: -.infinity
                case let value: value?.number
                }
            guard let name = value["name"]?.textual, let step = value["step"]?.whole, let number
            else { throw UserError.unreadable(path, "a line has no name, step and value") }
            return MetricPoint(name: name, step: step, value: number)
        }
    }
}
