import Foundation
import TestSupport
import Testing

/// MLflow's store in SQLite, as MLflow itself made it and as strangers could.
@Suite struct TrackerDatabaseTests {
    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("Examples/mlflow_database"),
            to: fixture.folder.url.appendingPathComponent("store"))
    }

    private func rows(_ sql: String) throws -> [[String: Any]] {
        let result = try fixture.cairn(["sql", sql, "--json"])
        try #require(result.exitCode == 0, "\(result.error)")
        return try objects(result.output)
    }

    private func change(_ statements: String) throws {
        let script = """
            import sqlite3
            c = sqlite3.connect("store/mlflow.db")
            c.executescript(\"\"\"\(statements)\"\"\")
            c.commit()
            """
        let made = try run(
            "/usr/bin/python3", ["-c", script], folder: fixture.folder.path(""))
        try #require(made.exitCode == 0, "\(made.error)")
    }

    @Test func runsOfADatabaseComeInWithTheirArtifacts() throws {
        let imported = try fixture.cairn(["import", "store", "--verbose"])
        try #require(imported.exitCode == 0, "\(imported.error)")
        #expect(imported.error.contains("1 deleted runs"), "\(imported.error)")
        let runs = try rows("SELECT name, last_step, checkpoint_count FROM runs ORDER BY name")
        #expect(runs.map { $0["name"] as? String } == ["seed0", "seed1"])
        #expect(runs.map { $0["last_step"] as? Int } == [20, 20])
        for seed in 0...1 {
            let values = try rows(
                "SELECT m.name, step, value FROM metrics AS m JOIN runs AS r USING (run) WHERE "
                    + "r.name = 'seed\(seed)' ORDER BY m.name, step")
            let loss = values.filter { $0["name"] as? String == "train_loss" }
            #expect(loss.map { $0["step"] as? Int } == [0, 10, 20])
            for (row, step) in zip(loss, [0, 10, 20]) {
                // Foundation's JSON loses the last digit.
                let value = try #require(row["value"] as? Double)
                #expect(abs(value - 1 / Double(step + 1) - Double(seed)) < 1e-12)
            }
            // No number is NULL in SQL, infinity is kept.
            let accuracy = values.filter { $0["name"] as? String == "test_accuracy" }
            #expect(accuracy.count == 3 && accuracy[1]["value"] is NSNull, "\(accuracy)")
            #expect(values.contains { $0["name"] as? String == "sharpness" })
            let settings = try rows(
                "SELECT h.name, value FROM hyperparameters AS h JOIN runs AS r USING (run) WHERE "
                    + "r.name = 'seed\(seed)' AND h.name IN ('seed', 'lr', 'tag.note')")
            #expect(settings.count == 3, "\(settings)")
            let weights = try rows(
                "SELECT max_norm(run, 20, 'w') AS w FROM runs WHERE name = 'seed\(seed)'")
            #expect(weights.first?["w"] as? Double == Double(seed))
        }
        // It is known when it comes again, also after the store got a further run.
        try change(
            "INSERT INTO runs (run_uuid, name, lifecycle_stage, experiment_id, status) VALUES "
                + "('0123', 'later', 'active', 1, 'FINISHED'); INSERT INTO metrics (key, value, "
                + "timestamp, run_uuid, step, is_nan) VALUES ('loss', 1, 5, '0123', 3, 0);")
        let again = try fixture.cairn(["import", "store"])
        #expect(again.exitCode == 0, "\(again.error)")
        #expect(try rows("SELECT name FROM runs").count == 3)
    }

    /// Nothing in a database runs, no name leads out of the folder, and damage is one sentence.
    @Test(arguments: [
        "ALTER TABLE metrics RENAME TO m; CREATE VIEW metrics AS WITH RECURSIVE t(x) AS (SELECT 1 "
            + "UNION ALL SELECT x + 1 FROM t) SELECT x AS key, x AS value, x AS timestamp, x AS "
            + "run_uuid, x AS step, 0 AS is_nan FROM t;",
        "UPDATE runs SET run_uuid = '../../' || run_uuid;", "DROP TABLE params;",
        "ALTER TABLE runs RENAME TO others;",
        "UPDATE OR IGNORE metrics SET step = 9223372036854775807, value = 'x';",
    ]) func databasesThatLieAreHarmless(statements: String) throws {
        try change("PRAGMA foreign_keys = OFF; \(statements)")
        let imported = try fixture.cairn(["import", "store"])
        #expect(imported.exitCode <= 1, "\(imported.error)")
        // The weights beside it are as they were.
        #expect(
            try rows("SELECT sum(checkpoint_count) AS n FROM runs").first?["n"] as? Int == 2,
            "\(imported.error)")
    }

    @Test func damagedDatabasesAreRefused() throws {
        let path = fixture.folder.path("store/mlflow.db")
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        try FileManager.default.removeItem(atPath: fixture.folder.path("store/mlruns"))
        for seed in 0..<12 {
            var generator = SeededGenerator(seed: seed)
            var bytes = whole
            for _ in 0..<40 {
                bytes[Int.random(in: 100..<bytes.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            if seed % 3 == 0 {
                bytes = bytes.prefix(Int.random(in: 200..<bytes.count, using: &generator))
            }
            try bytes.write(to: URL(fileURLWithPath: path))
            let result = try fixture.cairn(["import", "store", "--dry-run"])
            #expect(result.exitCode <= 1, "seed \(seed): \(result.error)")
        }
    }
}
