internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange
internal import Networks
internal import Yams

/// Brings in runs that were trained elsewhere.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring in runs that were trained elsewhere.",
        discussion: """
            Reads PyTorch (.pt, .pth, .ckpt), safetensors, NumPy (.npz, .npy) and HDF5 files, curves \
            (.csv, .jsonl, TensorBoard) and folders of them; nothing in a file is ever executed. A \
            folder whose files differ in a number becomes one run with many checkpoints. The same \
            content is imported once, however often it comes.

            A step is the number of updates done. Runs of the group-composition experiments \
            (rep_theory) keep the published epoch as their step, counted from 0 and saved after its \
            update, so that times are those that their authors give; the hyperparameter \
            step_convention is then 'epoch'.

            --network names a YAML file for tensors that are not recognised:
              network: {kind: transformer, layers: 1, width: 128, heads: 4, mlp_width: 512}
              tensors:
                embedding: tok.weight
                blocks.{layer}.attention.query: {from: "h.{layer}.q", shape: [4, 32, 128], axes: [0, 2, 1]}
            """)

    @Argument(help: "Files and folders to import.", completion: .file())
    var paths: [String]

    @Option(help: "The run's name (else that of the file or folder).")
    var name: String?

    @Option(
        help: ArgumentHelp(
            "What was learned, as 'add mod 113', 'compose in S5' or a JSON object.",
            valueName: "task"))
    var task: String?

    @Option(
        help: ArgumentHelp("A YAML file that maps tensors to a network.", valueName: "file"),
        completion: .file())
    var network: String?

    @Option(
        help: ArgumentHelp("A JSON file with the list of rows trained on.", valueName: "file"),
        completion: .file())
    var splitIndices: String?

    @Flag(help: "Print what would be made of it and change nothing.")
    var dryRun = false

    @OptionGroup var rows: RowOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        StopSignals.listen()
        let options = try importOptions()
        let found = try paths.flatMap { try Importer.runs(at: $0, options: options) }
        let archive =
            dryRun ? nil : try Archive.openOrCreate(at: common.archivePath)
        let writer = rows.writer()
        try writer.begin(columns: [
            "run", "name", "outcome", "layout", "task", "network", "checkpoints", "first_step",
            "last_step", "metrics", "source",
        ])
        for run in found {
            let outcome = try archive.map { try store(run, in: $0) } ?? "would import"
            try writer.row(row(run, outcome: outcome))
            for note in run.notes { common.note("\(run.description.name): \(note)") }
        }
        try writer.end()
    }

    private func row(_ run: ImportedRun, outcome: String) -> [ScalarValue] {
        [
            .text(run.description.id), .text(run.description.name), .text(outcome),
            ScalarValue(run.description.origin?.layout), .text(run.description.task),
            .text(run.description.network), ScalarValue(run.states.count),
            ScalarValue(run.states.first?.step),
            ScalarValue(run.states.last?.step), ScalarValue(run.metrics.count),
            ScalarValue(run.description.origin?.path),
        ]
    }

    /// Stores a run, unless the archive has it complete; the result says which.
    private func store(_ run: ImportedRun, in archive: Archive) throws -> String {
        let id = run.description.id
        let stored = try archive.runIDs().contains(id) ? try archive.run(matching: id) : nil
        if let stored, stored.status == run.status, stored.steps == run.states.map(\.step) {
            return "already there"
        }
        var run = run
        // An import that broke off is continued; its description must be the one it began with.
        if let stored { run.description = try stored.run }
        let progress = ProgressBar(
            run.description.name, unit: "checkpoints", total: run.states.count,
            isQuiet: common.quiet)
        defer { progress.end() }
        do {
            try run.write(to: archive.writer()) { done, _ in
                progress.update(done)
                try StopSignals.check()
            }
        } catch let error as UserError where stored == nil {
            // What cannot be stored whole leaves nothing; a stop is continued by the next import.
            if try archive.runIDs().contains(id) {
                try archive.discard(try archive.run(matching: id))
            }
            throw error
        }
        if !run.publishedValues.isEmpty {
            try archive.keepPublished(
                run.publishedValues,
                of: id, digest: run.description.origin?.digest ?? "")
        }
        return "imported"
    }

    private func importOptions() throws -> ImportOptions {
        ImportOptions(
            name: name, task: try task.map(TaskText.configuration),
            trainIndices: try splitIndices.map(Self.indices),
            network: try network.map(Self.mapping), hdf5: ForeignHDF5.opening)
    }

    private static func indices(_ path: String) throws -> [Int] {
        let data = try SourceFile(path: path)
        guard
            let rows = try? JSONDecoder().decode(
                [Int].self, from: Data(try data.read(at: 0, count: data.byteCount)))
        else {
            throw UserError.usage(
                subject: path, cause: "it is not a JSON list of whole numbers")
        }
        return rows
    }

    private static func mapping(_ path: String) throws -> NetworkMapping {
        let file = try SourceFile(path: path)
        let text = String(decoding: try file.read(at: 0, count: file.byteCount), as: UTF8.self)
        do {
            guard let node = try Yams.compose(yaml: text) else {
                throw UserError.usage(subject: path, cause: "it is empty")
            }
            return try NetworkMapping(Value(node), path: path)
        } catch let error as YamlError {
            throw UserError.usage(subject: path, cause: "it is not YAML (\(error))")
        }
    }
}

extension Value {
    /// A YAML tree; keys and plain scalars that are whole numbers stay whole.
    init(_ node: Node) {
        switch node {
        case .scalar(let scalar):
            if scalar.style == .singleQuoted || scalar.style == .doubleQuoted {
                self = .text(scalar.string)
            } else if let number = Int(scalar.string) {
                self = .integer(number)
            } else if let number = Double(scalar.string) {
                self = .real(number)
            } else if let flag = node.bool {
                self = .boolean(flag)
            } else {
                self = .text(scalar.string)
            }
        case .sequence(let sequence): self = .list(sequence.map(Value.init))
        case .mapping(let mapping):
            self = .dictionary(
                mapping.map {
                    Entry(key: .text($0.key.string ?? ""), value: Value($0.value))
                })
        case .alias: self = .none
        }
    }
}
