internal import ArgumentParser
internal import Foundation

/// The options of every command that works on an archive.
struct CommonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The archive folder (else CAIRN_ARCHIVE, else ./archive).", valueName: "path"),
        completion: .directory)
    var archive: String?

    @Flag(name: [.short, .long], help: "No progress and no notes.")
    var quiet = false

    /// The folder of the archive, as the user wrote it.
    var archivePath: String {
        if let archive { return archive }
        let fromEnvironment = ProcessInfo.processInfo.environment["CAIRN_ARCHIVE"] ?? ""
        return fromEnvironment.isEmpty ? "./archive" : fromEnvironment
    }

    /// Writes a line for the person at the terminal, unless they asked for quiet.
    func note(_ line: String) {
        if !quiet { Output.error.note(line) }
    }
}

/// How a command prints its rows.
struct RowOptions: ParsableArguments {
    @Flag(exclusivity: .exclusive, help: "How rows are printed.")
    var format: RowFormat = .table

    /// A writer of rows in the chosen format.
    func writer(to output: Output = .standard) -> any RowWriter {
        format.writer(to: output, terminal: .output)
    }
}
