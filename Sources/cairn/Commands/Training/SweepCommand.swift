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
        abstract: "Train the runs of a sweep file, several at a time, here or on a cluster.",
        discussion: """
            Each run uses one thread. A second start skips what is finished and resumes what was \
            interrupted; one failed run fails alone, and after three failures is left. The runs \
            carry the setting "sweep". With --shard, several processes or machines share the work: \
            cairn help clusters.

            A sweep file is YAML with any of these keys:
              name: decay
              preset: nanda
              settings: {modulus: 59, steps: 5000}
              grid: {weight_decay: [0.3, 1, 3]}
              list: [{optimizer: sgd, learning_rate: 0.1}, {optimizer: adamw}]
              random: {draws: 20, seed: 1, learning_rate: {log_uniform: [1.0e-4, 1.0e-2]}}
              seeds: 5
              slurm: {partition: gpu, cpus-per-task: 2}
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

    @Flag(help: "How the runs stand: missing, running, interrupted, finished or failed, and why.")
    var status = false

    @Flag(help: "Try runs again that have failed three times.")
    var retryFailed = false

    @OptionGroup(title: "Sharing the work") var sharing: SharingOptions

    @OptionGroup(title: "Slurm") var slurm: SlurmOptions

    func run() throws {
        try sharing.requireShard(orSlurm: slurm.slurm)
        try slurm.check()
        let shard = try sharing.parsedShard
        if dryRun || status {
            let sweep = try sweep(shard: shard)
            return try status
                ? SweepStatus(sweep, common: common).write(to: rows.writer()) : list(sweep)
        }
        if slurm.slurm { return try submit() }
        if let shard { return try train(shard) }
        let sweep = try sweep(shard: nil)
        StopSignals.listen()
        let archive = try ArchiveAccess(common).openOrCreate(
            MachineOptions.archiveOptions(compression))
        let runner = SweepRunner(
            sweep, store: SweepCommand.store(archive, retryingFailed: retryFailed))
        let display = SweepDisplay(runCount: sweep.runs.count, isQuiet: common.quiet)
        let endings = try runner.run(workers: workerCount) { event in
            display.show(event)
            return !StopSignals.isRequested
        }
        display.end()
        try SweepReport(sweep, endings).write(to: rows)
        try StopSignals.check()
        try SweepReport(sweep, endings).throwFailures()
    }

    /// Trains the runs of a shard in an archive of its own that is merged into the shared one.
    private func train(_ shard: SweepShard) throws {
        StopSignals.listenAsTask()
        let options = try MachineOptions.archiveOptions(compression)
        // What is there is opened for writing by the task alone that has the turn.
        if !Archive.isArchive(common.archivePath) {
            _ = try ArchiveAccess(common).openOrCreate(options)
        }
        let sweep = try sweep(shard: shard)
        let session = try ShardSession(
            common: common, options: options, sharing: sharing, retriesFailed: retryFailed)
        let display = SweepDisplay(runCount: sweep.runs.count, isQuiet: common.quiet)
        let endings = try session.train(sweep, workers: workerCount) { event in
            display.show(event)
            return !StopSignals.isRequested
        }
        display.end()
        let report = SweepReport(sweep, endings)
        try report.write(to: rows)
        try session.finish()
        try report.throwFailures()
    }

    private var workerCount: Int { jobs ?? ProcessInfo.processInfo.activeProcessorCount }

    /// Submits what is missing to Slurm.
    private func submit() throws {
        var arguments: [String] = []
        if compression != "none" { arguments += ["--compression", compression] }
        if let work = sharing.work { arguments += ["--work", work] }
        if let minutes = sharing.mergeEvery { arguments += ["--merge-every", "\(minutes)"] }
        if let way = sharing.requeue { arguments += ["--requeue", way] }
        if retryFailed { arguments.append("--retry-failed") }
        try SweepSubmission(
            sweep: sweep(shard: nil), file: file, text: text, common: common, options: slurm,
            arguments: arguments, retriesFailed: retryFailed
        ).run()
    }

    private var text: String {
        get throws {
            do {
                return try String(contentsOfFile: file, encoding: .utf8)
            } catch {
                throw UserError.missing(
                    subject: "file \(file)", cause: "it cannot be read as text")
            }
        }
    }

    private func sweep(shard: SweepShard?) throws -> Sweep {
        let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        return try Sweep(
            yaml: text, defaultName: name, shard: shard, data: ArchiveAccess(common).data)
    }

    private func list(_ sweep: Sweep) throws {
        let store = (try? ArchiveAccess(common).openReadOnly()).map {
            SweepCommand.store($0, retryingFailed: retryFailed)
        }
        try rows.writer().write(
            columns: ["run", "plan"],
            rows: sweep.runs.map { run in
                let plan = try store?.plan(run.name, run.configuration.json) ?? .start()
                return [.text(run.name), .text("\(plan)")]
            })
    }

    /// Runs are known by name and complete configuration, so that a changed file trains anew.
    private static func store(_ archive: Archive, retryingFailed: Bool) -> SweepRunner.Store {
        let ids = TrainedRuns()
        @Sendable func find(_ name: String, _ configuration: String) throws -> RunStanding? {
            try archive.standings(named: name).last { $0.configuration == configuration }
        }
        var store = SweepRunner.Store(
            plan: { name, configuration in
                guard let run = try find(name, configuration) else { return .start() }
                return try run.plan(in: archive, retryingFailed: retryingFailed)
            },
            sink: { name in
                NotedSink(BackgroundSink(archive.writer())) { ids.note($0.id, for: name) }
            },
            stored: { name, configuration in
                guard let standing = try find(name, configuration) else {
                    throw UserError.missing(subject: "run \(name)", cause: "it has gone")
                }
                let run = try archive.run(matching: standing.id)
                let sink = NotedSink(BackgroundSink(archive.writer())) {
                    ids.note($0.id, for: name)
                }
                try sink.begin(try run.run)
                return (run, sink)
            })
        store.data = { try archive.data($0) }
        store.ended = { name, ending in
            guard case .failed(let reason) = ending, let id = ids.id(of: name) else { return }
            _ = try? archive.addFailure(reason, to: id)
        }
        return store
    }
}

extension RunStanding {
    /// A run that has failed so often is left alone.
    static let largestFailureCount = 3

    /// What a sweep does with a run that is there.
    func plan(in archive: Archive, retryingFailed: Bool) throws -> SweepRunner.Plan {
        if status == .finished { return .skip }
        if !retryingFailed {
            let failures = try archive.failures(of: id)
            if failures.count >= RunStanding.largestFailureCount, let last = failures.last {
                return .leave(last.reason)
            }
        }
        if lastStep != nil { return .resume }
        return .start(again: try archive.run(matching: id).run)
    }
}
