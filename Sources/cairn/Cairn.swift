internal import ArgumentParser

@main
struct Cairn: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cairn",
        abstract: "A checkpoint archive and analysis database for learning dynamics.")
}
