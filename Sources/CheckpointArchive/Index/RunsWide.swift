internal import ArchiveSchema
internal import GRDB

/// The view `runs_wide`, whose columns are the names that the archive has.
///
/// Programs that only read see it like any other view. Triggers note when a name comes or goes, and
/// the writer makes the view anew in the transaction that changed the names.
enum RunsWide {
    /// Makes the view for the names of now, if they changed since it was made.
    static func update(_ db: Database) throws {
        let state = try db.cachedStatement(sql: "SELECT is_outdated FROM runs_wide_state")
        guard try Bool.fetchOne(state) ?? true else { return }
        let wanted = try String.fetchOne(db, sql: ArchiveSchema.runsWide)
        let present = try String.fetchOne(
            db, sql: "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = 'runs_wide'")
        if let wanted, wanted != present {
            // A change of the schema makes every open connection compile its statements again.
            try db.execute(sql: "DROP VIEW IF EXISTS runs_wide")
            try db.execute(sql: wanted)
        }
        try db.execute(sql: "UPDATE runs_wide_state SET is_outdated = 0")
    }
}
