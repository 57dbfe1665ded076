internal import ArchiveQueries
internal import ArchiveSchema
internal import ArgumentParser
internal import Checkpoints

/// `cairn query`: saved questions.
struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Ask a saved question; without a name, list them.",
        discussion: "Example: cairn query best_runs -p count=5")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions
    @OptionGroup var arrow: ArrowOptions
    @OptionGroup var limits: StatementOptions

    @Argument(
        help: "The name of the question.",
        completion: NameCompletion.questions)
    var name: String?

    @Flag(help: "Print the SQL instead of running it.")
    var source = false

    func run() throws {
        try arrow.check(beside: rows)
        guard let name else { return try list() }
        let query = try SavedQuery.find(name)
        if source { return try Output.standard.write(query.sql) }
        StopSignals.listen()
        let session = try limits.session(on: common)
        var values = try limits.values
        // Questions compare whole ids; people write the start of one, or a name.
        for parameter in ["run", "first", "second"] {
            if let text = values[parameter].flatMap(QueryCommand.written) {
                values[parameter] = .text(try session.runID(matching: text))
            }
        }
        try NamedParameters.check(values, in: session)
        try arrow.print(
            query.cursor(in: session, parameters: values), of: session, rows, common)
        if !query.notes.isEmpty && rows.format == .table {
            try Output.standard.flush()
            common.note(query.notes)
        }
    }

    /// A run that was written: an id of digits alone was taken for a number.
    private static func written(_ cell: ScalarValue) -> String? {
        cell.string ?? cell.integer.map(String.init)
    }

    private func list() throws {
        try rows.writer().write(
            columns: ["name", "question", "parameters"],
            rows: SavedQuery.all.map { query in
                let parameters = query.parameters.map { parameter in
                    parameter.name + (parameter.defaultText.map { "=\($0)" } ?? "=…")
                }
                return [
                    .text(query.name), .text(query.question),
                    .text(parameters.joined(separator: " ")),
                ]
            })
    }
}
