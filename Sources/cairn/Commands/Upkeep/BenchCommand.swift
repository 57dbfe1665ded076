internal import ArgumentParser
internal import Benchmarks
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// `cairn bench`: speeds of this machine, each beside the bound it could reach.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract:
            "Measure speeds, each beside what bounds it: train, store, analyze, sql or figures.",
        discussion: """
            train, store and analyze use the canonical network in a temporary folder; sql asks the \
            archive at hand, or with --rows one that it makes in a temporary folder (40,000,000 \
            rows take some minutes and 3 GB). Figures mean something only on a machine that does nothing else.
            """)

    enum Subject: String, CaseIterable {
        case train
        case store
        case analyze
        case sql
        case figures
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "train, store, analyze, sql or figures.")
    var subject: String

    @Option(help: ArgumentHelp("How often each thing is measured.", valueName: "count"))
    var repetitions = 10

    @Option(
        help: ArgumentHelp("The preset whose network is used.", valueName: "name"),
        completion: NameCompletion.presets)
    var preset = "canonical"

    @Option(
        name: .customLong("rows"),
        help: ArgumentHelp(
            "sql: points of curves of an archive made for this, for example 40000000.",
            valueName: "count"))
    var rowCount: Int?

    @Option(help: ArgumentHelp("Threads for each update.", valueName: "count"))
    var threads: Int?

    func run() throws {
        let chosen: Subject = try Choice.read(subject, option: "bench")
        guard repetitions > 0 else {
            throw UserError.usage(
                subject: "--repetitions \(repetitions)", cause: "it is out of range",
                advice: "choose at least 1")
        }
        if let rowCount, rowCount < 1 {
            throw UserError.usage(
                subject: "--rows \(rowCount)", cause: "it is out of range",
                advice: "choose at least 1")
        }
        let configuration = try TrainingConfiguration(Preset(named: preset).settings)
        let measures =
            switch chosen {
            case .train:
                try TrainingBenchmark.measure(
                    configuration, threadCount: threadCount, repetitions: repetitions)
            case .store:
                try StoreBenchmark.measure(
                    configuration, threadCount: threadCount, repetitions: repetitions)
            case .analyze:
                try AnalysisBenchmark.measure(
                    configuration, threadCount: threadCount, repetitions: repetitions)
            case .sql: try benchStatements()
            case .figures: try benchFigures()
            }
        try rows.writer().write(
            columns: ["measure", "value", "unit"],
            rows: measures.map { measure in
                let value = ScalarValue.real(measure.value)
                return [
                    .text(measure.name), rows.format == .table ? value.rounded : value,
                    .text(measure.unit),
                ]
            })
    }

    private var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

    // MARK: On archives that are made for it

    /// Statements on an archive with real proportions: 40 million rows are 10,000 runs with four
    /// curves of 1,000 points, and 1,000 checkpoints of one more run.
    private func benchStatements() throws -> [Measure] {
        guard let rowCount else {
            return try StatementBenchmark.measureEveryday(
                ArchiveAccess(common).session(), repetitions: repetitions)
        }
        let runs = min(10_000, max(1, rowCount / 40))
        let checkpoints = min(1_000, max(10, rowCount / 40_000))
        return try withSample(runs: runs, points: max(1, rowCount / (4 * runs))) { archive in
            let saving = ProgressBar(
                "save", unit: "checkpoints", total: checkpoints, isQuiet: common.quiet)
            let run = try SampleArchive.addCheckpoints(archive, count: checkpoints) {
                saving.update($0)
                try StopSignals.check()
            }
            saving.end()
            return try StatementBenchmark.measureIndex(archive, repetitions: repetitions)
                + StatementBenchmark.measureSpectra(archive, run: run, repetitions: repetitions)
        }
    }

    /// The page on 10,000 runs with curves of 1,000 points, and a figure of ten million points.
    private func benchFigures() throws -> [Measure] {
        let runs = 10_000
        let points = rowCount.map { max(1, $0 / (4 * runs)) } ?? 1_000
        return try withSample(runs: runs, points: points) { archive in
            try PageBenchmark.measure(archive, points: 10_000_000, repetitions: repetitions)
        }
    }

    private func withSample(
        runs: Int, points: Int, _ body: (Archive) throws -> [Measure]
    ) throws -> [Measure] {
        try withTemporaryFolder { folder in
            let archive = try Archive.create(at: folder.appendingPathComponent("archive").path)
            StopSignals.listen()
            let filling = ProgressBar("fill", unit: "runs", total: runs, isQuiet: common.quiet)
            try SampleArchive.fill(archive, runs: runs, points: points) {
                filling.update($0)
                try StopSignals.check()
            }
            filling.end()
            return try body(archive)
        }
    }
}
