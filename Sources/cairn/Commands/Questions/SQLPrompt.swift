internal import ArchiveQueries
internal import Checkpoints
internal import Foundation

/// The interactive prompt of `cairn sql`.
///
/// A statement ends with a semicolon and may span lines. Lines that begin with a point are orders
/// to the prompt itself.
final class SQLPrompt {
    private let session: SQLSession
    private var format: RowFormat
    private let showsPages: Bool
    private let editor: LineEditor

    init(session: SQLSession, format: RowFormat, showsPages: Bool) throws {
        self.session = session
        self.format = format
        self.showsPages = showsPages
        editor = LineEditor(
            historyPath: SQLPrompt.historyPath,
            completion: WordCompletion(try SQLPrompt.words(in: session)))
    }

    /// What a statement may name: views, their columns, functions, and SQL's own words.
    private static func words(in session: SQLSession) throws -> [String] {
        let names = try session.rows(
            """
            SELECT name FROM sqlite_schema WHERE type = 'view'
            UNION SELECT c.name FROM sqlite_schema AS v, pragma_table_info(v.name) AS c
                WHERE v.type = 'view'
            """
        ).compactMap { $0[0].string }
        let functions = FunctionCatalogue.all.map { $0.name + "(" }
        let keywords =
            "SELECT FROM WHERE GROUP BY ORDER LIMIT JOIN LEFT USING HAVING DISTINCT BETWEEN count( avg( min( max( sum("
            .split(separator: " ").map(String.init)
        return names + functions + keywords
    }

    /// Asks until the end of input or `.quit`.
    func run() throws {
        StopSignals.listen()
        Output.error.note("SQL over the archive, read-only. End a statement with ; or type .help")
        var statement = ""
        while let line = editor.line(prompt: statement.isEmpty ? "cairn> " : "  ...> ") {
            StopSignals.interruption.reset()
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if statement.isEmpty && trimmed.hasPrefix(".") {
                guard try obey(trimmed) else { break }
                continue
            }
            if statement.isEmpty && trimmed.isEmpty { continue }
            if statement.isEmpty && ["quit", "exit"].contains(trimmed.lowercased()) { break }
            statement += (statement.isEmpty ? "" : "\n") + line
            guard trimmed.hasSuffix(";") else { continue }
            editor.remember(statement)
            try answer(statement)
            statement = ""
        }
        try Output.standard.flush()
    }

    /// Runs statements; what is wrong with them does not end the prompt.
    private func answer(_ statement: String) throws {
        if showsPages { Terminal.output.showPages() }
        defer { Output.standard.endPages() }
        do {
            try session.run(script: statement) {
                try $0.print(with: format.writer(to: .standard, terminal: .output))
            }
            try Output.standard.flush()
        } catch is ClosedPipe {
            // The person has seen enough in the pager; a terminal that is gone ends the input too.
        } catch is Interrupted {
            Output.error.note("interrupted")
        } catch {
            Output.error.note("\(error)")
        }
        StopSignals.interruption.reset()
    }

    /// Follows an order to the prompt; false ends it.
    private func obey(_ order: String) throws -> Bool {
        let words = order.split(separator: " ").map(String.init)
        switch words.first {
        case ".quit", ".exit", ".q": return false
        case ".tables", ".views":
            try answer("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
        case ".schema":
            let view = words.dropFirst().first ?? "runs"
            let name = view.replacing("'", with: "''")
            try answer("SELECT name, type FROM pragma_table_info('\(name)')")
        case ".mode":
            guard let chosen = words.dropFirst().first.flatMap(RowFormat.init(rawValue:)) else {
                let names = RowFormat.allCases.map(\.rawValue).joined(separator: ", ")
                Output.error.note(".mode takes one of \(names)")
                break
            }
            format = chosen
        default:
            Output.error.note(
                """
                .tables          the views of the archive
                .schema VIEW     the columns of a view
                .mode FORMAT     table, json, nl, csv or markdown
                .quit            the end (also Ctrl-D)
                """)
        }
        return true
    }

    /// History is kept per person, as other shells do; nil where there is no home.
    private static var historyPath: String? {
        let environment = ProcessInfo.processInfo.environment
        if let state = environment["XDG_STATE_HOME"], !state.isEmpty {
            return state + "/cairn_history"
        }
        return environment["HOME"].map { $0 + "/.cairn_history" }
    }
}
