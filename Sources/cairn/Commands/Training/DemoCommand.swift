internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Figures
internal import Foundation
internal import Networks
internal import Page
internal import Training

/// `cairn demo`: one real network that groks, archived and analysed.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Train a small network until it groks, and analyse its checkpoints.",
        discussion: """
            A one-layer transformer learns subtraction modulo 59 from half of the pairs: it knows \
            its training pairs long before it understands the rest. Ctrl-C leaves an archive that \
            cairn resume continues.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var machine: MachineOptions

    @Option(help: ArgumentHelp("The number of updates.", valueName: "updates"))
    var steps: Int?

    @Option(help: ArgumentHelp("The seed of the run.", valueName: "seed"))
    var seed: Int?

    func run() throws {
        var changes = SettingChanges()
        changes.add("steps", steps)
        changes.add("seed", seed)
        let configuration = try TrainingConfiguration(
            Preset(named: "demo").settings.changing(changes.list))
        let trainer = try Trainer(configuration, threadCount: machine.threadCount)
        let description = try trainer.describe(name: "demo")
        let archive = try ArchiveAccess(common).openOrCreate(machine.archiveOptions)
        try ArchiveAccess.noteNamesakes(of: description, in: archive, common)
        let outcome = try train(trainer, description, archive)
        guard outcome.status == .finished else {
            common.note(
                "Stopped at step \(outcome.lastStep); cairn resume \(description.id) goes on.")
            throw Interrupted()
        }
        try analyze(description.id, in: archive)
        try report(description.id, outcome)
    }

    private func train(
        _ trainer: Trainer, _ description: RunDescription, _ archive: Archive
    ) throws -> TrainingOutcome {
        common.note(
            "Training \(trainer.task.name) on \(trainer.task.trainIndices.count) of "
                + "\(trainer.task.allExamples.count) pairs, seed "
                + "\(trainer.configuration.training.seed).")
        let watched = WatchedTraining(archive: archive, common: common, run: description)
        return try watched.train(lastStep: trainer.configuration.training.steps) {
            try trainer.run(description, into: $0, progress: $1)
        }
    }

    /// The four analyses, from the stored checkpoints.
    private func analyze(_ run: String, in archive: Archive) throws {
        let watched = WatchedAnalysis(archive: archive, common: common)
        for kind in [AnalysisKind.grokking, .norms, .fourier] {
            _ = try watched.run(AnalysisRequest(kind.usual, runs: [run]))
        }
        let report = try GrokkingReport(details(run), terminal: .plain)
        let steps = try report.curvatureSteps
        _ = try watched.run(
            AnalysisRequest(EigenvalueAnalysis(), runs: [run], steps: .steps(steps)))
    }

    private func details(_ run: String) throws -> RunDetails {
        try RunDetails(ArchiveAccess(common).session(), matching: run)
    }

    private func report(_ run: String, _ outcome: TrainingOutcome) throws {
        let details = try details(run)
        let report = GrokkingReport(details, terminal: .output)
        let rate = NumberText.rounded(outcome.stepsPerSecond, digits: 3)
        let seconds = NumberText.clock(seconds: outcome.elapsedSeconds)
        let count = details.cell("checkpoint_count").integer ?? 0
        let bytes = NumberText.bytes(details.cell("weight_bytes").integer ?? 0)
        let parameters = NumberText.grouped(details.cell("parameter_count").integer ?? 0)
        let short = String(run.prefix(8))
        var lines = [
            "Run \(run) (demo): \(details.cell("task").string ?? ""), "
                + "\(details.cell("network").string ?? "") with \(parameters) parameters",
            "  \(NumberText.grouped(outcome.lastStep)) steps in \(seconds) (\(rate) steps/s), "
                + "\(count) checkpoints, \(bytes)",
            "",
        ]
        lines += try report.lines
        lines += [
            "", "Archive: \(common.archivePath)", "", "Try next:", "  cairn show \(short)@last",
            "  cairn plot",
            "  cairn sql \"SELECT step, l2 FROM weight_norms WHERE run = '\(run)' "
                + "AND tensor = 'total'\"",
            "  cairn analyze hessian \(short) --steps log:8 --top 10",
        ]
        lines += ["", "Pictures:"] + (try pictures(of: run, details.session).map { "  " + $0 })
        try Output.standard.write(lines.joined(separator: "\n") + "\n")
    }

    /// Draws what was found and gives the paths of the files.
    private func pictures(of run: String, _ session: SQLSession) throws -> [String] {
        let folder = common.archivePath + "/figures"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw UserError.missing(
                subject: folder, cause: "the folder cannot be made",
                advice: "check that the archive is writable")
        }
        return try ["accuracy_curves", "norm_curves", "tensor_spectrum"].map { name in
            let picture = try Picture.find(name)
            let figure = try picture.figure(
                in: session, values: picture.values(runs: [run], given: [:], in: session))
            let path = "\(folder)/\(name).svg"
            try DrawingOptions.write([UInt8](SVGDrawing(figure).text.utf8), to: path)
            return path
        }
    }
}
