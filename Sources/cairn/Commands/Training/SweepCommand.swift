internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// `cairn sweep`: many runs from one file, several at a time.
struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Train the runs of a sweep file, several at a time.",
        discussion: """
            Each run uses one thread. A second start skips what is finished and resumes what was \
            interrupted; one failed run fails alone. The runs carry the setting "sweep".

            A sweep file is YAML with any of these keys:
              name: decay
              preset: nanda
              settings: {modulus: 59, steps: 5000}
              grid: {weight_decay: [0.3, 1, 3]}
              list: [{optimizer: sgd, learning_rate: 0.1}, {optimizer: adamw}]
              random: {draws: 20, seed: 1, learning_rate: {log_uniform: [1.0e-4, 1.0e-2]}}
              seeds: 5
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "The sweep file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Option(name: [.short, .long], help: ArgumentHelp("Runs at a time.", valueName: "count"))
    var jobs: Int?

    @Option(help: ArgumentHelp("none, or deflate with a level from 1 to 9.", valueName: "method"))
    var compression = "none"

    @Flag(help: "List the runs and what would be done with each.")
    var dryRun = false

    func run() throws {
        let text: String
        do {
            text = try String(contentsOfFile: file, encoding: .utf8)
        } catch {
            throw UserError.missing(subject: "file \(file)", cause: "it cannot be read as text")
        }
        let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        let sweep = try Sweep(
            yaml: text, defaultName: name, data: ArchiveAccess(common).data)
        let options = try MachineOptions.archiveOptions(compression)
        if dryRun { return try list(sweep) }
        StopSignals.listen()
        let archive = try ArchiveAccess(common).openOrCreate(options)
        let store = SweepCommand.store(archive)
        let workers = jobs ?? ProcessInfo.processInfo.activeProcessorCount
        let display = SweepDisplay(runCount: sweep.runs.count, isQuiet: common.quiet)
        let endings = try SweepRunner(sweep, store: store).run(workers: workers) { event in
            display.show(event)
            return !StopSignals.isRequested
        }
        display.end()
        try report(sweep, endings)
    }

    private func report(_ sweep: Sweep, _ endings: [SweepRunner.Ending]) throws {
        var failures = 0
        let lines = zip(sweep.runs, endings).map { run, ending -> [ScalarValue] in
            switch ending {
            case .skipped: return [.text(run.name), .text("skipped"), .null, .null, .null]
            case .notBegun: return [.text(run.name), .text("not begun"), .null, .null, .null]
            case .failed(let reason):
                failures += 1
                return [.text(run.name), .text("failed"), .null, .null, .text(reason)]
            case .done(let outcome):
                let accuracy = ScalarValue(outcome.metrics[MetricName.testAccuracy])
                return [
                    .text(run.name), .text(outcome.status.rawValue), ScalarValue(outcome.lastStep),
                    rows.format == .table ? accuracy.rounded : accuracy, .null,
                ]
            }
        }
        try rows.writer().write(
            columns: ["run", "ended", "step", "test_accuracy", "reason"], rows: lines)
        try Output.standard.flush()
        try StopSignals.check()
        if failures > 0 {
            throw UserError(
                .failure, subject: "sweep \(sweep.name)",
                cause: "\(failures) of \(sweep.runs.count) runs failed",
                advice: "start it again after mending the cause; finished runs are skipped")
        }
    }

    private func list(_ sweep: Sweep) throws {
        let store = (try? ArchiveAccess(common).openReadOnly()).map(SweepCommand.store)
        try rows.writer().write(
            columns: ["run", "plan"],
            rows: sweep.runs.map { run in
                let plan = try store?.plan(run.name, run.configuration.json) ?? .start
                return [.text(run.name), .text("\(plan)")]
            })
    }

    /// Runs are known by name and complete configuration, so that a changed file trains anew.
    private static func store(_ archive: Archive) -> SweepRunner.Store {
        @Sendable func find(_ name: String, _ configuration: String) throws -> StoredRun? {
            try archive.runs(named: name).last { try $0.run.configuration == configuration }
        }
        return SweepRunner.Store(
            plan: { name, configuration in
                guard let run = try find(name, configuration) else { return .start }
                return run.status == .finished ? .skip : run.steps.isEmpty ? .start : .resume
            },
            sink: { _ in BackgroundSink(archive.writer()) },
            stored: { name, configuration in
                guard let run = try find(name, configuration) else {
                    throw UserError.missing(subject: "run \(name)", cause: "it has gone")
                }
                let sink = BackgroundSink(archive.writer())
                try sink.begin(try run.run)
                return (run, sink)
            }, data: { try archive.data($0) })
    }
}
