internal import CSQLite

/// The view `runs_wide`: one row per run with a column for each hyperparameter and for the last
/// value of each curve, made for the names that an archive has.
///
/// Columns, in this order: those of `runs`; each hyperparameter under its own name, or as
/// `hyperparameter_NAME` where that is taken; each curve's last value as `last_NAME`. Names that
/// differ only in case keep the first of them.
package enum RunsWide {
    package static let name = "runs_wide"

    /// Names beyond this number get no column: SQLite allows 2,000.
    package static let largestColumnCount = 1_900

    /// The statement that creates the view for the names that an archive has.
    ///
    /// A temporary view belongs to one connection instead of the file.
    package static func statement(
        runColumns: [String], hyperparameters: [String], metrics: [String], isTemporary: Bool
    ) -> String {
        var taken = Set(runColumns.map { $0.lowercased() })
        var columns = runColumns.map { "r.\(SQLSession.quoted($0)) AS \(SQLSession.quoted($0))" }
        func add(_ expression: String, _ candidates: [String]) {
            guard columns.count < largestColumnCount,
                let name = candidates.first(where: { !taken.contains($0.lowercased()) })
            else { return }
            taken.insert(name.lowercased())
            columns.append("(\(expression)) AS \(SQLSession.quoted(name))")
        }
        for name in hyperparameters {
            add(
                """
                SELECT h.value FROM hyperparameters AS h WHERE h.run = r.run AND h.name = \
                \(literal(name))
                """, [name, "hyperparameter_" + name])
        }
        for name in metrics {
            add(
                """
                SELECT s.last_value FROM metric_summaries AS s WHERE s.run = r.run AND s.name = \
                \(literal(name))
                """, ["last_" + name, "last_metric_" + name])
        }
        return """
            CREATE \(isTemporary ? "TEMP " : "")VIEW \(name) AS SELECT
            \(columns.joined(separator: ",\n"))
            FROM runs AS r
            """
    }

    /// The statements that tell which columns an archive needs, each giving one column of names.
    package static let runColumnsQuery = "SELECT name FROM pragma_table_info('runs') ORDER BY cid"
    package static let hyperparametersQuery =
        // One seek for each name, however many runs there are.
        """
        WITH RECURSIVE names (name) AS (
            SELECT min(name) FROM hyperparameter
            UNION ALL
            SELECT (SELECT min(h.name) FROM hyperparameter AS h WHERE h.name > names.name)
            FROM names WHERE name IS NOT NULL
        )
        SELECT name FROM names WHERE name IS NOT NULL
        ORDER BY (
            SELECT h.position FROM hyperparameter AS h WHERE h.name = names.name LIMIT 1
        ), name
        """
    package static let metricsQuery = "SELECT name FROM metric_name ORDER BY name"

    /// Makes the view for one connection; a file that is no archive's index gets none.
    static func create(on connection: SQLiteConnection) throws {
        func names(_ sql: String) throws -> [String] {
            try connection.ownRows(sql).compactMap {
                if case .text(let text)? = $0.first { text } else { nil }
            }
        }
        let runColumns = try names(runColumnsQuery)
        guard !runColumns.isEmpty, let hyperparameters = try? names(hyperparametersQuery),
            let metrics = try? names(metricsQuery)
        else { return }
        _ = try connection.ownRows("DROP VIEW IF EXISTS temp.\(name)")
        _ = try connection.ownRows(
            statement(
                runColumns: runColumns, hyperparameters: hyperparameters, metrics: metrics,
                isTemporary: true))
    }

    /// Makes the view on a connection of another program; one that is no archive's index gets none.
    package static func createTemporary(on handle: OpaquePointer) {
        func names(_ sql: String) -> [String] {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
                return []
            }
            var names: [String] = []
            while sqlite3_step(statement) == SQLITE_ROW {
                if let text = sqlite3_column_text(statement, 0) {
                    names.append(String(cString: text))
                }
            }
            return names
        }
        let runColumns = names(runColumnsQuery)
        guard !runColumns.isEmpty else { return }
        let sql = statement(
            runColumns: runColumns, hyperparameters: names(hyperparametersQuery),
            metrics: names(metricsQuery), isTemporary: true)
        _ = sqlite3_exec(handle, sql, nil, nil, nil)
    }

    /// A text as an SQL literal.
    static func literal(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }
}
