internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints
internal import Page

/// `cairn report`: a document about some runs.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write one HTML file about runs: settings, times, pictures, origins.",
        discussion: """
            The file opens without a network and prints well. What was analysed is in it; cairn \
            analyze adds more.

            Examples: cairn report mine --to mine.html
                      cairn report -p sweep=decay --to decay.html
            """)

    @OptionGroup var common: CommonOptions

    @Argument(
        help: "Runs, by the start of their ids or by their names.", completion: NameCompletion.runs)
    var runs: [String] = []

    @Option(
        name: [.customShort("p"), .customLong("parameter")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("The runs of a sweep.", valueName: "sweep=name"))
    var parameters: [String] = []

    @Option(help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
    var to: String

    func run() throws {
        StopSignals.listen()
        let session = try ArchiveAccess(common).session()
        var ids = try runs.map { try session.runID(matching: $0) }
        for parameter in parameters {
            guard parameter.hasPrefix("sweep="), parameter.count > 6 else {
                throw UserError.usage(
                    subject: "parameter \(parameter)", cause: "a report knows only sweep=NAME")
            }
            ids += try Picture.runs(
                ofSweep: ScalarValue(written: String(parameter.dropFirst(6))), in: session)
        }
        var seen: Set<String> = []
        ids = ids.filter { seen.insert($0).inserted }
        guard !ids.isEmpty else {
            throw UserError.usage(
                subject: "report", cause: "no run is named",
                advice: "write cairn report RUN… or -p sweep=NAME")
        }
        let report = try RunReport(of: ids, in: session, version: programVersion).html()
        try DrawingOptions.write([UInt8](report.utf8), to: to)
        common.note("Wrote \(to).")
    }
}
