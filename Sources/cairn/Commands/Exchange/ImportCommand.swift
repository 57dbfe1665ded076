internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange
internal import Networks

/// Brings in runs that were trained elsewhere.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring in runs that were trained elsewhere.",
        discussion: """
            Reads PyTorch (.pt, .pth, .ckpt), safetensors, NumPy (.npz, .npy), pickle, HDF5 and \
            Flax (.msgpack) files, curves (.csv, .json, .jsonl, TensorBoard, .wandb) and folders of \
            them, as Lightning, Keras, the Hugging Face trainer, MLflow (mlruns and mlflow.db), Sacred \
            and Hydra leave them; \
            nothing in a file is ever executed. The same content is imported once, however often it \
            comes; cairn show RUN --origin tells what became of each part of it.

            Everything that is found is stored, or said to be left out or refused: --dry-run and \
            --verbose print what becomes of each item. A file that cannot be read spoils nothing else; \
            the exit code is then 1.

            A step is the number of updates done: what a file says itself goes before its name, that \
            before its optimiser's count. Where only epochs are known, the steps are epochs and the \
            hyperparameter step_convention says so. Files whose names differ in a step are one run; \
            seeds, widths and other settings in names make runs of their own. Runs of the group-composition experiments \
            (rep_theory) keep the published epoch as their step, counted from 0 and saved after its \
            update, so that times are those that their authors give; the hyperparameter \
            step_convention is then 'epoch'. Weights whose step nothing says are refused: --step \
            gives it.

            --network names a YAML file for tensors that are not recognised:
              network: {kind: transformer, layers: 1, width: 128, heads: 4, mlp_width: 512}
              tensors:
                embedding: tok.weight
                blocks.{layer}.attention.query: {from: "h.{layer}.q", shape: [4, 32, 128], axes: [0, 2, 1]}
            A square matrix without axes is evaluated both ways where there are curves, and the way \
            that gives them is taken; an option that applies to nothing is an error.
            """)

    @Argument(help: "Files and folders to import.", completion: .file())
    var paths: [String] = []

    @Option(
        help: ArgumentHelp(
            "Print a mapping to fill in for --network: transformer, mlp or one_hot.",
            valueName: "kind"))
    var template: String?

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

    @Option(help: ArgumentHelp("The step of the one checkpoint that is imported.", valueName: "n"))
    var step: Int?

    @Option(
        help: ArgumentHelp(
            "Take steps from name, content, optimizer or list alone.", valueName: "source"))
    var stepsFrom: String?

    @Option(help: ArgumentHelp("The updates of one epoch.", valueName: "n"))
    var stepsPerEpoch: Int?

    @Flag(help: "Print what would be made of it and change nothing.")
    var dryRun = false

    @Flag(help: "Print what became of each item.")
    var verbose = false

    @OptionGroup var rows: RowOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        if let template {
            guard paths.isEmpty, !gives else {
                throw UserError.usage(
                    subject: "--template \(template)", cause: "it imports nothing",
                    advice: "give it alone")
            }
            guard let kind = NetworkConfiguration.Kind(rawValue: template) else {
                let kinds = NetworkConfiguration.Kind.allCases.map(\.rawValue)
                throw UserError.usage(
                    subject: "--template \(template)", cause: "there is no such kind of network",
                    advice: "choose \(kinds.joined(separator: ", "))")
            }
            return try Output.standard.write(NetworkMapping.template(kind))
        }
        guard !paths.isEmpty else {
            throw UserError.usage(
                subject: "import", cause: "no file or folder is named",
                advice: "name what to import")
        }
        guard name == nil || paths.count == 1 else {
            throw UserError.usage(
                subject: "--name \(name ?? "")",
                cause: "there are \(paths.count) files and folders",
                advice: "import them one by one, or rename the runs with cairn rename")
        }
        StopSignals.listen()
        let options = try importOptions()
        var plans: [ImportPlan] = []
        var problems: [UserError] = []
        for path in paths {
            do {
                plans.append(try SquareMatrices.plan(at: path, options: options))
            } catch let error as any UserErrorConvertible where error.kind != .usage {
                problems.append(error.userError)
            }
        }
        for plan in plans where plan.runs.isEmpty { problems.append(Importer.problem(plan)) }
        try ImportPlan.apply(options, to: &plans)
        let found = plans.flatMap(\.runs)
        if found.isEmpty, let problem = problems.first {
            // One file that cannot be stored is one sentence.
            if verbose || dryRun || plans.count > 1 || plans.contains(where: \.isLong) {
                for plan in plans { printPlan(plan) }
            }
            for other in problems.dropFirst() { Output.error.note("cairn: \(other)") }
            throw problem
        }
        let archive =
            dryRun ? nil : try Archive.openOrCreate(at: common.archivePath)
        let writer = rows.writer()
        try writer.begin(columns: [
            "run", "name", "outcome", "layout", "task", "network", "checkpoints", "first_step",
            "last_step", "metrics", "source",
        ])
        for run in found {
            do {
                let outcome = try archive.map { try store(run, in: $0) } ?? "would import"
                try writer.row(row(run, outcome: outcome))
                for note in run.notes { common.note("\(run.description.name): \(note)") }
            } catch let error as any UserErrorConvertible where found.count > 1 {
                problems.append(error.userError)
            }
        }
        try writer.end()
        for plan in plans { printPlan(plan) }
        for problem in problems { Output.error.note("cairn: \(problem)") }
        if !problems.isEmpty || plans.contains(where: \.hasRefusals) { throw ExitCode(1) }
    }

    /// The plan's items where they are asked for, its refusals always, and its totals.
    private func printPlan(_ plan: ImportPlan) {
        let account = plan.account
        if verbose || dryRun {
            for item in account.items {
                let place = [item.file, item.name].filter { !$0.isEmpty }.joined(separator: ": ")
                let count = item.count == 1 ? "" : " (\(item.count) values)"
                common.note("\(item.kind.rawValue) \(place)\(count): \(item.outcome)")
            }
        }
        for sentence in plan.others.leftOutSentences { common.note("\(plan.path): \(sentence)") }
        // Of a plan without runs the first refusal is the command's own error.
        for (file, cause) in plan.others.refusedFiles.dropFirst(plan.runs.isEmpty ? 1 : 0) {
            let path = file.isEmpty ? plan.path : "\(plan.path)/\(file)"
            Output.error.note("cairn: \(path): \(cause)")
        }
        let totals = account.totals
        var words = ["\(totals.stored) stored"]
        if totals.same > 0 { words.append("\(totals.same) the same as others") }
        if totals.leftOut > 0 { words.append("\(totals.leftOut) left out") }
        if totals.refused > 0 { words.append("\(totals.refused) refused") }
        common.note(
            "\(plan.path): found \(totals.found) values: \(words.joined(separator: ", "))")
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
        } catch let error as any UserErrorConvertible where stored == nil {
            // What cannot be stored whole leaves nothing; a stop is continued by the next import.
            if try archive.runIDs().contains(id) {
                try archive.discard(try archive.run(matching: id))
            }
            throw error
        }
        if !run.account.items.isEmpty {
            try archive.keep(try run.originNote, as: .origin, of: id)
        }
        if !run.publishedValues.isEmpty {
            try archive.keepPublished(
                run.publishedValues,
                of: id, digest: run.description.origin?.digest ?? "")
        }
        for sentence in try archive.checkNetwork(of: id)?.sentences ?? [] {
            common.note("\(run.description.name): \(sentence)")
        }
        return "imported"
    }

    /// Whether anything is said about an import.
    private var gives: Bool {
        [name, task, network, splitIndices, stepsFrom].contains { $0 != nil } || step != nil
            || stepsPerEpoch != nil || dryRun || verbose
    }

    private func importOptions() throws -> ImportOptions {
        ImportOptions(
            name: name, task: try task.map(TaskText.configuration),
            trainIndices: try splitIndices.map(Self.indices),
            network: try network.map(Self.mapping), step: step, stepsFrom: try stepSource(),
            stepsPerEpoch: stepsPerEpoch, hdf5: ForeignHDF5.opening,
            database: ForeignDatabase.opening)
    }

    private func stepSource() throws -> ImportOptions.StepSource? {
        if let step, step < 0 {
            throw UserError.usage(subject: "--step \(step)", cause: "a step is never negative")
        }
        if let stepsPerEpoch, stepsPerEpoch < 1 {
            throw UserError.usage(
                subject: "--steps-per-epoch \(stepsPerEpoch)",
                cause: "an epoch has at least one update")
        }
        guard let stepsFrom else { return nil }
        guard step == nil else {
            throw UserError.usage(
                subject: "--step \(step ?? 0)", cause: "--steps-from gives the step too",
                advice: "give one of them")
        }
        guard let source = ImportOptions.StepSource(rawValue: stepsFrom) else {
            throw UserError.usage(
                subject: "--steps-from \(stepsFrom)", cause: "steps do not come from there",
                advice:
                    "choose \(ImportOptions.StepSource.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        return source
    }

    static func indices(_ path: String) throws -> [Int] {
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

    /// The section `network` of a YAML file of a network.
    static func networkSection(_ path: String) throws -> NetworkConfiguration {
        try NetworkMapping.network(try tree(path)["network"] ?? Value.none, path: path)
    }

    private static func mapping(_ path: String) throws -> NetworkMapping {
        try NetworkMapping(try tree(path), path: path)
    }

    private static func tree(_ path: String) throws -> Value {
        let file = try SourceFile(path: path)
        let bytes = try file.read(at: 0, count: file.byteCount)
        do {
            return try YAMLText.value(ofFile: path, bytes: bytes)
        } catch let error as any UserErrorConvertible where error.kind == .failure {
            throw UserError.usage(subject: path, cause: error.cause, advice: error.advice)
        }
    }
}
