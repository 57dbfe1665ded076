internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Training

/// `cairn fork`: a child run that goes on from a checkpoint with changed settings.
struct ForkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fork",
        abstract: "Start a child run from a checkpoint, with changed settings.",
        discussion: """
            Steps are counted on from the parent's. A step between two stored ones is recomputed.

            Example: cairn fork demo@1000 --weight-decay 1 --steps 8000
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(
        help: ArgumentHelp(
            "The checkpoint: RUN@STEP, RUN@first or RUN@last.", valueName: "run@step"),
        completion: NameCompletion.checkpoints)
    var subject: String

    @Option(help: ArgumentHelp("A name for the child.", valueName: "text"))
    var name: String?

    @OptionGroup(title: "Task") var task: TaskOptions
    @OptionGroup(title: "Network") var network: NetworkOptions
    @OptionGroup(title: "Training") var training: TrainingOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    func run() throws {
        var changes = SettingChanges()
        try task.add(to: &changes)
        network.add(to: &changes)
        try training.add(to: &changes)
        let reference = try CheckpointReference(subject)
        let archive = try ArchiveAccess(common).open(machine.archiveOptions)
        let parent = try archive.run(matching: reference.run)
        let step = try reference.anyStep(among: parent.steps)
        let fork = try Fork(
            of: parent, at: step, changing: changes.list, threadCount: machine.threadCount)
        for note in fork.notes { common.note("Note: \(note).") }
        let description = try fork.trainer.describe(
            name: name ?? "\(parent.name) from \(step)", parent: fork.parent)
        let watched = WatchedTraining(archive: archive, common: common, run: description)
        let lastStep = fork.trainer.configuration.training.steps
        let outcome = try watched.train(lastStep: lastStep) {
            try fork.run(description, into: $0, progress: $1)
        }
        try watched.report(outcome, rows: rows)
    }
}
