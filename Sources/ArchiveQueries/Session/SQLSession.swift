package import CheckpointArchive
package import Checkpoints
internal import SystemFiles

/// Read-only SQL over an archive's index.
///
/// ```swift
/// let session = try SQLSession(index: path, options: .init(timeLimit: .seconds(30)))
/// let cursor = try session.cursor("SELECT run, name FROM runs WHERE seed = :seed",
///     parameters: ["seed": .integer(3)])
/// while let row = try cursor.next() { … }   // the first row comes before the last is computed
/// ```
///
/// Where the index is replaced, the next statement reads the new one.
///
/// A session belongs to the thread that made it. Another thread or a signal handler stops the
/// running statement through `interruption`.
package final class SQLSession {
    /// What a session may do beyond reading the index.
    package struct Options: Sendable {
        /// The longest time one statement may take, reading its rows included; nil for no limit.
        package var timeLimit: Duration?
        /// Other SQLite files to read under a name of their own.
        package var attachments: [Attachment]
        /// Called on another thread where a statement does not stop although it has to, to end the
        /// process; nil waits for it.
        package var abandon: (@Sendable (StopReason) -> Void)?

        package init(
            timeLimit: Duration? = nil, attachments: [Attachment] = [],
            abandon: (@Sendable (StopReason) -> Void)? = nil
        ) {
            self.timeLimit = timeLimit
            self.attachments = attachments
            self.abandon = abandon
        }
    }

    /// An SQLite file that statements may read as `alias.table`.
    package struct Attachment: Sendable, Equatable {
        package let alias: String
        package let path: String

        package init(alias: String, path: String) {
            self.alias = alias
            self.path = path
        }

        /// The attachment that `alias=file` means.
        package init(written text: String) throws {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw UserError.usage(
                    subject: "attachment \(text)", cause: "it is not of the form alias=file")
            }
            self.init(alias: String(parts[0]), path: String(parts[1]))
        }
    }

    package let interruption: Interruption
    private(set) var connection: SQLiteConnection
    private var functions: ArchiveFunctions?
    private let path: String
    let archive: Archive?
    private let options: Options
    /// Which file the connection reads, whatever its name is by now, and how it was opened.
    private var file: FileIdentity?
    private var address: String

    /// Opens a session on an index file.
    ///
    /// With an archive the functions over stored weights work, and expensive results are remembered
    /// in its ledger where it can be written. The aggregates work without.
    package init(
        index path: String, archive: Archive? = nil, options: Options = Options(),
        interruption: Interruption = .init()
    ) throws {
        self.interruption = interruption
        self.path = path
        self.archive = archive
        self.options = options
        file = FileIdentity(path)
        address = IndexAddress.uri(readingFrom: path)
        (connection, functions) = try Self.connect(path, archive, options, interruption)
    }

    private static func connect(
        _ path: String, _ archive: Archive?, _ options: Options,
        _ interruption: Interruption
    ) throws -> (SQLiteConnection, ArchiveFunctions?) {
        let watch = StatementWatch(
            interruption: interruption, timeLimit: options.timeLimit, abandon: options.abandon)
        let connection = try SQLiteConnection(readingFrom: path, watch: watch)
        var functions: ArchiveFunctions?
        if let archive {
            functions = ArchiveFunctions(
                connection.handle, archive: archive, remembers: true, watch: watch)
        } else {
            for function in CurveFunctions.all { function.register(on: connection.handle) }
        }
        for attachment in options.attachments {
            do {
                _ = try connection.ownRows(
                    "ATTACH ? AS ?",
                    [
                        .text(IndexAddress.uri(readingFrom: attachment.path)),
                        .text(attachment.alias),
                    ])
                // ATTACH is lazy: reading the schema shows whether it is an SQLite file at all.
                _ = try connection.ownRows(
                    "SELECT count(*) FROM \(Self.quoted(attachment.alias)).sqlite_schema")
            } catch let error as any UserErrorConvertible {
                throw UserError.missing(
                    subject: "attachment \(attachment.alias)=\(attachment.path)", cause: error.cause
                )
            }
        }
        return (connection, functions)
    }

    /// Opens the index anew where another file has come into its place, or somebody has begun to
    /// write to one that nobody changed.
    private func follow() throws {
        let present = FileIdentity(path)
        let address = IndexAddress.uri(readingFrom: path)
        guard present != file || address != self.address else { return }
        guard present != nil else {
            throw UserError(
                .failure, subject: path, cause: "the index is missing",
                advice: "run `cairn reindex` to rebuild it from the checkpoint files")
        }
        (connection, functions) = try Self.connect(path, archive, options, interruption)
        file = present
        self.address = address
    }

    /// A name as an SQL identifier, whatever characters it has.
    package static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    /// Starts one statement.
    ///
    /// Every parameter of the statement needs a value and every value a parameter. A second
    /// statement after it is an error: use `cursors(script:)`.
    package func cursor(
        _ sql: String, parameters: [String: ScalarValue] = [:]
    ) throws -> SQLCursor {
        try follow()
        let statement = try compile(sql)
        guard !statement.isEmpty else {
            throw UserError.usage(
                subject: "SQL statement", cause: "it is empty", advice: "write SELECT …")
        }
        guard isEmpty(statement.remainder) else {
            throw UserError.usage(
                subject: "SQL statement", cause: "more text follows after its end",
                advice: "give one statement at a time, or a script in a file")
        }
        let names = Set(statement.parameterNames.compactMap { $0 })
        if let extra = parameters.keys.sorted().first(where: { !names.contains($0) }) {
            let near = NearNames.nearest(to: extra, in: names.sorted())
            throw UserError.usage(
                subject: "parameter \(extra)", cause: "the statement has no :\(extra)",
                advice: near.isEmpty ? "" : "did you mean \(near.joined(separator: " or "))?")
        }
        return try SQLCursor(
            statement: statement, parameters: parameters, functions: functions)
    }

    /// Runs the statements of a script in order, each after the rows of the one before were taken.
    ///
    /// Parameters apply to every statement that has them.
    package func run(
        script: String, parameters: [String: ScalarValue] = [:], body: (SQLCursor) throws -> Void
    ) throws {
        var rest = script
        while true {
            try follow()
            let statement = try compile(rest)
            if !statement.isEmpty {
                try body(
                    SQLCursor(
                        statement: statement, parameters: parameters, functions: functions))
            }
            rest = statement.remainder
            if rest.allSatisfy(\.isWhitespace) { return }
        }
    }

    /// Runs one statement and gives all its rows.
    package func rows(
        _ sql: String, parameters: [String: ScalarValue] = [:]
    ) throws -> [[ScalarValue]] {
        let cursor = try cursor(sql, parameters: parameters)
        var rows: [[ScalarValue]] = []
        while let row = try cursor.next() { rows.append(row) }
        return rows
    }

    private func compile(_ sql: String) throws -> SQLiteStatement {
        guard !sql.utf8.contains(0) else {
            throw UserError.usage(
                subject: "SQL statement", cause: "it contains a NUL character")
        }
        return try SQLiteStatement(connection: connection, sql: sql)
    }

    /// Whether a text holds nothing but white space and comments.
    private func isEmpty(_ text: String) -> Bool {
        (try? SQLiteStatement(connection: connection, sql: text).isEmpty) ?? false
    }
}

/// The rows of one running statement, computed as they are asked for.
package final class SQLCursor {
    let statement: SQLiteStatement
    /// The names of the columns as the statement gives them; names may repeat.
    package let columns: [String]
    private let functions: ArchiveFunctions?
    private var isDone = false

    init(
        statement: SQLiteStatement, parameters: [String: ScalarValue], functions: ArchiveFunctions?
    ) throws {
        self.statement = statement
        self.functions = functions
        columns = statement.columnNames
        for (index, name) in statement.parameterNames.enumerated() {
            guard let name else {
                throw UserError.usage(
                    subject: "SQL statement", cause: "its parameter \(index + 1) has no name",
                    advice: "write :name and give the value with -p name=value")
            }
            guard let value = parameters[name] else {
                throw UserError.usage(
                    subject: "parameter \(name)", cause: "it has no value",
                    advice: "give it with -p \(name)=…")
            }
            statement.bind(value, at: index + 1)
        }
        statement.connection.watch.begin()
    }

    /// The next row, one value a column; nil after the last.
    package func next() throws -> [ScalarValue]? {
        guard !isDone else { return nil }
        guard try statement.step() else {
            isDone = true
            functions?.flush()
            return nil
        }
        return statement.row()
    }
}
