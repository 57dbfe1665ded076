internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange
internal import Training

/// Writes checkpoints, curves, views and whole runs for other programs.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write checkpoints, curves, views or whole runs for other programs.",
        discussion: """
            The name of the file says what is written: .safetensors, .npz and .h5 take the weights of \
            RUN@STEP (else the last checkpoint), .csv and .jsonl the curves of RUN or the rows of \
            --view, and a folder takes the whole run, which cairn import brings back unchanged. A \
            step between two stored ones is recomputed.
            """)

    @Argument(
        help: ArgumentHelp("A run or checkpoint.", valueName: "run[@step]"),
        completion: NameCompletion.checkpoints)
    var source: String?

    @Option(
        help: ArgumentHelp("Where to write.", valueName: "path"), completion: .file())
    var to: String

    @Option(
        help: ArgumentHelp(
            "Export the rows of a view, such as runs or metrics.", valueName: "view"),
        completion: NameCompletion.views)
    var view: String?

    @Flag(help: "Add the optimiser's tensors, as optimizer/….")
    var optimizer = false

    @Flag(help: "Write an imported run's weights as they were named and laid out in its files.")
    var originalNames = false

    @Flag(help: "Replace a file that is there.")
    var force = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        StopSignals.listen()
        let suffix = (to as NSString).pathExtension.lowercased()
        if let view {
            guard source == nil else {
                throw UserError.usage(
                    subject: "--view \(view)", cause: "it takes no run",
                    advice: "use cairn sql with a condition for the rows of one run")
            }
            return try exportView(view, suffix: suffix)
        }
        guard let source else {
            throw UserError.usage(
                subject: "cairn export", cause: "neither a run nor --view is given",
                advice: "write cairn export RUN@STEP --to weights.safetensors")
        }
        guard !originalNames || ["safetensors", "npz", "h5", "hdf5"].contains(suffix) else {
            throw UserError.usage(
                subject: "--original-names", cause: "it is about the weights of a checkpoint",
                advice: "write to a .safetensors, .npz or .h5 file")
        }
        let archive = try ArchiveAccess(common).openReadOnly()
        let reference = try CheckpointReference(source)
        let run = try archive.run(matching: reference.run)
        switch suffix {
        case "safetensors", "npz", "h5", "hdf5":
            try exportWeights(of: run, reference: reference, suffix: suffix)
        case "csv", "jsonl", "nl":
            try exportCurves(of: run, isCSV: suffix == "csv")
        default: try exportFolder(run, reference: reference, suffix: suffix)
        }
    }

    private func exportWeights(
        of run: StoredRun, reference: CheckpointReference, suffix: String
    ) throws {
        let (step, source) = try checkpoint(of: run, reference: reference)
        var tensors = try source.weights(at: step)
        let digest = Digest(weights: tensors)
        if originalNames {
            let archive = try ArchiveAccess(common).openReadOnly()
            guard let note = try archive.note(.origin, of: run.id) else {
                throw UserError.usage(
                    subject: "--original-names",
                    cause: "run \(run.name) was not imported, so that its names are its own",
                    advice: "leave the option out")
            }
            tensors = try OriginalTensors(note: note).restored(
                tensors, subject: "run \(run.name)")
        }
        if optimizer {
            guard let state = try source.optimizerState(at: step) else {
                throw UserError.missing(
                    subject: "run \(run.name)", cause: "step \(step) has no optimiser state",
                    advice: "cairn show \(run.name) lists the steps that have one")
            }
            tensors += state.tensors.sorted { $0.name < $1.name }.map {
                Tensor(
                    name: "optimizer/\($0.name)", shape: $0.shape, elementType: $0.elementType,
                    bytes: $0.bytes)
            }
        }
        let metadata = [
            (key: "run", value: run.id), (key: "name", value: run.name),
            (key: "step", value: String(step)), (key: "digest", value: digest.description),
        ]
        switch suffix {
        case "safetensors":
            try Safetensors.write(tensors, metadata: metadata, to: to, replacing: force)
        case "npz": try NumPyArchive.write(tensors, metadata: metadata, to: to, replacing: force)
        default: try TensorHDF5.write(tensors, metadata: metadata, to: to, replacing: force)
        }
        common.note("\(tensors.count) tensors of \(run.name)@\(step) are in \(to)")
    }

    /// The step that is meant and where it is read from: a step that is not stored is recomputed.
    private func checkpoint(
        of run: StoredRun, reference: CheckpointReference
    ) throws -> (step: Int, source: any CheckpointSource) {
        guard case .step(let step)? = reference.position, let first = run.steps.first,
            let last = run.steps.last, (first...last).contains(step), !run.steps.contains(step)
        else { return (try reference.step(among: run.steps), run) }
        let display = ReplayDisplay(isQuiet: common.quiet)
        defer { display.end() }
        let replayed = try ReplayedRun(
            run, threadCount: ProcessInfo.processInfo.activeProcessorCount,
            watch: StopSignals.check, progress: display.show)
        _ = try replayed.weights(at: step)
        display.end()
        switch replayed.proofs[step] {
        case .identical?:
            common.note("Step \(step) was recomputed, with the bits that training had.")
        case .different(let first)?:
            throw UserError(
                .failure, subject: "run \(run.name), step \(step)",
                cause: "recomputed here it has other bits than training had, from step \(first) on",
                advice: "cairn replay \(run.name)@\(step) says by how much")
        case .notRecorded?, nil:
            common.note("Step \(step) was recomputed; no digest of it was recorded.")
        }
        return (step, replayed)
    }

    private func metrics(of run: StoredRun) throws -> [MetricPoint] {
        try run.metricNames().flatMap(run.metric)
    }

    private func exportCurves(of run: StoredRun, isCSV: Bool) throws {
        // One curve at a time: a run may have thousands of long ones.
        let count = try writeRows(columns: ["name", "step", "value"], isCSV: isCSV) { writer in
            var count = 0
            for name in try run.metricNames() {
                for point in try run.metric(name) {
                    try writer.row([.text(point.name), ScalarValue(point.step), .real(point.value)])
                    count += 1
                }
                try StopSignals.check()
            }
            return count
        }
        common.note("\(count) values of \(run.name) are in \(to)")
    }

    private func exportView(_ view: String, suffix: String) throws {
        guard ["csv", "jsonl", "nl"].contains(suffix) else {
            throw UserError.usage(
                subject: "--to \(to)", cause: "rows are written as .csv or .jsonl")
        }
        let session = try ArchiveAccess(common).session()
        let names = try session.rows(
            "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name"
        )
        .compactMap { row -> String? in
            if case .text(let name)? = row.first { name } else { nil }
        }
        guard names.contains(view) else {
            throw UserError.usage(
                subject: "--view \(view)", cause: "there is no such view",
                advice: "there are \(names.joined(separator: ", "))")
        }
        let cursor = try session.cursor("SELECT * FROM \"\(view)\"")
        let count = try writeRows(columns: cursor.columns, isCSV: suffix == "csv") { writer in
            var count = 0
            while let row = try cursor.next() {
                try writer.row(row)
                count += 1
            }
            return count
        }
        common.note("\(count) rows of \(view) are in \(to)")
    }

    /// Writes rows as `body` makes them, so that none has to wait in memory; answers their number.
    private func writeRows(
        columns: [String], isCSV: Bool, body: (any RowWriter) throws -> Int
    ) throws -> Int {
        var count = 0
        try TargetFile.write(to: to, replacing: force) { temporary in
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else {
                throw UserError(.failure, subject: to, cause: "it cannot be written")
            }
            defer { close(descriptor) }
            let output = Output(descriptor: descriptor)
            let writer: any RowWriter =
                isCSV ? CSVWriter(output: output) : JSONWriter(output: output, isArray: false)
            try writer.begin(columns: columns)
            count = try body(writer)
            try writer.end()
            try output.flush()
        }
        return count
    }

    private func exportFolder(
        _ run: StoredRun, reference: CheckpointReference, suffix: String
    ) throws {
        guard suffix.isEmpty || to.hasSuffix("/"), reference.position == nil else {
            throw UserError.usage(
                subject: "--to \(to)",
                cause: reference.position == nil
                    ? "files of this kind are not written" : "a folder takes a whole run",
                advice: "use .safetensors, .npz, .h5, .csv, .jsonl or a folder")
        }
        let progress = ProgressBar(
            run.name, unit: "checkpoints", total: run.steps.count, isQuiet: common.quiet)
        defer { progress.end() }
        let path = to.count > 1 && to.hasSuffix("/") ? String(to.dropLast()) : to
        try RunFolder.write(
            try run.run, status: run.status, source: run, metrics: try metrics(of: run), to: path
        ) { done, _ in
            progress.update(done)
            try StopSignals.check()
        }
        common.note("\(run.steps.count) checkpoints of \(run.name) are in \(path)")
    }
}
