internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// What `verify` starts to open a damaged file in a process of its own; not for people.
struct InspectFileCommand: ParsableCommand {
    static let name = "inspect-file"

    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Report the content of one file (used by verify).",
        shouldDisplay: false)

    @Argument var arguments: [String] = []

    func run() throws { try FileInspection.childMain(arguments) }
}
