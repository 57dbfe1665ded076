internal import Checkpoints
internal import Foundation

/// Finds the runs in foreign files and folders.
package enum Importer {
    /// How deep a folder of folders is searched.
    private static let deepestFolder = 6

    /// The runs at a path, in the order of their names.
    ///
    /// A folder is one run where its files form a series or a published layout; otherwise each of
    /// its files and folders is looked at alone. Notes of a run say what was skipped.
    package static func runs(at path: String, options: ImportOptions) throws -> [ImportedRun] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UserError.missing(
                subject: path, cause: "there is no such file or folder",
                advice: "check the path")
        }
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let runs =
            isFolder.boolValue
            ? try folder(trimmed, options: options, depth: 0) : try file(trimmed, options: options)
        for run in runs { try run.requireStorable(path: path) }
        guard !runs.isEmpty else {
            throw UserError.unreadable(
                path, "it holds nothing that can be imported",
                advice: "checkpoints end in .pt, .pth, .ckpt, .safetensors, .npz or .h5, curves in "
                    + ".csv or .jsonl")
        }
        return runs
    }

    private static func file(_ path: String, options: ImportOptions) throws -> [ImportedRun] {
        let name = (path as NSString).lastPathComponent
        var builder = RunBuilder(path: path, options: options)
        if CurveFile.holdsCurves(name) {
            builder.curveFiles = [""]
            return [try builder.build()]
        }
        let content = try ForeignFile.read(path, hdf5: options.hdf5).content
        if let sweep = try LossSweep.runs(content, path: path, options: options) { return sweep }
        builder.members = [.init(relativePath: "", step: nil)]
        return [try builder.build()]
    }

    private static func folder(
        _ path: String, options: ImportOptions, depth: Int
    ) throws -> [ImportedRun] {
        if let run = try RunFolder.read(path, options: options) { return [run] }
        let listing = try FolderListing(path)
        if listing.files.contains("cfg.json"),
            let run = try GroupRunFolder.read(path, listing: listing, options: options)
        {
            return [run]
        }
        if let series = try SeriesFolder.read(path, listing: listing, options: options) {
            return [series]
        }
        guard depth < deepestFolder else { return [] }
        var runs: [ImportedRun] = []
        let sources = listing.files.filter { ForeignFile.holdsTensors($0) }
        for name in sources {
            runs += try file(path + "/" + name, options: options)
        }
        for name in listing.folders {
            runs += try folder(path + "/" + name, options: options, depth: depth + 1)
        }
        // Curves alone make a run only where nothing else is there.
        if runs.isEmpty {
            let curves = listing.files.filter(CurveFile.holdsCurves)
            guard !curves.isEmpty else { return [] }
            var builder = RunBuilder(path: path, options: options)
            builder.curveFiles = curves
            runs.append(try builder.build())
        }
        return runs
    }
}

/// The visible entries of a folder, sorted; links are not followed.
struct FolderListing {
    let files: [String]
    let folders: [String]

    init(_ path: String) throws {
        let keys: [URLResourceKey] = [.isDirectoryKey, .isRegularFileKey]
        let entries = try FileManager.default.contentsOfDirectory(
            at: URL(fileURLWithPath: path), includingPropertiesForKeys: keys,
            options: .skipsHiddenFiles)
        var files: [String] = []
        var folders: [String] = []
        for entry in entries {
            let values = try entry.resourceValues(forKeys: Set(keys))
            if values.isRegularFile == true { files.append(entry.lastPathComponent) }
            if values.isDirectory == true { folders.append(entry.lastPathComponent) }
        }
        self.files = files.sorted()
        self.folders = folders.sorted()
    }
}

/// The sweep over training fractions of the progress-measures repository: two lists, fractions and
/// pairs of training and test losses.
enum LossSweep {
    static func runs(
        _ content: Value, path: String, options: ImportOptions
    ) throws -> [ImportedRun]? {
        guard let parts = content.elements, parts.count == 2, let fractions = parts[0].numbers,
            let curves = parts[1].elements, !fractions.isEmpty,
            curves.count == 2 * fractions.count
        else { return nil }
        let lists = curves.compactMap(\.numbers)
        guard lists.count == curves.count else { return nil }
        let digest = try SourceDigest.file(path)
        return fractions.enumerated().map { index, fraction in
            let label = String(fraction)
            let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
            let points = CurveSteps.points([
                (MetricName.trainLoss, lists[2 * index]),
                (MetricName.testLoss, lists[2 * index + 1]),
            ])
            return ImportedRun(
                description: RunDescription(
                    id: ImportedRun.id(digest: digest, part: label, configuration: "{}"),
                    name: "\(options.name ?? stem)/\(label)",
                    createdAt: SourceDigest.modificationTime(path),
                    hyperparameters: [Hyperparameter("frac_train", .real(fraction))],
                    origin: .init(path: path, digest: digest, layout: "loss_sweep")),
                states: [],
                metrics: points.enumerated().sorted {
                    ($0.element.step, $0.offset) < ($1.element.step, $1.offset)
                }.map(\.element),
                notes: ["only curves were saved, no weights"])
        }
    }
}
