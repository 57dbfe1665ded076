internal import GRDB

/// Moves rows of the ledger of analyses from one archive's index to another's.
enum AnalysisRows {
    /// Rows of one table.
    struct Table: Sendable {
        let name: String
        let columns: [String]
        let rows: [[DatabaseValue]]
    }

    /// Everything that was computed about one run, with its results.
    struct Ledger: Sendable {
        let analyses: Table
        let results: [Table]
    }

    /// What makes two rows the same answer: every column but the keys and the marks of being
    /// outdated, shown or asked for again.
    private static let ownColumns: Set<String> = [
        "analysis_key", "run_key", "stale", "superseded_by", "asked_at", "shown",
    ]
    /// Neither a key nor NULL: the newer answer is not known yet.
    private static let pending = -1

    static func read(run key: Int64, _ db: Database) throws -> Ledger {
        let analyses = try table("analysis", "run_key = ?", key, db)
        let results = try resultTables(db).map {
            try table(
                $0, "analysis_key IN (SELECT analysis_key FROM analysis WHERE run_key = ?)", key, db
            )
        }
        return Ledger(analyses: analyses, results: results)
    }

    /// Adds the answers that a run does not have; returns how many.
    ///
    /// Of two answers to the same question the one computed last is the current one.
    static func add(_ theirs: Ledger, to key: Int64, _ db: Database) throws -> Int {
        let ours = try table("analysis", "run_key = ?", key, db)
        let columns = theirs.analyses.columns
        let compared = columns.filter { !ownColumns.contains($0) }
        var keys: [[DatabaseValue]: Int64] = [:]
        for row in ours.rows {
            keys[values(compared, ours.columns, row)] =
                Int64.fromDatabaseValue(values(["analysis_key"], ours.columns, row)[0])
        }
        var newKeys: [Int64: Int64] = [:]
        var added: [(key: Int64, supersededBy: Int64?)] = []
        for row in theirs.analyses.rows {
            let special = values(["analysis_key", "superseded_by"], columns, row)
            guard let oldKey = Int64.fromDatabaseValue(special[0]) else { continue }
            if let present = keys[values(compared, columns, row)] {
                newKeys[oldKey] = present
                continue
            }
            let inserted = zip(columns, row).filter { $0.0 != "analysis_key" }.map {
                name, value -> (String, DatabaseValue) in
                switch name {
                case "run_key": (name, key.databaseValue)
                case "superseded_by": (name, pending.databaseValue)
                default: (name, value)
                }
            }
            try insert("analysis", inserted, db)
            newKeys[oldKey] = db.lastInsertedRowID
            added.append((db.lastInsertedRowID, Int64.fromDatabaseValue(special[1])))
        }
        let addedKeys = Set(added.map(\.key))
        for table in theirs.results {
            for row in table.rows {
                let named = zip(table.columns, row).map { ($0, $1) }
                guard
                    let old = named.first(where: { $0.0 == "analysis_key" })?.1,
                    let oldKey = Int64.fromDatabaseValue(old), let newKey = newKeys[oldKey],
                    addedKeys.contains(newKey)
                else { continue }
                try insert(
                    table.name,
                    named.map { $0.0 == "analysis_key" ? ($0.0, newKey.databaseValue) : $0 }, db)
            }
        }
        for answer in added {
            try settle(answer.key, supersededBy: answer.supersededBy.flatMap { newKeys[$0] }, db)
        }
        return added.count
    }

    /// Makes an added answer the current one to its question, or an older one.
    private static func settle(_ key: Int64, supersededBy: Int64?, _ db: Database) throws {
        var newer = supersededBy
        if newer == nil {
            // At most one other answer to the question is current.
            let rival = try Row.fetchOne(
                db,
                sql: """
                    SELECT o.analysis_key, o.computed_at > n.computed_at
                    FROM analysis AS n JOIN analysis AS o ON o.run_key = n.run_key
                        AND o.kind = n.kind AND o.step IS n.step AND o.parameters = n.parameters
                        AND o.split IS n.split AND o.dtype IS n.dtype AND o.seed IS n.seed
                        AND o.source = n.source AND o.superseded_by IS NULL
                    WHERE n.analysis_key = ?
                    """, arguments: [key])
            if let rival, rival[1] as Bool {
                newer = rival[0]
            } else if let rival {
                try setNewer(key, of: rival[0], db)
            }
        }
        try setNewer(newer, of: key, db)
    }

    private static func setNewer(_ newer: Int64?, of key: Int64, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE analysis SET superseded_by = ? WHERE analysis_key = ?",
            arguments: [newer, key])
    }

    // MARK: - Tables

    /// The tables whose rows belong to rows of `analysis`.
    static func resultTables(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT t.name FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f
                WHERE t.type = 'table' AND f."table" = 'analysis' AND f."from" = 'analysis_key'
                ORDER BY t.name
                """)
    }

    private static func table(
        _ name: String, _ condition: String, _ key: Int64, _ db: Database
    ) throws -> Table {
        let statement = try db.cachedStatement(
            sql: "SELECT * FROM \(name.quotedDatabaseIdentifier) WHERE \(condition)")
        let rows = try Row.fetchAll(statement, arguments: [key])
        return Table(
            name: name, columns: statement.columnNames, rows: rows.map { Array($0.databaseValues) })
    }

    private static func values(
        _ names: [String], _ columns: [String], _ row: [DatabaseValue]
    ) -> [DatabaseValue] {
        names.map { name in columns.firstIndex(of: name).map { row[$0] } ?? .null }
    }

    private static func insert(
        _ table: String, _ values: [(String, DatabaseValue)], _ db: Database
    ) throws {
        let columns = values.map { $0.0.quotedDatabaseIdentifier }.joined(separator: ", ")
        let placeholders = values.map { _ in "?" }.joined(separator: ", ")
        try db.cachedStatement(
            sql: """
                INSERT INTO \(table.quotedDatabaseIdentifier) (\(columns)) VALUES (\(placeholders))
                """
        ).execute(arguments: StatementArguments(values.map(\.1)))
    }
}
