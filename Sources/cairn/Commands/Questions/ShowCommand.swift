internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Figures
internal import Foundation

/// `cairn show`: one run or one checkpoint.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a run, or one of its checkpoints (RUN@STEP, RUN@first, RUN@last).",
        discussion: """
            With the digest of the weights among the rest:

            Example: cairn show RUN@last --json
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(
        help: ArgumentHelp(
            "The start of a run's id or its name; @STEP, @first or @last for a checkpoint.",
            valueName: "run"), completion: NameCompletion.checkpoints)
    var subject: String

    @Flag(help: "The table of all settings.")
    var hyperparameters = false

    @Flag(help: "Of a checkpoint also the SHA-256 of its weights and of each tensor.")
    var digests = false

    @Flag(help: "The complete configuration as JSON, as train --configuration reads it.")
    var configuration = false

    @Flag(help: "Where an imported run comes from, and what became of everything found there.")
    var origin = false

    func run() throws {
        let reference = try CheckpointReference(subject)
        if origin {
            let archive = try ArchiveAccess(common).openReadOnly()
            return try RunOrigin(of: try archive.run(matching: reference.run), in: archive)
                .write(to: rows)
        }
        let details = try RunDetails(ArchiveAccess(common).session(), matching: reference.run)
        if configuration {
            try Output.standard.write(details.configuration + "\n")
        } else if hyperparameters {
            try rows.writer().write(
                columns: ["name", "value"],
                rows: details.hyperparameters.map { [.text($0.name), $0.value] })
        } else if reference.position != nil {
            try show(details.checkpoint(reference))
        } else {
            try show(details)
        }
    }

    private func show(_ details: RunDetails) throws {
        let archive = try ArchiveAccess(common).openReadOnly()
        let account = try RunAccount(of: details.id, in: archive)
        let check = try archive.networkCheck(of: details.id)
        switch rows.format {
        case .json:
            try Output.standard.write(details.json(account: account, check: check).pretty + "\n")
        case .nl:
            try Output.standard.write(
                details.json(account: account, check: check).json(spaced: true) + "\n")
        case .csv: try rows.writer().write(columns: details.columns, rows: [details.row])
        case .table, .markdown:
            try details.printReport { rows.writer(to: $0) }
            try account?.printReport { rows.writer(to: $0) }
            if let check {
                try Output.standard.write("\n")
                try rows.writer().write(
                    columns: ["check"], rows: check.sentences.map { [.text($0)] })
            }
            let terminal = Terminal.output
            guard rows.format == .table, terminal.isInteractive else { return }
            for figure in try RunCurves(run: details).figures() {
                let drawing = TerminalDrawing(figure, style: TerminalStyle(terminal, rowCount: 8))
                try Output.standard.write("\n" + drawing.lines.joined(separator: "\n") + "\n")
            }
        }
    }

    private func show(_ checkpoint: CheckpointDetails) throws {
        switch rows.format {
        case .json: try Output.standard.write(checkpoint.json.pretty + "\n")
        case .nl: try Output.standard.write(checkpoint.json.json(spaced: true) + "\n")
        case .csv: try rows.writer().write(columns: checkpoint.columns, rows: [checkpoint.row])
        case .table, .markdown:
            try CheckpointReport(checkpoint, rows: rows).write(withDigests: digests)
        }
    }
}
