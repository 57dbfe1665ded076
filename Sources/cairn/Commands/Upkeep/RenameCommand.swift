internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints

/// `cairn rename`: gives a run another name.
struct RenameCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a run another name; its id stays.")

    @Argument(
        help: ArgumentHelp("The start of a run's id or its name.", valueName: "run"),
        completion: NameCompletion.runs)
    var subject: String

    @Argument(help: "The new name.")
    var name: String

    @OptionGroup var common: CommonOptions

    func run() throws {
        guard !name.isEmpty, name.utf8.count <= 1024,
            name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw UserError.usage(
                subject: "the new name", cause: "it is empty, too long or has control characters",
                advice: "choose at most 1024 bytes of text")
        }
        let archive = try ArchiveAccess(common).open()
        let run = try archive.run(matching: subject)
        var description = try run.run
        description.name = name
        try archive.describe(run, as: description)
        common.note("\(run.name) (\(run.id)) is \(name) now.")
    }
}
