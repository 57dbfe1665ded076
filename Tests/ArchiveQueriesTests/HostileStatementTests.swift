import ArchiveQueries
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Statements that try to do more than read.
struct HostileStatementTests {
    /// `FILE` stands for a path that must stay absent, `SECRET` for a file outside the archive.
    static let statements = [
        "INSERT INTO points VALUES ('x', 1, 1)",
        "UPDATE points SET loss = 0",
        "DELETE FROM points",
        "REPLACE INTO points VALUES ('x', 1, 1)",
        "DROP TABLE points",
        "ALTER TABLE points ADD COLUMN extra",
        "ALTER TABLE points RENAME TO gone",
        "CREATE TABLE t (x)",
        "CREATE TEMP TABLE t (x)",
        "CREATE TABLE t AS SELECT * FROM points",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE INDEX i ON points(step)",
        "CREATE TRIGGER t AFTER INSERT ON points BEGIN DELETE FROM points; END",
        "CREATE VIRTUAL TABLE t USING fts5(x)",
        "CREATE VIRTUAL TABLE t USING rtree(a, b, c)",
        "DROP VIEW IF EXISTS v",
        "ATTACH 'FILE' AS other",
        "ATTACH 'file:FILE?mode=rwc' AS other",
        "ATTACH 'SECRET' AS other",
        "ATTACH ':memory:' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'FILE'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "BEGIN EXCLUSIVE",
        "COMMIT",
        "SAVEPOINT s",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA journal_mode(WAL)",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version = 9",
        "PRAGMA trusted_schema = 1",
        "PRAGMA temp_store_directory = 'FILE'",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA optimize",
        "PRAGMA incremental_vacuum",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA cache_spill = 0",
        "PRAGMA shrink_memory",
        "PRAGMA hard_heap_limit = 1",
        "SELECT load_extension('FILE')",
        "SELECT load_extension('FILE', 'main')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT readfile('SECRET')",
        "SELECT writefile('FILE', 'x')",
        "SELECT edit('x', 'touch FILE')",
        "SELECT * FROM fsdir('/')",
        "WITH d AS (DELETE FROM points RETURNING *) SELECT * FROM d",
        "DELETE FROM points RETURNING *",
        "INSERT INTO points SELECT * FROM points",
        "UPDATE sqlite_schema SET sql = 'x'",
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, 'x')",
        "UPDATE sqlite_dbpage SET data = zeroblob(4096) WHERE pgno = 1",
        "SELECT 1; DELETE FROM points",
        "EXPLAIN DELETE FROM points",
        "EXPLAIN QUERY PLAN ATTACH 'FILE' AS other",
        "SELECT zeroblob(2000000000)",
        "SELECT length(randomblob(1000000000))",
        "SELECT hex(zeroblob(200000000))",
    ]

    @Test(arguments: statements)
    func isRefusedAndChangesNothing(statement: String) throws {
        let folder = try TemporaryFolder()
        let archive = folder.path("archive")
        try FileManager.default.createDirectory(atPath: archive, withIntermediateDirectories: true)
        let index = archive + "/index.sqlite"
        let secret = folder.path("secret")
        for path in [index, secret] {
            let database = try DatabaseQueue(path: path)
            try database.write { connection in
                try connection.execute(
                    sql: """
                        CREATE TABLE points (run TEXT, step INTEGER, loss REAL);
                        CREATE INDEX points_by_run ON points (run);
                        INSERT INTO points VALUES ('a', 0, 4.5);
                        """)
            }
            try database.close()
        }
        let before = try contents(of: folder.path)
        let session = try SQLSession(index: index, options: .init(timeLimit: .seconds(5)))
        let sql = statement.replacing("FILE", with: folder.path("made"))
            .replacing("SECRET", with: secret)
        #expect(throws: UserError.self) { try session.rows(sql) }
        #expect(throws: UserError.self) {
            try session.run(script: sql) { cursor in while try cursor.next() != nil {} }
        }
        #expect(try contents(of: folder.path) == before)
        #expect(try session.rows("SELECT run, step FROM points") == [[.text("a"), .integer(0)]])
    }

    /// The same with every function registered: none of them writes, loads or reads elsewhere.
    @Test(arguments: [
        "DELETE FROM fourier WHERE run = 'slow'", "INSERT INTO grokking (run) VALUES ('slow')",
        "UPDATE tensor_values SET value = 0 WHERE run = 'slow' AND step = 0 AND tensor = 'bias'",
        "CREATE VIRTUAL TABLE temp.x USING fourier", "DROP TABLE fourier",
        "SELECT * FROM fourier('../../etc', 0, 'embedding')",
        "SELECT l2_norm('/etc/passwd', 0, 'bias')", "DROP VIEW runs_wide",
        "CREATE TEMP VIEW runs_wide AS SELECT 1", "DELETE FROM runs_wide", "DELETE FROM runs",
        "INSERT INTO analysis SELECT * FROM analysis", "UPDATE metric SET value = 1",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    ])
    func functionsOpenNoDoor(statement: String) throws {
        let fixture = try FixtureArchive.shared.get()
        let before = try Data(contentsOf: URL(fileURLWithPath: fixture.index))
        let session = try fixture.session(.init(timeLimit: .milliseconds(200)))
        #expect(throws: UserError.self) { try session.rows(statement) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.index)) == before)
    }

    @Test(arguments: [
        "SELECT * FROM pragma_table_info('points')", "PRAGMA table_info(points)",
        "SELECT name FROM pragma_function_list", "PRAGMA user_version", "EXPLAIN SELECT 1",
        "SELECT * FROM sqlite_schema", "SELECT value FROM json_each('[1]')", "VALUES (1)",
        "WITH x AS (SELECT 1) SELECT * FROM x",
    ])
    func readingStaysAllowed(statement: String) throws {
        let folder = try TemporaryFolder()
        let index = folder.path("index.sqlite")
        let database = try DatabaseQueue(path: index)
        try database.write { try $0.execute(sql: "CREATE TABLE points (run TEXT)") }
        try database.close()
        #expect(try !SQLSession(index: index).rows(statement).isEmpty)
    }

    /// Every file below a folder with its bytes.
    private func contents(of folder: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            found[name] = FileManager.default.contents(atPath: folder + "/" + name) ?? Data()
        }
        return found
    }
}
