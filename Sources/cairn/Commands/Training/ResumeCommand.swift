internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Training

/// `cairn resume`: continue an interrupted run bit-identically.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Continue an interrupted run, bit by bit as if it had never stopped.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions
    @OptionGroup var machine: MachineOptions

    @Argument(
        help: ArgumentHelp("The start of a run's id or its name.", valueName: "run"),
        completion: NameCompletion.runs)
    var subject: String

    func run() throws {
        let archive = try ArchiveAccess(common).open(machine.archiveOptions)
        let stored = try archive.run(matching: subject)
        let description = try stored.run
        let lastStep = try TrainingConfiguration(of: description).training.steps
        // Checked before the run is claimed for writing, so that a refusal changes nothing.
        try Trainer.requireUnfinished(stored)
        if let difference = ProgramVersions.difference(from: description.versions) {
            common.note("The bits may differ from those where the run began: \(difference).")
            try archive.addPlace(ProgramVersions.current, to: stored)
        }
        let watched = WatchedTraining(archive: archive, common: common, run: description)
        let outcome = try watched.train(lastStep: lastStep) { sink, progress in
            try sink.begin(description)
            return try Trainer.resume(
                stored, into: sink, threadCount: machine.threadCount, progress: progress)
        }
        try watched.report(outcome, rows: rows)
    }
}
