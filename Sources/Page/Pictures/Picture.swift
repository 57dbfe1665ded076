package import ArchiveQueries
package import ArchiveSchema
package import Checkpoints
package import Figures
internal import Foundation

/// A saved question whose answer is drawn.
package struct Picture: Sendable {
    package let query: SavedQuery
    package let recipe: PictureRecipe

    /// Every question of `queries/` with a picture, by name.
    package static let all: [SavedQuery] = SavedQuery.all.filter { $0.picture != nil }

    /// The picture of a name; a name that is nearly one is suggested.
    package static func find(_ name: String) throws -> Picture {
        if let query = SavedQuery.named(name) {
            guard query.picture != nil else {
                throw UserError.usage(
                    subject: "picture \(name)", cause: "the question has rows but no picture",
                    advice: "ask it with cairn query \(name); cairn plot lists the pictures")
            }
            return try Picture(query)
        }
        let near = NearNames.nearest(to: name, in: all.map(\.name))
        throw UserError.usage(
            subject: "picture \(name)", cause: "there is none of this name",
            advice: near.isEmpty
                ? "list them with cairn plot" : "did you mean \(near.joined(separator: " or "))?")
    }

    /// Reads the head of a question.
    package init(_ query: SavedQuery) throws {
        self.query = query
        var recipe = try FigureError.asUserError {
            try PictureRecipe(written: query.picture?.recipe ?? "")
        }
        recipe.title = query.picture?.title ?? ""
        recipe.xLabel = query.picture?.xAxis
        recipe.yLabel = query.picture?.yAxis
        recipe.colorLabel = query.picture?.colorAxis
        self.recipe = recipe
    }

    /// What runs the picture is of.
    package enum Subject: Sendable {
        case oneRun
        case anyRuns
        /// The whole archive, whatever its runs.
        case archive
    }

    package var subject: Subject {
        let names = query.parameters.map(\.name)
        return names.contains("run") ? .oneRun : names.contains("runs") ? .anyRuns : .archive
    }

    /// The values of the parameters for some runs, with those that were given.
    ///
    /// `sweep=NAME` chooses the runs of a sweep where the question itself does not ask for one.
    package func values(
        runs: [String], given: [String: ScalarValue], in session: SQLSession
    ) throws -> [String: ScalarValue] {
        var values = given
        var runs = runs
        let names = query.parameters.map(\.name)
        if !names.contains("sweep"), let sweep = values.removeValue(forKey: "sweep") {
            runs += try Self.runs(ofSweep: sweep, in: session)
        }
        switch subject {
        case .oneRun:
            if values["run"] == nil, runs.isEmpty {
                throw UserError.usage(
                    subject: "picture \(query.name)", cause: "it is of one run",
                    advice: "write cairn plot \(query.name) RUN")
            }
            guard runs.count <= 1 else {
                throw UserError.usage(
                    subject: "picture \(query.name)",
                    cause: "it is of one run, and \(runs.count) are named",
                    advice: "name one of them")
            }
            if let run = runs.first { values["run"] = .text(run) }
        case .anyRuns:
            if !runs.isEmpty { values["runs"] = .text(Self.list(runs)) }
        case .archive:
            guard runs.isEmpty else {
                throw UserError.usage(
                    subject: "picture \(query.name)", cause: "it is of all runs of the archive",
                    advice: names.contains("sweep")
                        ? "choose a sweep with -p sweep=NAME" : "leave the runs out")
            }
        }
        return values
    }

    /// The ids of the runs of a sweep, or of all sweeps of a pattern.
    package static func runs(ofSweep sweep: ScalarValue, in session: SQLSession) throws -> [String]
    {
        let rows = try session.rows(
            """
            SELECT run FROM hyperparameters
            WHERE name = 'sweep' AND (CAST(value AS TEXT) = :sweep OR value GLOB :sweep)
            ORDER BY run
            """, parameters: ["sweep": .text(sweep.written)])
        let runs = rows.compactMap { if case .text(let run) = $0[0] { run } else { nil } }
        guard !runs.isEmpty else {
            throw UserError.missing(
                subject: "sweep \(sweep.written)", cause: "no run of the archive belongs to it",
                advice: "cairn ls lists the runs")
        }
        return runs
    }

    /// Ids as a JSON array: they are hexadecimal digits, or text of other programs.
    package static func list(_ runs: [String]) -> String { JSONWriting.array(runs) }

    /// Asks the question and draws the answer.
    package func figure(
        in session: SQLSession, values: [String: ScalarValue], recipe changed: PictureRecipe? = nil
    ) throws -> Figure {
        let table = try DataTable(query.cursor(in: session, parameters: values))
        guard table.rowCount > 0 else {
            throw UserError.missing(
                subject: "picture \(query.name)",
                cause: "the answer is empty, so there is nothing to draw", advice: emptyAdvice)
        }
        var recipe = changed ?? self.recipe
        recipe.replaceNames(with: try names(values, in: session))
        if subject == .oneRun, case .text(let run)? = values["run"] {
            recipe.title += ", " + (try Self.name(ofRun: run, in: session))
        }
        return try FigureError.asUserError { try Figure(table, recipe: recipe) }
    }

    /// What the notes of the question say has to be computed first.
    private var emptyAdvice: String {
        guard let start = query.notes.range(of: "`cairn analyze") else {
            return "look at the rows with --data"
        }
        let rest = query.notes[start.lowerBound...].dropFirst()
        return "\(rest.prefix { $0 != "`" }) computes it"
    }

    /// The parameters as words for titles and axes.
    private func names(
        _ values: [String: ScalarValue], in session: SQLSession
    ) throws -> [String: String] {
        var names: [String: String] = [:]
        for parameter in query.parameters {
            names[parameter.name] =
                values[parameter.name]?.written ?? parameter.defaultText
        }
        return names
    }

    private static func name(ofRun run: String, in session: SQLSession) throws -> String {
        let rows = try session.rows(
            "SELECT name FROM runs WHERE run = :run", parameters: ["run": .text(run)])
        if case .text(let name)?? = rows.first?.first { return name }
        return run
    }
}

extension PictureRecipe {
    /// Puts the values of parameters in the place of `:name` in title and axes.
    ///
    /// Names of metrics are read as words: `test_accuracy` is test accuracy.
    mutating func replaceNames(with values: [String: String]) {
        func replaced(_ text: String) -> String {
            var text = text
            // The longest name first: `:run` must not eat the beginning of `:runs`.
            for (name, value) in values.sorted(by: { $0.key.count > $1.key.count }) {
                text = text.replacing(":" + name, with: value.replacing("_", with: " "))
            }
            guard let first = text.first else { return text }
            return first.uppercased() + text.dropFirst()
        }
        title = replaced(title)
        // Axes begin in lower case, as units do.
        xLabel = xLabel.map { $0.hasPrefix(":") ? replaced($0).lowercased() : $0 }
        yLabel = yLabel.map { $0.hasPrefix(":") ? replaced($0).lowercased() : $0 }
        colorLabel = colorLabel.map { $0.hasPrefix(":") ? replaced($0).lowercased() : $0 }
    }
}

extension DataTable {
    /// All rows of an answer.
    package init(_ cursor: SQLCursor) throws {
        self.init(columns: cursor.columns)
        while let row = try cursor.next() {
            append(
                row.lazy.map { value in
                    switch value {
                    case .null: .missing
                    case .boolean(let isTrue): .number(isTrue ? 1 : 0)
                    case .integer(let integer): .number(Double(integer))
                    case .real(let real): .number(real)
                    case .text(let text): .text(text)
                    case .blob(let bytes): .text("\(bytes.count) bytes")
                    }
                })
        }
    }
}

extension FigureError {
    /// Runs `body` with its refusals as errors that the command line prints.
    package static func asUserError<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as FigureError {
            throw UserError.usage(
                subject: error.subject, cause: error.cause, advice: error.advice)
        }
    }
}
