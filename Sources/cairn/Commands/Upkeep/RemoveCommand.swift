internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import SystemFiles

/// `cairn rm`: takes runs out of the archive.
struct RemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Take runs out of the archive; they lie in the trash until --purge.",
        discussion: """
            A run in the trash comes back by moving its folder, trash/RUN-ID/run, to runs/RUN-ID \
            and cairn reindex; results of its analyses are then computed again. --purge empties \
            the whole trash, as cairn gc --purge does.

            Example: cairn rm old-run --dry-run
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var consent: ConsentOptions

    @Argument(
        help: ArgumentHelp("Runs by the start of their id or their name.", valueName: "run"),
        completion: NameCompletion.runs)
    var runs: [String] = []

    @Flag(help: "Empty the trash, with what lies in it already.")
    var purge = false

    func run() throws {
        guard purge || !runs.isEmpty else {
            throw UserError.usage(
                subject: "rm", cause: "no run is named", advice: "name runs, or give --purge")
        }
        try consent.requireSomeoneToAsk()
        let archive = try ArchiveAccess(common).openToFreeSpace()
        var found: [StoredRun] = []
        for run in try runs.map(archive.run) where !found.contains(where: { $0.id == run.id }) {
            found.append(run)
        }
        for run in found { try archive.requireUntagged(run) }
        for run in found {
            common.note(
                "\(run.name) (\(run.id)): \(run.steps.count) "
                    + (run.steps.count == 1 ? "checkpoint" : "checkpoints"))
        }
        if !found.isEmpty {
            guard try consent.agree("Move \(found.count == 1 ? "it" : "them") to the trash?") else {
                return
            }
            for run in found {
                common.note("\(run.name) lies in \(try archive.remove(run).absolute).")
            }
        }
        guard purge, try consent.agree("Delete what is in the trash for good?") else { return }
        common.note("\(NumberText.bytes(try archive.purgeTrash())) deleted.")
    }
}
