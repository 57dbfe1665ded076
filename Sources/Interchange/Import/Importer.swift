package import Checkpoints
internal import Foundation

/// Finds the runs in foreign files and folders.
package enum Importer {
    /// What would be made of a path; a file that cannot be read is refused in it and spoils nothing.
    ///
    /// Errors: there is no such path, or an option does not fit.
    package static func plan(at path: String, options: ImportOptions) throws -> ImportPlan {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UserError.missing(
                subject: path, cause: "there is no such file or folder",
                advice: "check the path")
        }
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        var reader = FolderReader(root: trimmed, options: options)
        if isFolder.boolValue { try reader.readFolder() } else { try reader.readFile() }
        return try reader.finish()
    }

    /// The runs at a path, in the order of their names.
    ///
    /// Errors: nothing in it can be imported.
    package static func runs(at path: String, options: ImportOptions) throws -> [ImportedRun] {
        let plan = try plan(at: path, options: options)
        if plan.runs.isEmpty { throw problem(plan) }
        return plan.runs
    }

    /// Why a plan has no runs.
    package static func problem(_ plan: ImportPlan) -> UserError {
        if let refusal = plan.account.refusals.first, case .refused(let cause) = refusal.fate {
            let file = refusal.file.isEmpty ? plan.path : "\(plan.path)/\(refusal.file)"
            return UserError.unreadable(file, cause)
        }
        return UserError.unreadable(
            plan.path, "it holds nothing that can be imported",
            advice: plan.account.sentences.first
                ?? "checkpoints end in .pt, .pth, .ckpt, .safetensors, .npz or .h5, curves in "
                + ".csv, .json or .jsonl")
    }
}

/// The visible entries of a folder, sorted; links are not followed.
struct FolderListing {
    let files: [String]
    let folders: [String]

    /// A folder without entries.
    init() {
        files = []
        folders = []
    }

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
        _ content: Value, path: String, name: String
    ) throws -> [ImportedRun]? {
        guard let parts = content.elements, parts.count == 2, let fractions = parts[0].numbers,
            let curves = parts[1].elements, !fractions.isEmpty,
            curves.count == 2 * fractions.count
        else { return nil }
        let lists = curves.compactMap(\.numbers)
        guard lists.count == curves.count else { return nil }
        let digest = try SourceDigest.file(path)
        return try fractions.enumerated().map { index, fraction in
            let label = String(fraction)
            var draft = RunDraft(root: path, isFile: true, name: "\(name)/\(label)")
            draft.part = label
            draft.layout = "loss_sweep"
            let items = [
                (MetricName.trainLoss, lists[2 * index]),
                (MetricName.testLoss, lists[2 * index + 1]),
            ].map { curve, values in
                FoundItem(
                    "1.\(curve).\(index)", .curve(FoundCurve(name: curve, values: values)),
                    count: values.count)
            }
            draft.curves = [.init(path: "", items: items)]
            var run = try RunAssembler.runs(of: draft, options: ImportOptions())[0]
            run.description.id = ImportedRun.id(digest: digest, part: label, configuration: "{}")
            run.description.hyperparameters = [Hyperparameter("frac_train", .real(fraction))]
            run.notes = ["only curves were saved, no weights"]
            run.account.items.append(
                ImportItem(
                    file: "", name: "0.\(index)", kind: .setting, count: 1,
                    fate: .stored(step: nil, name: "frac_train", role: nil)))
            return run
        }
    }
}
