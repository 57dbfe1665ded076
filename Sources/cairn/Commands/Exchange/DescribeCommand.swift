internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange
internal import Networks

/// `cairn describe`: says anew what a run is.
struct DescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract:
            "Say anew what an imported or recorded run learned, without touching its weights.",
        discussion: """
            Task, network and rows are compared with the curves at the last checkpoint, as after an \
            import; results that rest on the description before become stale, and cairn analyze \
            computes them again. The description before lies in the trash.

            Example: cairn describe RUN --task 'add mod 97' --split-indices rows.json
            """)

    @Argument(help: ArgumentHelp("The start of a run's id or its name.", valueName: "run"))
    var subject: String

    @Option(
        help: ArgumentHelp(
            "What was learned, as 'add mod 113', 'compose in S5' or a JSON object.",
            valueName: "task"))
    var task: String?

    @Option(
        help: ArgumentHelp(
            "A YAML file with the section network, whose tensors the run has.", valueName: "file"),
        completion: .file())
    var network: String?

    @Option(
        help: ArgumentHelp("A JSON file with the list of rows trained on.", valueName: "file"),
        completion: .file())
    var splitIndices: String?

    @Option(
        help: ArgumentHelp("What its steps count: updates or epochs.", valueName: "what"))
    var steps: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        guard task != nil || network != nil || splitIndices != nil || steps != nil else {
            throw UserError.usage(
                subject: "describe", cause: "nothing is to be changed",
                advice: "give --task, --network, --split-indices or --steps")
        }
        if let steps, !["updates", "epochs"].contains(steps) {
            throw UserError.usage(
                subject: "--steps \(steps)", cause: "steps count updates or epochs")
        }
        var change = RunRedescription()
        change.task = try task.map(TaskText.configuration)
        change.network = try network.map(ImportCommand.networkSection)
        change.trainIndices = try splitIndices.map(ImportCommand.indices)
        let archive = try ArchiveAccess(common).open()
        let run = try archive.run(matching: subject)
        var description = try run.run
        guard !Self.isTrained(description) else {
            throw UserError(
                .failure, subject: "run \(run.name) (\(run.id))",
                cause: "Cairn trained it, so that its description is what was done",
                advice: "only its name can change: cairn rename")
        }
        if task != nil || network != nil || splitIndices != nil {
            description = try change.applied(
                to: description, tensors: run.layout.entries.map { ($0.name, $0.shape) })
        }
        if let steps {
            description.hyperparameters.removeAll { $0.name == "step_convention" }
            if steps == "epochs" {
                description.hyperparameters.append(
                    Hyperparameter("step_convention", .text("epoch")))
            }
        }
        let staleCount = try archive.describe(run, as: description)
        common.note(
            "\(run.name): \(description.task.isEmpty ? "no task" : description.task), "
                + (description.network.isEmpty ? "no network" : description.network))
        if staleCount > 0 {
            common.note(
                "\(staleCount) stored results are stale: the run was described anew since; "
                    + "cairn analyze computes them again")
        }
        for sentence in try archive.checkNetwork(of: run.id)?.sentences ?? [] {
            common.note("\(run.name): \(sentence)")
        }
    }

    /// A configuration with the section of a schedule is that of a run of Cairn's own.
    private static func isTrained(_ run: RunDescription) -> Bool {
        let object = try? JSONSerialization.jsonObject(with: Data(run.configuration.utf8))
        return (object as? [String: Any])?["schedule"] != nil
    }
}
