package import Checkpoints
package import GRDB
internal import GRDBSQLite

/// Writes curves into the index at the speed of SQLite itself.
///
/// Names become small integers once per batch; points go through one prepared statement whose
/// parameters are bound without intermediate values.
package enum MetricRows {
    /// Adds points to a run's curves; a later value for the same step replaces the earlier one.
    package static func add(_ points: [MetricPoint], run key: Int64, _ db: Database) throws {
        guard !points.isEmpty else { return }
        var curves: [String: Curve] = [:]
        let insert = try db.makeStatement(
            sql: """
                INSERT INTO metric (run_key, name_key, step, value) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET value = excluded.value
                """)
        let statement = insert.sqliteStatement
        sqlite3_bind_int64(statement, 1, key)
        var lastName = ""
        var curve = Curve(nameKey: 0, last: nil)
        for point in points {
            if point.name != lastName || lastName.isEmpty {
                if !lastName.isEmpty { curves[lastName] = curve }
                lastName = point.name
                curve = try curves[lastName] ?? Curve(name: lastName, run: key, db)
            }
            curve.take(point)
            sqlite3_bind_int64(statement, 2, curve.nameKey)
            sqlite3_bind_int64(statement, 3, Int64(point.step))
            // SQLite turns NaN into NULL by itself.
            sqlite3_bind_double(statement, 4, point.value)
            let status = sqlite3_step(statement)
            sqlite3_reset(statement)
            guard status == SQLITE_DONE else {
                throw DatabaseError(
                    resultCode: ResultCode(rawValue: status), message: db.lastErrorMessage)
            }
        }
        curves[lastName] = curve
        for curve in curves.values { try curve.store(run: key, db) }
    }

    /// What a batch does to the summary of one curve.
    private struct Curve {
        let nameKey: Int64
        /// The last step that the index had before, or that this batch has reached.
        var last: Int?
        /// Whether every point came after the ones before, so that sums can be carried on.
        var isRising = true
        var count = 0
        var first: Int?
        var lastValue = Double.nan
        var smallest = Double.infinity
        var largest = -Double.infinity

        init(nameKey: Int64, last: Int?) {
            self.nameKey = nameKey
            self.last = last
        }

        init(name: String, run key: Int64, _ db: Database) throws {
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO metric_name (name) VALUES (?)")
                .execute(arguments: [name])
            let find = try db.cachedStatement(
                sql: "SELECT name_key FROM metric_name WHERE name = ?")
            guard let nameKey = try Int64.fetchOne(find, arguments: [name]) else {
                preconditionFailure("an inserted name has a key")
            }
            let last = try db.cachedStatement(
                sql: "SELECT last_step FROM metric_summary WHERE run_key = ? AND name_key = ?")
            self.init(nameKey: nameKey, last: try Int.fetchOne(last, arguments: [key, nameKey]))
        }

        mutating func take(_ point: MetricPoint) {
            if let last, point.step <= last { isRising = false }
            if first == nil { first = point.step }
            last = point.step
            lastValue = point.value
            count += 1
            if !point.value.isNaN {
                smallest = min(smallest, point.value)
                largest = max(largest, point.value)
            }
        }

        func store(run key: Int64, _ db: Database) throws {
            guard isRising, let first, let last else {
                return try recount(run: key, db)
            }
            let hasNumber = smallest <= largest
            try db.cachedStatement(
                sql: """
                    INSERT INTO metric_summary
                        (run_key, name_key, point_count, first_step, last_step, last_value,
                        smallest, largest)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT DO UPDATE SET
                        point_count = point_count + excluded.point_count,
                        last_step = excluded.last_step,
                        last_value = excluded.last_value,
                        smallest = min(ifnull(smallest, excluded.smallest),
                            ifnull(excluded.smallest, smallest)),
                        largest = max(ifnull(largest, excluded.largest),
                            ifnull(excluded.largest, largest))
                    """
            ).execute(arguments: [
                key, nameKey, count, first, last, lastValue, hasNumber ? smallest : nil,
                hasNumber ? largest : nil,
            ])
        }

        /// Makes the summary anew from the points, which is right whatever their order was.
        private func recount(run key: Int64, _ db: Database) throws {
            try db.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO metric_summary
                        (run_key, name_key, point_count, first_step, last_step, smallest, largest,
                        last_value)
                    SELECT m.run_key, m.name_key, count(*), min(m.step), max(m.step), min(m.value),
                        max(m.value),
                        (SELECT value FROM metric AS l
                            WHERE l.run_key = m.run_key AND l.name_key = m.name_key
                            ORDER BY l.step DESC LIMIT 1)
                    FROM metric AS m
                    WHERE m.run_key = ? AND m.name_key = ?
                    GROUP BY m.run_key, m.name_key
                    """
            ).execute(arguments: [key, nameKey])
        }
    }
}
