import ArchiveQueries
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Sessions on a small database of known content.
struct SQLSessionTests {
    private let folder: TemporaryFolder
    private let index: String

    init() throws {
        folder = try TemporaryFolder()
        index = folder.path("index ?#%.sqlite")
        let database = try DatabaseQueue(path: index)
        try database.write { connection in
            try connection.execute(
                sql: """
                    CREATE TABLE points (run TEXT, step INTEGER, loss REAL);
                    INSERT INTO points VALUES ('a', 0, 4.5), ('a', 1, NULL), ('b', 0, 9e999);
                    """)
        }
        try database.close()
    }

    private func session(
        _ options: SQLSession.Options = .init(), interruption: Interruption = .init()
    ) throws -> SQLSession {
        try SQLSession(index: index, options: options, interruption: interruption)
    }

    @Test func valuesKeepTheirTypes() throws {
        let rows = try session().rows("SELECT 1, 2.0, 'x', NULL, x'00ff', loss FROM points")
        #expect(
            rows == [
                [.integer(1), .real(2), .text("x"), .null, .blob([0, 255]), .real(4.5)],
                [.integer(1), .real(2), .text("x"), .null, .blob([0, 255]), .null],
                [.integer(1), .real(2), .text("x"), .null, .blob([0, 255]), .real(.infinity)],
            ])
    }

    @Test func theNextStatementReadsTheIndexThatHasTakenThePlace() throws {
        let session = try session()
        #expect(try session.rows("SELECT count(*) FROM points") == [[.integer(3)]])
        let cursor = try session.cursor("SELECT run FROM points ORDER BY rowid")
        #expect(try cursor.next() == [.text("a")])
        let other = folder.path("other.sqlite")
        let database = try DatabaseQueue(path: other)
        try database.write { connection in
            try connection.execute(sql: "CREATE TABLE points (run TEXT, step INTEGER, loss REAL)")
        }
        try database.close()
        try FileManager.default.removeItem(atPath: index)
        let error = #expect(throws: UserError.self) {
            try session.rows("SELECT count(*) FROM points")
        }
        #expect(error?.cause == "the index is missing")
        try FileManager.default.moveItem(atPath: other, toPath: index)
        #expect(try session.rows("SELECT count(*) FROM points") == [[.integer(0)]])
        #expect(try session.rows("SELECT grok_step(step, loss) FROM points") == [[.null]])
        // What had begun before ends with what it began with.
        #expect(try cursor.next() == [.text("a")])
        #expect(try cursor.next() == [.text("b")])
        #expect(try cursor.next() == nil)
    }

    @Test func theFirstRowComesBeforeTheLastIsComputed() throws {
        // Ten billion rows: a session that computed all of them first would never answer.
        let cursor = try session().cursor(
            """
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000000000)
            SELECT x FROM n
            """)
        #expect(cursor.columns == ["x"])
        #expect(try cursor.next() == [.integer(1)])
        #expect(try cursor.next() == [.integer(2)])
    }

    private static let written: [(String, ScalarValue)] = [
        ("12", ScalarValue.integer(12)), ("-1e-3", .real(-1e-3)), ("NULL", .null),
        ("'113'", .text("113")),
        ("it's", .text("it's")), ("'it''s'", .text("it's")), ("", .text("")), ("nan", .text("nan")),
        ("infinity", .text("infinity")), ("0x10", .text("0x10")), ("é", .text("é")),
    ]

    @Test(arguments: written)
    func parametersAreTypedAsWritten(text: String, expected: ScalarValue) throws {
        #expect(ScalarValue(written: text) == expected)
        let rows = try session().rows("SELECT :value", parameters: ["value": expected])
        #expect(rows == [[expected]])
    }

    @Test func textWithEveryKindOfCharacterSurvives() throws {
        let text = "quote ' \" ; -- /* \0 é 日本 🪨"
        #expect(
            try session().rows(
                "SELECT :t, length(CAST(:t AS BLOB))", parameters: ["t": .text(text)])
                == [[.text(text), .integer(text.utf8.count)]])
    }

    private static let mistakes: [(String, String)] = [
        (
            "SELECT lss FROM points",
            "line 1, column 8 at `lss`: no such column: lss; did you mean loss?"
        ),
        ("SELECT loss\nFROM point", "no such table: point; did you mean points?"),
        (
            "SELECT loss\nFROM points\n WHERE stp > 1",
            "line 3, column 8 at `stp`: no such column: stp; did you mean step?"
        ),
        ("SELECT medain(loss) FROM points", "no such function: medain"),
        (
            "SELECT cuont(*) FROM points",
            "line 1, column 8 at `cuont(*`: no such function: cuont; did you mean count?"
        ),
        ("SELEC 1", "line 1, column 1 at `SELEC`: near \"SELEC\": syntax error"),
        ("SELECT 'é', lss FROM points", "line 1, column 13 at `lss`"),
        ("SELECT \"lss\" FROM points", "no such column: lss"),
        ("", "it is empty"), ("-- nothing", "it is empty"),
        ("SELECT 1; SELECT 2", "more text follows"),
        ("SELECT :x", "parameter x: it has no value; give it with -p x=…"),
        ("SELECT ?", "its parameter 1 has no name"),
        ("SELECT 1\0 FROM points", "it contains a NUL character"),
    ]

    @Test(arguments: mistakes)
    func errorsNameThePlaceAndNearNames(sql: String, expected: String) throws {
        let session = try session()
        let error = try #require(throws: UserError.self) { try session.rows(sql) }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test func aParameterThatTheStatementLacksIsNamed() throws {
        let session = try session()
        let error = try #require(throws: UserError.self) {
            try session.rows("SELECT :seed", parameters: ["seed": .integer(1), "sed": .integer(1)])
        }
        #expect(error.description == "parameter sed: the statement has no :sed; did you mean seed?")
    }

    @Test func aTimeLimitEndsAStatement() throws {
        let session = try session(.init(timeLimit: .milliseconds(50)))
        let start = ContinuousClock.now
        let error = try #require(throws: UserError.self) { try session.rows(Self.endless) }
        #expect(error.description.contains("longer than its limit"))
        #expect(ContinuousClock.now - start < .seconds(5))
        // The clock starts anew with each statement.
        #expect(try session.rows("SELECT 1") == [[.integer(1)]])
    }

    @Test func anInterruptionEndsAStatementAtOnce() throws {
        let interruption = Interruption()
        let session = try session(interruption: interruption)
        let thread = Thread {
            Thread.sleep(forTimeInterval: 0.05)
            interruption.request()
        }
        thread.start()
        #expect(throws: Interrupted.self) { try session.rows(Self.endless) }
        interruption.reset()
        #expect(try session.rows("SELECT 1") == [[.integer(1)]])
    }

    private static let endless = """
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n
        """

    @Test func scriptsRunStatementByStatement() throws {
        var seen: [[ScalarValue]] = []
        try session().run(
            script: "SELECT :a; -- a comment\n\nSELECT 2;\n-- the end\n",
            parameters: ["a": .integer(1)]
        ) { cursor in
            while let row = try cursor.next() { seen.append(row) }
        }
        #expect(seen == [[.integer(1)], [.integer(2)]])
    }

    @Test func attachedFilesAreReadUnderTheirName() throws {
        let other = folder.path("other's.sqlite")
        let database = try DatabaseQueue(path: other)
        try database.write { try $0.execute(sql: "CREATE TABLE t AS SELECT 7 AS x") }
        try database.close()
        let session = try session(.init(attachments: [.init(written: "o=\(other)")]))
        #expect(try session.rows("SELECT x FROM o.t") == [[.integer(7)]])
        #expect(throws: UserError.self) { try session.rows("DELETE FROM o.t") }
        #expect(throws: UserError.self) {
            try self.session(.init(attachments: [.init(alias: "n", path: folder.path("none"))]))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path("none")))
        #expect(throws: UserError.self) { try SQLSession.Attachment(written: "file") }
    }

    @Test func namesAreQuoted() {
        #expect(SQLSession.quoted("a\"b") == "\"a\"\"b\"")
    }
}
