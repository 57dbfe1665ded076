package import Checkpoints

/// The tables of SQLite files that other programs made: they are read, and nothing of theirs runs.
package enum ForeignTable {
    /// A table of a file of any size that is read at once takes less.
    private static let longestReading = Duration.seconds(600)

    /// Visits the rows of a table in the order in which they were stored, some columns of each.
    ///
    /// False where the file has no such plain table: views, virtual tables and computed columns would
    /// run what the file says. Throws `UserError` where the file is damaged.
    package static func visit(
        _ path: String, _ table: String, _ columns: [String],
        row: (_ values: [ScalarValue]) throws -> Void
    ) throws -> Bool {
        do {
            let watch = StatementWatch(interruption: Interruption(), timeLimit: longestReading)
            let connection = try SQLiteConnection(readingFrom: path, watch: watch)
            watch.begin()
            let tables = try connection.ownRows(
                "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?",
                [.text(table)])
            guard let sql = tables.first?.first?.string,
                !sql.uppercased().hasPrefix("CREATE VIRTUAL")
            else { return false }
            let plain = try connection.ownRows(
                "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", [.text(table)]
            ).compactMap { $0.first?.string }
            guard Set(columns).isSubset(of: plain) else { return false }
            connection.statementGuard.isActive = false
            let names = columns.map { "\"\($0)\"" }.joined(separator: ", ")
            let statement = try SQLiteStatement(
                connection: connection, sql: "SELECT \(names) FROM main.\"\(table)\"")
            while try statement.step() { try row(statement.row()) }
            return true
        } catch let error as UserError {
            throw UserError(.failure, subject: path, cause: error.cause)
        }
    }
}
