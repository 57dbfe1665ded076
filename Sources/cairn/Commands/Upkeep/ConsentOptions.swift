internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// Asking before something is removed or moved.
struct ConsentOptions: ParsableArguments {
    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Flag(help: "Tell what would happen and change nothing.")
    var dryRun = false

    /// Refuses before any work when nobody could be asked: without a terminal `--yes` is needed.
    func requireSomeoneToAsk() throws {
        guard dryRun || yes || (isatty(0) == 1 && isatty(2) == 1) else {
            throw UserError.usage(
                subject: "this change", cause: "nobody can be asked to agree to it",
                advice: "give --yes, or --dry-run to see what would happen")
        }
    }

    /// Whether to go on: false for a dry run or a no.
    func agree(_ question: String) throws -> Bool {
        if dryRun { return false }
        if yes { return true }
        Output.standard.endPages()
        Output.error.draw("\(TerminalText.plain(question)) [y/N] ")
        return ["y", "yes"].contains((readLine() ?? "").lowercased())
    }
}
