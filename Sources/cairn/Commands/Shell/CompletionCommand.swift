internal import ArgumentParser
internal import Checkpoints

/// `cairn completion`: the script that lets a shell complete commands and options.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print a completion script for bash, zsh or fish.",
        discussion: "For bash: source <(cairn completion bash)")

    @Argument(help: "bash, zsh or fish.")
    var shell: String

    func run() throws {
        let shells: [String: CompletionShell] = ["bash": .bash, "zsh": .zsh, "fish": .fish]
        guard let shell = shells[shell] else {
            throw UserError.usage(
                subject: "shell \(shell)", cause: "there is no completion script for it",
                advice: "choose bash, zsh or fish")
        }
        try Output.standard.write(Cairn.completionScript(for: shell) + "\n")
    }
}
