internal import ArchiveQueries
internal import Checkpoints
internal import Figures

/// What a report says, read from the archive.
struct ReportData {
    /// A table with the heads of its columns.
    struct Table {
        let columns: [String]
        let rows: [[ScalarValue]]

        func column(_ name: String) -> [ScalarValue] {
            guard let index = columns.firstIndex(of: name) else { return [] }
            return rows.map { $0[index] }
        }

        /// The rows as words; numbers with four digits where they are not whole.
        var words: [[String]] {
            rows.map { row in
                row.map { value in
                    switch value {
                    case .null: "–"
                    case .integer(let integer): NumberLabel.rounded(Double(integer), digits: 12)
                    case .real(let real):
                        real == real.rounded() && abs(real) < 1e9
                            ? NumberLabel.rounded(real, digits: 12)
                            : NumberLabel.rounded(real, digits: 4)
                    case .boolean, .text, .blob: value.written
                    }
                }
            }
        }
    }

    let session: SQLSession
    /// Ids as a JSON array.
    let list: String

    func table(_ statement: String) throws -> Table {
        let cursor = try session.cursor(statement, parameters: ["runs": .text(list)])
        var rows: [[ScalarValue]] = []
        while let row = try cursor.next() { rows.append(row) }
        return Table(columns: cursor.columns, rows: rows)
    }

    /// Settings that are not the same in all of the runs, with their values.
    static let varied = """
        SELECT
            h.name AS setting, count(DISTINCT h.value) AS value_count,
            (SELECT group_concat(v.value, ', ') FROM (SELECT DISTINCT value FROM hyperparameters
                WHERE name = h.name AND run IN (SELECT value FROM json_each(:runs))
                ORDER BY value LIMIT 20) AS v) AS "values"
        FROM hyperparameters AS h
        WHERE h.run IN (SELECT value FROM json_each(:runs)) AND h.name NOT IN ('name', 'sweep')
        GROUP BY h.name
        HAVING count(DISTINCT h.value) > 1 OR count(*) < json_array_length(:runs)
        ORDER BY value_count DESC, h.name
        """

    static let runs = """
        SELECT
            r.name, r.run, r.status, r.task, r.network, r.seed, r.parameter_count AS parameters,
            r.last_step AS "last step", r.checkpoint_count AS checkpoints
        FROM runs AS r
        WHERE r.run IN (SELECT value FROM json_each(:runs))
        ORDER BY r.name, r.run
        """

    static let times = """
        SELECT
            r.name, g.memorisation_step AS memorised, g.generalisation_step AS generalised, g.gap,
            round(g.midpoint_step) AS midpoint, round(g.midpoint_low) AS "95 % from",
            round(g.midpoint_high) AS "to", g.width_decades AS "10–90 % (decades)", g.label
        FROM runs AS r
        JOIN grokking_times AS g USING (run)
        WHERE r.run IN (SELECT value FROM json_each(:runs)) AND g.source = 'computed'
            AND g.rule = 'sustained' AND (g.threshold = 0.99 OR g.metric = 'test_loss')
        ORDER BY r.name, r.run
        """

    static let lineage = """
        SELECT r.name, p.name AS parent, r.parent_step AS "at step", r.run, r.parent_run
        FROM runs AS r
        LEFT JOIN runs AS p ON p.run = r.parent_run
        WHERE r.run IN (SELECT value FROM json_each(:runs)) AND r.parent_run IS NOT NULL
        ORDER BY r.name, r.run
        """

    static let analyses = """
        SELECT
            a.kind, a.code_version AS version, a.parameters, a.split, a.dtype,
            count(DISTINCT a.run) AS runs, count(*) AS answers, sum(a.stale) AS stale
        FROM analyses AS a
        WHERE a.run IN (SELECT value FROM json_each(:runs)) AND a.superseded_by IS NULL
            AND a.source = 'computed'
        GROUP BY a.kind, a.code_version, a.parameters, a.split, a.dtype
        ORDER BY a.kind, a.code_version, a.parameters
        """

    static let digests = """
        SELECT r.name, r.run, c.step, c.digest AS "SHA-256 of the weights"
        FROM runs AS r
        JOIN checkpoints AS c ON c.run = r.run AND c.step = r.last_step
        WHERE r.run IN (SELECT value FROM json_each(:runs))
        ORDER BY r.name, r.run
        """

    /// Settings that are numbers with at least two values, to draw by.
    static let numbers = """
        SELECT name
        FROM hyperparameters
        WHERE run IN (SELECT value FROM json_each(:runs)) AND name <> 'seed'
            AND typeof(value) IN ('integer', 'real')
        GROUP BY name
        HAVING count(DISTINCT value) > 1 AND count(*) = json_array_length(:runs)
        ORDER BY name
        """

    static let metrics = """
        SELECT DISTINCT name FROM metric_summaries
        WHERE run IN (SELECT value FROM json_each(:runs))
        """
}
