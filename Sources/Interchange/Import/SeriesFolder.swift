internal import Checkpoints
internal import Foundation

/// A folder of checkpoints that are told apart by the number in their names.
enum SeriesFolder {
    /// A checkpoint found by its name.
    fileprivate struct Candidate {
        let relativePath: String
        let step: Int?
        /// The name around the number.
        let pattern: String
    }

    /// Names inside the folder of one checkpoint, best first.
    private static let insideNames = [
        "model.safetensors", "pytorch_model.bin", "model.pt", "model.pth", "model.npz",
        "checkpoint.pt", "state.pt",
    ]
    fileprivate static let firstNames: Set<String> = ["init", "initial", "step_init"]
    fileprivate static let lastNames: Set<String> = ["final", "last", "model_final", "final_model"]

    /// The run of a folder; nil when its files do not form a series.
    static func read(
        _ path: String, listing: FolderListing, options: ImportOptions
    ) throws -> ImportedRun? {
        var candidates = listing.files.filter(ForeignFile.holdsTensors).map { candidate($0, $0) }
        for name in listing.folders {
            let inside = try FolderListing(path + "/" + name)
            if let file = insideNames.first(where: inside.files.contains) {
                candidates.append(candidate("\(name)/\(file)", name))
            } else if name == "checkpoints" || name == "ckpts" {
                candidates += inside.files.filter(ForeignFile.holdsTensors).map {
                    candidate("\(name)/\($0)", $0)
                }
            }
        }
        let numbered = Dictionary(grouping: candidates.filter { $0.step != nil }, by: \.pattern)
        let series = numbered.filter { pattern, members in
            !isOtherNumber(pattern) && (members.count > 1 || isPlain(pattern))
        }.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.value
        let ends = candidates.filter { $0.step == nil && ($0.isFirst || $0.isLast) }
        guard let series, series.count + ends.count > 0 else { return nil }
        var builder = RunBuilder(path: path, options: options)
        let members = series + ends
        builder.members = members.map {
            .init(relativePath: $0.relativePath, step: $0.isFirst ? 0 : $0.step)
        }
        builder.notes = candidates.filter { candidate in
            !members.contains { $0.relativePath == candidate.relativePath }
        }.map { "\($0.relativePath) was left out: its name is not one of the series" }
        builder.curveFiles =
            try listing.files.filter(CurveFile.holdsCurves)
            + logFiles(below: path, listing: listing)
        try addTrainerState(of: series, path: path, to: &builder)
        try addSettings(listing, path: path, to: &builder)
        return try builder.build()
    }

    /// The curves of Lightning's logger, in the newest version's folder.
    private static func logFiles(below path: String, listing: FolderListing) throws -> [String] {
        for name in listing.folders {
            let versions = try FolderListing("\(path)/\(name)").folders.filter {
                $0.hasPrefix("version_")
            }
            let newest = versions.max { ($0.count, $0) < ($1.count, $1) }
            if let newest,
                try FolderListing("\(path)/\(name)/\(newest)").files.contains("metrics.csv")
            {
                return ["\(name)/\(newest)/metrics.csv"]
            }
        }
        return []
    }

    private static func candidate(_ relativePath: String, _ name: String) -> Candidate {
        let stem = ForeignFile.holdsTensors(name) ? (name as NSString).deletingPathExtension : name
        let scalars = Array(stem)
        guard let end = scalars.lastIndex(where: \.isASCIIDigit) else {
            return Candidate(relativePath: relativePath, step: nil, pattern: stem.lowercased())
        }
        var start = end
        while start > 0, scalars[start - 1].isASCIIDigit { start -= 1 }
        let pattern = String(scalars[..<start]) + "#" + String(scalars[(end + 1)...])
        return Candidate(
            relativePath: relativePath, step: Int(String(scalars[start...end])),
            pattern: pattern.lowercased())
    }

    /// Names whose number is known to be a step even if there is only one.
    private static func isPlain(_ pattern: String) -> Bool {
        [
            "#", "step_#", "step-#", "step#", "epoch_#", "epoch-#", "epoch#", "checkpoint-#",
            "checkpoint_#", "ckpt_#", "ckpt-#", "model_#", "iter_#",
        ].contains(pattern)
    }

    /// Names whose number tells runs apart, not steps.
    private static func isOtherNumber(_ pattern: String) -> Bool {
        [
            "seed#", "seed_#", "seed-#", "run#", "run_#", "run-#", "fold#", "fold_#", "rank#",
            "rank_#",
        ]
        .contains { pattern.hasSuffix($0) }
    }

    /// The curves that the trainer of Hugging Face keeps beside its last checkpoint.
    private static func addTrainerState(
        of series: [Candidate], path: String, to builder: inout RunBuilder
    ) throws {
        let last = series.filter { $0.relativePath.contains("/") }.max {
            ($0.step ?? 0) < ($1.step ?? 0)
        }
        guard let last else { return }
        let name =
            (last.relativePath as NSString).deletingLastPathComponent + "/trainer_state.json"
        guard FileManager.default.fileExists(atPath: path + "/" + name) else { return }
        let file = try SourceFile(path: path + "/" + name)
        let state = try Value(
            jsonFile: file.path, bytes: try file.read(at: 0, count: file.byteCount))
        for row in state["log_history"]?.elements ?? [] {
            guard let entries = row.entries, let step = row["step"]?.whole else { continue }
            builder.metrics += CurveFile.points(entries, step: step)
        }
        builder.otherFiles.append(name)
    }

    /// Settings that lie beside the checkpoints as JSON.
    private static func addSettings(
        _ listing: FolderListing, path: String, to builder: inout RunBuilder
    ) throws {
        for name in ["config.json", "cfg.json", "hparams.json", "args.json"]
        where listing.files.contains(name) {
            let file = try SourceFile(path: path + "/" + name)
            builder.settings = try Value(
                jsonFile: file.path, bytes: try file.read(at: 0, count: file.byteCount))
            builder.otherFiles.append(name)
            return
        }
    }
}

extension SeriesFolder.Candidate {
    fileprivate var isFirst: Bool { SeriesFolder.firstNames.contains(pattern) }
    fileprivate var isLast: Bool { SeriesFolder.lastNames.contains(pattern) }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
