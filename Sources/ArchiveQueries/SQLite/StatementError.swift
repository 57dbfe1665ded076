internal import CSQLite
internal import CheckpointArchive
internal import Checkpoints

/// Turns SQLite's errors into one sentence with the place and the nearest names.
enum StatementError {
    /// The error of a text that SQLite could not compile.
    static func compiling(
        _ text: String, code: Int32, connection: SQLiteConnection
    ) -> any Error {
        if let refusal = connection.statementGuard.refusal { return refused(refusal) }
        let message = String(cString: sqlite3_errmsg(connection.handle))
        if let damage = damage(code, message, of: connection) { return damage }
        let offset = Int(sqlite3_error_offset(connection.handle))
        let place =
            offset >= 0 ? Place(offset: offset, in: text) : Place(ofMissing: message, in: text)
        return UserError.usage(
            subject: place.map { "SQL statement, \($0)" } ?? "SQL statement", cause: message,
            advice: advice(for: message, statement: text, connection: connection))
    }

    /// The error of a statement that was stopped at its time limit.
    static func ranTooLong(_ limit: Duration) -> UserError {
        .missing(
            subject: "SQL statement", cause: "it ran longer than its limit of \(limit)",
            advice: "narrow it with WHERE or raise the limit")
    }

    /// The error of a statement that stopped while it ran.
    static func running(
        _ sql: String, code: Int32, connection: SQLiteConnection
    ) -> any Error {
        if code & 0xff == SQLITE_INTERRUPT || connection.watch.reason != nil {
            if connection.watch.reason == .timeLimit, let limit = connection.watch.timeLimit {
                return ranTooLong(limit)
            }
            return Interrupted()
        }
        let message = String(cString: sqlite3_errmsg(connection.handle))
        if let damage = damage(code, message, of: connection) { return damage }
        switch code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return UserError.missing(
                subject: "index", cause: "another program is writing to it",
                advice: "try again in a moment")
        default:
            return UserError.missing(subject: "SQL statement", cause: message)
        }
    }

    /// The error of a statement that fails because the index is damaged; nil for others.
    private static func damage(
        _ code: Int32, _ message: String, of connection: SQLiteConnection
    ) -> UserError? {
        guard let path = sqlite3_db_filename(connection.handle, "main").map({ String(cString: $0) })
        else { return nil }
        let cause: String
        switch code & 0xff {
        case SQLITE_CORRUPT, SQLITE_NOTADB: cause = message
        case SQLITE_ERROR:
            guard let damage = IndexSchema.damage(ofIndexAt: path) else { return nil }
            cause = "\(damage) (\(message))"
        default: return nil
        }
        return .integrity(
            subject: path, cause: cause,
            advice: "run `cairn reindex` to rebuild it from the checkpoint files")
    }

    /// The error of a statement that would do more than read.
    static func refused(_ what: String) -> UserError {
        .usage(
            subject: "SQL statement", cause: "\(what), but SQL only reads the archive",
            advice: "start it with SELECT, WITH or EXPLAIN")
    }

    /// Where in a text SQLite stopped, counted from 1 as editors do.
    struct Place: CustomStringConvertible {
        let line: Int
        let column: Int
        /// The word at the place.
        let word: String

        /// The place `offset` bytes into the UTF-8 of `text`.
        init(offset: Int, in text: String) {
            let bytes = Array(text.utf8)
            let before = String(decoding: bytes.prefix(offset), as: UTF8.self)
            let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
            line = lines.count
            column = (lines.last?.count ?? 0) + 1
            let after = String(decoding: bytes.dropFirst(offset), as: UTF8.self)
            word = String(after.prefix { !$0.isWhitespace && $0 != "," && $0 != ")" }.prefix(24))
        }

        /// The place of the table that a message says is missing, for which SQLite tells none.
        ///
        /// Nil where the name occurs not once but several times, in strings or comments perhaps.
        init?(ofMissing message: String, in text: String) {
            let prefix = "no such table: "
            guard message.hasPrefix(prefix),
                let name = message.dropFirst(prefix.count).split(separator: ".").last
            else { return nil }
            func isPartOfName(_ character: Character) -> Bool {
                character.isLetter || character.isNumber || character == "_"
            }
            let found = text.ranges(of: name).filter { range in
                let isEnd = range.upperBound == text.endIndex
                let isStart = range.lowerBound == text.startIndex
                return (isEnd || !isPartOfName(text[range.upperBound]))
                    && (isStart || !isPartOfName(text[text.index(before: range.lowerBound)]))
            }
            guard found.count == 1 else { return nil }
            self.init(offset: text[..<found[0].lowerBound].utf8.count, in: text)
        }

        var description: String {
            "line \(line), column \(column)" + (word.isEmpty ? "" : " at `\(word)`")
        }
    }

    private static func advice(
        for message: String, statement: String, connection: SQLiteConnection
    ) -> String {
        func name(after prefix: String) -> String? {
            message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : nil
        }
        let near: [String]
        if let column = name(after: "no such column: ") {
            let wanted = column.split(separator: ".").last.map(String.init) ?? column
            near = NearNames.nearest(
                to: wanted, in: SchemaNames.columns(mentionedIn: statement, of: connection))
        } else if let table = name(after: "no such table: ") {
            let wanted = table.split(separator: ".").last.map(String.init) ?? table
            near = NearNames.nearest(to: wanted, in: SchemaNames.tables(of: connection))
        } else if let function = name(after: "no such function: ") {
            near = NearNames.nearest(to: function, in: SchemaNames.functions(of: connection))
        } else {
            return ""
        }
        guard !near.isEmpty else { return "" }
        return "did you mean \(near.joined(separator: " or "))?"
    }
}

/// The names that a connection knows, for suggestions.
enum SchemaNames {
    /// Tables, views and table-valued functions that a person may name.
    static func tables(of connection: SQLiteConnection) -> [String] {
        texts(
            """
            SELECT name FROM pragma_table_list WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            UNION SELECT name FROM pragma_module_list WHERE name NOT LIKE 'pragma\\_%' ESCAPE '\\'
            """, connection)
    }

    /// The columns of the tables whose names occur in the statement, or of all tables.
    static func columns(mentionedIn statement: String, of connection: SQLiteConnection) -> [String]
    {
        let words = Set(
            statement.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "_" }
                .map(String.init))
        let tables = tables(of: connection)
        let mentioned = tables.filter { words.contains($0.lowercased()) }
        let columns = (mentioned.isEmpty ? tables : mentioned).flatMap { table in
            (try? connection.ownRows("SELECT name FROM pragma_table_info(?)", [.text(table)])) ?? []
        }
        return Array(Set(columns.compactMap(firstText))).sorted()
    }

    static func functions(of connection: SQLiteConnection) -> [String] {
        texts("SELECT DISTINCT name FROM pragma_function_list", connection)
    }

    private static func texts(_ sql: String, _ connection: SQLiteConnection) -> [String] {
        ((try? connection.ownRows(sql)) ?? []).compactMap(firstText)
    }

    private static func firstText(_ row: [ScalarValue]) -> String? {
        if case .text(let text)? = row.first { text } else { nil }
    }
}
