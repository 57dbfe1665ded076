internal import Analysis
internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints

/// `cairn analyze`: computes what is missing of an analysis and shows the results.
struct AnalyzeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "analyze",
        abstract: "Analyse checkpoints; only what is missing or stale is computed.",
        discussion: """
            Kinds: \(AnalysisKind.allCases.map(\.rawValue).joined(separator: ", ")). Steps are all, \
            first, last, log:10 (that many, spaced over log-steps), 0,100,2000 or 100-2000. A step \
            between two checkpoints of a trained run is recomputed.

            Example: cairn analyze hessian demo --steps log:5 --top 10
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "What to compute.")
    var kind: String?

    @Argument(help: "Runs by the start of their id or their name (RUN@STEP too); all without.")
    var runs: [String] = []

    @Option(help: ArgumentHelp("Which checkpoints.", valueName: "steps"))
    var steps: String?

    @Flag(help: "Compute again what is there; older results are kept beside the new ones.")
    var recompute = false

    @Flag(help: "List what is missing or stale, and why, without computing it.")
    var list = false

    @OptionGroup(title: "Settings") var settings: AnalysisOptions

    @OptionGroup(title: "Curvature (hessian)") var curvature: CurvatureOptions

    func run() throws {
        let selection = try steps.map { try StepSelection(written: $0) }
        var chosen = try settings.settings()
        try curvature.read(into: &chosen)
        guard let kind else {
            guard list else {
                throw UserError.usage(
                    subject: "analyze", cause: "it is not said what to compute",
                    advice: "choose one of "
                        + AnalysisKind.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return try listPending(AnalysisKind.allCases, selection, chosen)
        }
        let which: AnalysisKind = try Choice.read(kind, option: "analysis")
        if list { return try listPending([which], selection, chosen) }
        try compute(which, selection, chosen)
    }

    // MARK: Computing

    private func compute(
        _ kind: AnalysisKind, _ selection: StepSelection?, _ settings: AnalysisSettings
    ) throws {
        let measures = kind == .hessian ? try curvature.measures(settings) : [.eigenvalues]
        StopSignals.listen()
        let archive = try ArchiveAccess(common).open()
        let watched = WatchedAnalysis(archive: archive, common: common)
        var request = try request(kind, selection, settings, in: archive)
        var report = AnalysisReport()
        for measure in measures {
            request.settings.curvatureMeasure = measure
            report.add(try watched.run(request))
        }
        let view = kind == .hessian ? CurvatureOptions.view(of: measures) : kind.view
        try AnalysisResults(kind: kind, view: view, archivePath: common.archivePath)
            .write(runs: request.runs, steps: request.steps, to: rows)
        try Output.standard.flush()
        watched.tell(report)
    }

    /// The request for the runs that were named; `RUN@STEP` chooses the step of a single run.
    private func request(
        _ kind: AnalysisKind, _ selection: StepSelection?, _ settings: AnalysisSettings,
        in archive: Archive
    ) throws -> AnalysisRequest {
        var selection = selection
        let references = try runs.map { try CheckpointReference($0) }
        let ids = try references.map { reference in
            let run = try archive.run(matching: reference.run)
            if reference.position != nil {
                guard runs.count == 1, steps == nil else {
                    throw UserError.usage(
                        subject: "checkpoint \(runs[0])",
                        cause: "a step can be written behind a run only when it is the only one",
                        advice: "use --steps")
                }
                selection = .steps([try reference.anyStep(among: run.steps)])
            }
            return run.id
        }
        return AnalysisRequest(
            kind, runs: runs.isEmpty ? nil : ids, steps: selection, settings: settings,
            recompute: recompute, workers: self.settings.workers ?? 0)
    }

    // MARK: Listing

    private func listPending(
        _ kinds: [AnalysisKind], _ selection: StepSelection?, _ settings: AnalysisSettings
    ) throws {
        let archive = try ArchiveAccess(common).openReadOnly()
        let analyzer = WatchedAnalysis.analyzer(archive)
        let writer = rows.writer()
        try writer.begin(columns: ["kind", "run", "step", "reason"])
        for kind in kinds {
            var request = try request(kind, selection, settings, in: archive)
            let measures = kind == .hessian ? try curvature.measures(settings) : [.eigenvalues]
            for measure in measures {
                request.settings.curvatureMeasure = measure
                for pending in try analyzer.pending(request) {
                    try writer.row([
                        .text(
                            kind.rawValue
                                + (measure == .eigenvalues ? "" : " \(measure.rawValue)")),
                        .text(pending.run), ScalarValue(pending.step), .text("\(pending.reason)"),
                    ])
                }
            }
        }
        try writer.end()
    }
}

/// The settings of analyses; each kind uses those that concern it.
struct AnalysisOptions: ParsableArguments {
    @Option(help: ArgumentHelp("hessian: how many of the largest eigenvalues (5).", valueName: "k"))
    var top: Int?

    @Option(help: ArgumentHelp("hessian: how many of the smallest (0).", valueName: "k"))
    var bottom: Int?

    @Option(help: ArgumentHelp("hessian or gauss_newton.", valueName: "matrix"))
    var `operator`: String?

    @Option(help: ArgumentHelp("train, test or all examples.", valueName: "which"))
    var split: String?

    @Option(help: ArgumentHelp("float64 (the usual) or float32.", valueName: "type"))
    var dtype: String?

    @Option(help: ArgumentHelp("hessian: error bound relative to the largest.", valueName: "share"))
    var tolerance: Double?

    @Option(help: ArgumentHelp("The seed of what the analysis draws.", valueName: "seed"))
    var seed: Int?

    @Option(help: ArgumentHelp("grokking: the accuracy that counts as solved.", valueName: "share"))
    var threshold: Double?

    @Option(help: ArgumentHelp("grokking: the loss that counts as solved.", valueName: "nats"))
    var lossThreshold: Double?

    @Option(help: ArgumentHelp("fourier: the tensor to transform.", valueName: "name"))
    var tensor: String?

    @Option(help: ArgumentHelp("fourier: its axis, from 0.", valueName: "axis"))
    var axis: Int?

    @Flag(help: "fourier: transform logits and hidden layer as functions of two operands.")
    var network = false

    @Option(
        help: ArgumentHelp(
            "progress: frequencies or representations, by commas (those of the final weights).",
            valueName: "keys"))
    var keys: String?

    @Flag(help: "progress: also the losses after parts of the hidden layer are replaced.")
    var ablations = false

    @Flag(help: "progress: for cyclic groups also the measures by representation.")
    var irreps = false

    @Option(help: ArgumentHelp("Checkpoints computed at once.", valueName: "count"))
    var workers: Int?

    /// The usual settings with what was given.
    func settings() throws -> AnalysisSettings {
        var settings = AnalysisSettings()
        if let top { settings.top = try count(top, "--top") }
        if let bottom { settings.bottom = try count(bottom, "--bottom") }
        if let name = self.operator {
            settings.curvature = try Choice.read(name, option: "--operator")
        }
        if let split { settings.split = try Choice.read(split, option: "--split") }
        if let dtype {
            guard let type = ElementType(rawValue: dtype), type == .float64 || type == .float32
            else {
                throw UserError.usage(
                    subject: "--dtype \(dtype)", cause: "there is no such choice",
                    advice: "choose one of float64, float32")
            }
            settings.precision = type
        }
        if let tolerance {
            guard tolerance > 0, tolerance < 1 else {
                throw UserError.usage(
                    subject: "--tolerance \(tolerance)", cause: "it is out of range",
                    advice: "choose a number between 0 and 1")
            }
            settings.tolerance = tolerance
        }
        if let seed { settings.seed = seed }
        if let threshold {
            guard threshold > 0, threshold <= 1 else {
                throw UserError.usage(
                    subject: "--threshold \(threshold)", cause: "it is no accuracy",
                    advice: "choose a number above 0 and at most 1")
            }
            settings.threshold = threshold
        }
        if let lossThreshold {
            guard lossThreshold > 0, lossThreshold.isFinite else {
                throw UserError.usage(
                    subject: "--loss-threshold \(lossThreshold)", cause: "it is no loss",
                    advice: "choose a positive number")
            }
            settings.lossThreshold = lossThreshold
        }
        settings.tensor = tensor
        if let axis {
            guard tensor != nil else {
                throw UserError.usage(
                    subject: "--axis \(axis)", cause: "it is the axis of no tensor",
                    advice: "name one with --tensor")
            }
            settings.axis = try count(axis, "--axis")
        }
        if network, tensor != nil {
            throw UserError.usage(
                subject: "--network", cause: "it does not go with --tensor",
                advice: "ask for one after the other")
        }
        settings.usesNetwork = network
        settings.keys = keys.map { $0.split(separator: ",").map { String($0) } }
        settings.includesAblations = ablations
        settings.includesIrreps = irreps
        if let workers { _ = try count(workers, "--workers") }
        return settings
    }

    private func count(_ value: Int, _ option: String) throws -> Int {
        guard value >= 0 else {
            throw UserError.usage(subject: "\(option) \(value)", cause: "it is negative")
        }
        return value
    }
}
