internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// `cairn analyze`: what analyses there are; each kind is a subcommand.
struct AnalyzeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "analyze",
        abstract: "Analyse checkpoints; only what is missing or stale is computed.",
        discussion: """
            Each kind has settings of its own: cairn analyze hessian --help. Without a kind the \
            kinds are listed.

            Example: cairn analyze hessian demo --steps log:5 --top 10
            """,
        subcommands: [AnalysisKindsCommand.self] + kinds.map { $0 },
        defaultSubcommand: AnalysisKindsCommand.self)

    /// The command of each kind, in the order of `AnalysisKind`.
    static var kinds: [any AnalysisCommand.Type] {
        [
            NormsCommand.self, TailsCommand.self, FourierCommand.self, ProgressCommand.self,
            GeometryCommand.self, TopologyCommand.self, SimilarityCommand.self,
            HessianCommand.self, GradientsCommand.self, LandscapeCommand.self,
            LearningCoefficientCommand.self, GrokkingCommand.self,
        ]
    }
}

/// `cairn analyze` without a kind: what there is to compute.
struct AnalysisKindsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinds", abstract: "List the kinds, or with --list what is missing of all.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Flag(help: "List what is missing or stale of all kinds, and why, without computing it.")
    var list = false

    @Argument(help: .hidden)
    var unknown: [String] = []

    func run() throws {
        if let name = unknown.first {
            throw UserError.usage(
                subject: "analysis \(name)",
                cause: AnalysisKind(rawValue: name) == nil
                    ? "there is no such kind" : "the kind comes before its options",
                advice: Choice.advice(for: name, among: AnalysisKind.allCases.map(\.rawValue)))
        }
        if list {
            return try AnalysisOptions.listPending(
                AnalysisKind.allCases.map { AnalysisRequest($0.usual) }, common, rows)
        }
        try rows.writer().write(
            columns: ["kind", "what it measures", "view"],
            rows: zip(AnalysisKind.allCases, AnalyzeCommand.kinds).map { kind, command in
                [.text(kind.rawValue), .text(command.configuration.abstract), .text(kind.view)]
            })
    }
}

/// The command of one kind of analysis: its settings as options.
protocol AnalysisCommand: ParsableCommand {
    var options: AnalysisOptions { get }
    /// What the options ask.
    ///
    /// Errors: an option whose value cannot be meant.
    func analyses() throws -> [any LedgerAnalysis]
}

extension AnalysisCommand {
    mutating func run() throws { try options.run(analyses()) }

    static func describe(_ kind: AnalysisKind, _ abstract: String) -> CommandConfiguration {
        CommandConfiguration(commandName: kind.rawValue, abstract: abstract)
    }
}

/// The options that every kind of analysis has.
struct AnalysisOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions
    @OptionGroup var format: RowOptions

    @Argument(
        help: "Runs by the start of their id or their name (RUN@STEP too); all without.",
        completion: NameCompletion.checkpoints)
    var runs: [String] = []

    @Option(
        help: ArgumentHelp(
            "all, first, last, log:10 (that many, spaced over log-steps), 0,100,2000, 100-2000, or a "
                + "schedule of train --checkpoints such as 'every 100'. "
                + "A step between two checkpoints of a trained run is recomputed.",
            valueName: "steps"))
    var steps: String?

    @Flag(help: "Compute again what is there; older results are kept beside the new ones.")
    var recompute = false

    @Flag(help: "List what is missing or stale, and why, without computing it.")
    var list = false

    @Flag(help: "Print every row; a long table for people otherwise has the last step of each run.")
    var rows = false

    @Flag(help: "Use networks although their weights do not give the curves that came with them.")
    var trustNetwork = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Checkpoints computed at once.", valueName: "count"))
    var jobs: Int?

    @OptionGroup(title: "Sharing the work") var sharing: SharingOptions
    @OptionGroup(title: "Slurm") var slurm: SlurmOptions

    /// Computes what is missing of some analyses of one kind and prints the results.
    func run(_ analyses: [any LedgerAnalysis]) throws {
        try sharing.requireShard(orSlurm: slurm.slurm)
        try slurm.check()
        if let jobs { _ = try OptionCheck.count(jobs, "--jobs") }
        let selection = try steps.map { try StepSelection(written: $0) }
        guard !list else {
            let archive = try ArchiveAccess(common).openReadOnly()
            let requests = try analyses.map { try request($0, selection, in: archive) }
            return try AnalysisOptions.listPending(
                requests, common, format, trustsNetwork: trustNetwork)
        }
        let shard = try sharing.parsedShard
        if shard != nil || slurm.slurm { return try share(analyses, selection, shard) }
        StopSignals.listen()
        let archive = try ArchiveAccess(common).open()
        let watched = WatchedAnalysis(
            archive: archive, common: common, trustsNetwork: trustNetwork)
        var report = AnalysisReport()
        for analysis in analyses {
            report.add(try watched.run(request(analysis, selection, in: archive)))
        }
        try AnalysisResults(analyses, report, archivePath: common.archivePath)
            .write(to: format, everyRow: rows)
        try Output.standard.flush()
        watched.tell(report)
        // What was named and cannot be had is a failure; of all runs, some may lack what it takes.
        if let failure = report.failures.first { throw failure }
        if !runs.isEmpty, !report.impossible.isEmpty { throw ExitCode(Shell.ExitStatus.failed) }
    }

    /// Computes a part of what is missing, or submits it all to Slurm.
    private func share(
        _ analyses: [any LedgerAnalysis], _ selection: StepSelection?, _ shard: SweepShard?
    ) throws {
        let archive = try ArchiveAccess(common).openReadOnly()
        let work = SharedAnalysis(
            try analyses.map { try request($0, selection, in: archive) }, in: archive,
            common: common, sharing: sharing, trustsNetwork: trustNetwork)
        if let shard { return try work.compute(shard) }
        try AnalysisSubmission(
            name: analyses.first.map { type(of: $0).kind.rawValue } ?? "analyze", work: work,
            common: common, options: slurm, arguments: Array(CommandLine.arguments.dropFirst())
        ).run()
    }

    /// The request for the runs that were named; `RUN@STEP` chooses the step of a single run.
    private func request(
        _ analysis: any LedgerAnalysis, _ selection: StepSelection?, in archive: Archive
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
            analysis, runs: runs.isEmpty ? nil : ids, steps: selection, recompute: recompute,
            workers: jobs ?? 0)
    }

    /// Prints what is missing or stale of some requests, and why.
    static func listPending(
        _ requests: [AnalysisRequest], _ common: CommonOptions, _ format: RowOptions,
        trustsNetwork: Bool = false
    ) throws {
        let analyzer = WatchedAnalysis.analyzer(
            try ArchiveAccess(common).openReadOnly(), trustsNetwork: trustsNetwork)
        let writer = format.writer()
        try writer.begin(columns: ["kind", "run", "step", "reason"])
        for request in requests {
            for pending in try analyzer.pending(request) {
                try writer.row([
                    .text(request.analysis.title), .text(pending.run), ScalarValue(pending.step),
                    .text("\(pending.reason)"),
                ])
            }
        }
        try writer.end()
    }
}

/// Checks of numbers that options give.
enum OptionCheck {
    static func count(_ value: Int, _ option: String, least: Int = 0) throws -> Int {
        guard value >= least else {
            throw UserError.usage(
                subject: "\(option) \(value)",
                cause: value < 0 ? "it is negative" : "it is too small",
                advice: "choose at least \(least)")
        }
        return value
    }

    /// A number that lies in a range; `meaning` says what it is not, otherwise.
    static func number(
        _ value: Double, _ option: String, _ isRight: (Double) -> Bool, _ cause: String,
        _ advice: String
    ) throws -> Double {
        guard isRight(value) else {
            throw UserError.usage(subject: "\(option) \(value)", cause: cause, advice: advice)
        }
        return value
    }
}
