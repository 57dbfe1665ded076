import ArchiveQueries
import Checkpoints
import TestSupport
import Testing

/// The types that results have in Arrow come from the views, never from rows.
struct ColumnTypeTests {
    /// A column that a view computes has no type in SQLite; `ColumnType` has to know it.
    @Test func everyColumnOfEveryViewHasAType() throws {
        let session = try SQLSession(archive: FixtureArchive.shared.get().archive)
        let views = try session.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'view' AND name <> 'runs_wide'"
        ).compactMap { $0[0].string }
        #expect(views.count > 20)
        for view in views {
            let cursor = try session.cursor("SELECT * FROM \(SQLSession.quoted(view)) LIMIT 0")
            for (name, type) in zip(cursor.columns, try cursor.columnTypes(in: session)) {
                // A setting may be of any type.
                if view == "hyperparameters", name == "value" { continue }
                #expect(type != nil, "\(view).\(name)")
            }
        }
    }

    @Test func columnsOfSettingsHaveTheTypeOfAllRuns() throws {
        let session = try SQLSession(archive: FixtureArchive.shared.get().archive)
        let cursor = try session.cursor(
            "SELECT weight_decay, run AS r, last_step, weight_decay + 1 AS more FROM runs_wide LIMIT 0"
        )
        #expect(try cursor.columnTypes(in: session) == [.real, .name, .integer, nil])
    }

    @Test func aComputedColumnHasTheNarrowestTypeOfAllItsValues() {
        let cases: [([ScalarValue], ColumnType?)] = [
            ([], nil), ([.null], nil), ([.integer(1), .null], .integer),
            ([.integer(1), .real(0.5)], .real), ([.text("a"), .null], .text),
            ([.integer(1), .text("a")], nil), ([.blob([1])], .bytes),
            ([.boolean(true), .integer(1)], nil),
        ]
        for (values, type) in cases { #expect(ColumnType.holding(values) == type, "\(values)") }
    }
}
