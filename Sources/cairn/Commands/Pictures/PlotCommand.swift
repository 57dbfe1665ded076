internal import ArchiveQueries
internal import ArchiveSchema
internal import ArgumentParser
internal import Checkpoints
internal import Figures
internal import Page

/// `cairn plot`: answers as pictures.
struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draw a saved picture or a statement; without a name, list the pictures.",
        discussion: """
            Examples:
              cairn plot accuracy_curves mine
              cairn plot norm_curves mine -p tensor=embedding --log-y --to norms.pdf
              cairn plot time_by_setting -p setting=weight_decay -p sweep=decay --to law.svg
              cairn plot --sql "SELECT step, value, run FROM metrics WHERE name = 'test_loss'" \
            --x step --y value --color run --log-y
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions
    @OptionGroup(title: "Statement") var limits: StatementOptions
    @OptionGroup(title: "Columns and axes") var recipe: RecipeOptions
    @OptionGroup(title: "Drawing") var drawing: DrawingOptions

    @Argument(
        help: "The name of the picture.",
        completion: .custom { _, _, _ in Picture.all.map(\.name) })
    var name: String?

    @Argument(
        help: "Runs, by the start of their ids or by their names.", completion: NameCompletion.runs)
    var runs: [String] = []

    @Option(help: ArgumentHelp("Draw the rows of this statement.", valueName: "statement"))
    var sql: String?

    @Flag(help: "Print the rows behind the picture instead.")
    var data = false

    func run() throws {
        if let sql {
            guard name == nil else {
                throw UserError.usage(
                    subject: "picture \(name ?? "")", cause: "--sql is given too",
                    advice: "give a name or a statement, not both")
            }
            return try draw(statement: sql)
        }
        guard let name else { return try list() }
        let picture = try Picture.find(name)
        let recipe = try recipe.changed(picture.recipe)
        try drawing.check()
        StopSignals.listen()
        let session = try limits.session(on: common)
        var values = try limits.values
        if let written = values["run"]?.written {
            values["run"] = .text(try session.runID(matching: written))
        }
        try NamedParameters.check(values, in: session)
        values = try picture.values(
            runs: runs.map { try session.runID(matching: $0) }, given: values, in: session)
        if data {
            return try picture.query.cursor(in: session, parameters: values)
                .print(with: rows.writer())
        }
        var figure = try picture.figure(in: session, values: values, recipe: recipe)
        if drawing.caption && !picture.query.notes.isEmpty {
            figure.caption.append(picture.query.notes.replacing("`", with: ""))
        }
        try drawing.draw(figure)
        try note(drawn: picture.query.notes)
    }

    private func draw(statement: String) throws {
        let recipe = try data ? nil : recipe.recipe()
        try drawing.check()
        StopSignals.listen()
        let session = try limits.session(on: common)
        let cursor = try session.cursor(statement, parameters: limits.values)
        guard let recipe else { return try cursor.print(with: rows.writer()) }
        let table = try DataTable(cursor)
        try drawing.draw(FigureError.asUserError { try Figure(table, recipe: recipe) })
        try note(drawn: "")
    }

    private func note(drawn notes: String) throws {
        try Output.standard.flush()
        if let path = drawing.to { common.note("Wrote \(path).") }
        if !notes.isEmpty && !drawing.caption { common.note(notes) }
    }

    private func list() throws {
        try rows.writer().write(
            columns: ["name", "question", "of", "parameters"],
            rows: Picture.all.map { query in
                let picture = try Picture(query)
                let subject =
                    switch picture.subject {
                    case .oneRun: "RUN"
                    case .anyRuns: "[RUN…]"
                    case .archive: "all runs"
                    }
                let parameters = query.parameters.filter { !["run", "runs"].contains($0.name) }
                    .map { $0.name + ($0.defaultText.map { "=\($0)" } ?? "=…") }
                return [
                    .text(query.name), .text(query.question), .text(subject),
                    .text(parameters.joined(separator: " ")),
                ]
            })
    }
}
