internal import ArchiveSchema
internal import GRDB

/// The tables, views and triggers that an index of this version has.
///
/// SQLite parses their definitions anew whenever it opens the index and takes a changed name or
/// column for what was meant, so damage there shows as a statement that fails or answers wrongly.
package enum IndexSchema {
    /// The text of each definition, by name.
    private static let expected = Result {
        let empty = try DatabaseQueue()
        return try empty.write { db in
            for migration in ArchiveSchema.migrations { try db.execute(sql: migration.sql) }
            return try definitions(db)
        }
    }

    /// The definitions of the index at a path that are not those of this version, in words; nil when
    /// all are, or when it cannot be read.
    package static func damage(ofIndexAt path: String) -> String? {
        var configuration = Configuration()
        configuration.readonly = true
        guard let queue = try? DatabaseQueue(path: path, configuration: configuration) else {
            return nil
        }
        defer { try? queue.close() }
        return try? queue.read { try damage($0) }
    }

    /// The first definition that is missing or not that of this version, in words.
    ///
    /// Tables and indexes that other programs added are left alone, and so is an index of another
    /// version.
    static func damage(_ db: Database) throws -> String? {
        guard try Int.fetchOne(db, sql: "PRAGMA user_version") == ArchiveSchema.currentVersion
        else { return nil }
        if let foreign = try foreignDefinition(db) { return foreign }
        let present = try definitions(db)
        for (name, text) in try expected.get().sorted(by: { $0.key < $1.key })
        where name != "runs_wide" && present[name] != text {
            return "the definition of \(name) is not the one that Cairn makes"
        }
        let isRenewed = try Bool.fetchOne(db, sql: "SELECT NOT is_outdated FROM runs_wide_state")
        if isRenewed == true, let wide = try String.fetchOne(db, sql: ArchiveSchema.runsWide),
            wide != present["runs_wide"]
        {
            return "the definition of runs_wide is not the one that Cairn makes"
        }
        return nil
    }

    /// The first trigger, view or virtual table that Cairn does not make, in words.
    ///
    /// They would run with the statements of the program that opens the index.
    static func foreignDefinition(_ db: Database) throws -> String? {
        let present = try Row.fetchAll(
            db,
            sql: """
                SELECT type, name FROM sqlite_schema
                WHERE type IN ('trigger', 'view') OR sql LIKE 'create virtual%' ORDER BY name
                """)
        let own = try expected.get()
        for row in present {
            let name: String = try row.decode(atIndex: 1)
            guard own[name] == nil, name != "runs_wide" else { continue }
            let type: String = try row.decode(atIndex: 0)
            return "it has a \(type == "table" ? "virtual table" : type) that Cairn does not make "
                + "(\(name))"
        }
        return nil
    }

    private static func definitions(_ db: Database) throws -> [String: String] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return Dictionary(
            try rows.map { (try $0.decode(String.self, atIndex: 0), try $0.decode(atIndex: 1)) },
            uniquingKeysWith: { first, _ in first })
    }
}
