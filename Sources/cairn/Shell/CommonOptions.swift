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

    mutating func validate() { Output.error.hideRemarks(quiet) }

    /// The folder of the archive, as the user wrote it.
    var archivePath: String {
        archive ?? CommonOptions.usualArchivePath
    }

    /// The folder where no option names one.
    static var usualArchivePath: String {
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

    @Option(
        help: ArgumentHelp(
            "Only these columns, in this order, with commas between them.", valueName: "names"))
    var columns: String?

    @Flag(help: "All columns of a table, also where the terminal is narrower.")
    var wide = false

    @Flag(help: "Long answers on a terminal without PAGER (else less).")
    var noPager = false

    /// A writer of rows in the chosen format; `importance` names the columns of a table that are left
    /// out last where the terminal is narrow.
    func writer(to output: Output = .standard, importance: [String] = []) -> any RowWriter {
        if output === Output.standard, !noPager { Terminal.output.showPages() }
        let writer = format.writer(
            to: output, terminal: .output, importance: importance, isWide: wide)
        return chosenColumns.map { ChosenColumns($0, of: writer) } ?? writer
    }

    /// The names that --columns gives; nil without it.
    var chosenColumns: [String]? {
        columns?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
