internal import CSQLite
package import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import GRDB

/// How fast statements are on an archive of many runs, each beside what bounds it.
package enum StatementBenchmark {
    /// One figure.
    package struct Measure: Sendable {
        package let name: String
        package let value: Double
        package let unit: String
    }

    private static let runsPerTransaction = 500

    // MARK: The archive

    /// Fills a new archive with runs that have settings and curves, straight into the index.
    package static func fill(
        _ archive: Archive, runs count: Int, points: Int,
        progress: (_ done: Int) throws -> Void
    ) throws {
        try archive.write { try $0.execute(sql: names) }
        for first in stride(from: 1, through: count, by: runsPerTransaction) {
            let last = min(first + runsPerTransaction - 1, count)
            try archive.write { database in
                for statement in [runs, settings, curves, summaries] {
                    try database.execute(
                        sql: statement,
                        arguments: StatementArguments(
                            ["first": first, "last": last, "points": points].filter {
                                statement.contains(":" + $0.key)
                            }))
                }
            }
            try progress(last)
        }
    }

    private static let names = """
        INSERT INTO metric_name (name) VALUES
            ('train_loss'), ('train_accuracy'), ('test_loss'), ('test_accuracy')
        """

    /// Ids are spread as real ones are.
    private static let runs = """
        WITH RECURSIVE number (n) AS (
            SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last
        )
        INSERT INTO run (run_key, id, name, status, task, network, seed, created_at)
        SELECT
            n, printf('%08x%08x', (n * 2654435761) % 4294967296, n), 'run ' || n, 'finished',
            'add mod 113', 'transformer', n % 50, 1700000000 + n
        FROM number
        """

    private static let settings = """
        WITH names (name, position) AS (
            VALUES ('weight_decay', 0), ('train_fraction', 1), ('learning_rate', 2), ('width', 3),
                ('modulus', 4), ('optimizer', 5), ('beta1', 6), ('beta2', 7), ('steps', 8),
                ('heads', 9), ('depth', 10), ('batch_size', 11)
        )
        INSERT INTO hyperparameter (run_key, name, position, type, value)
        SELECT
            r.run_key, n.name, n.position, iif(n.name = 'optimizer', 'text', 'real'),
            CASE n.name
                WHEN 'weight_decay' THEN (r.run_key % 10) / 5.0
                WHEN 'train_fraction' THEN 0.2 + (r.run_key / 10 % 12) / 20.0
                WHEN 'optimizer' THEN 'adamw'
                WHEN 'learning_rate' THEN 0.001 * (1 + r.run_key / 120 % 4)
                ELSE 1.0 * n.position
            END
        FROM run AS r, names AS n
        WHERE r.run_key BETWEEN :first AND :last
        """

    /// Accuracies rise at a step of each run's own; one run in seven never generalises.
    private static let curves = """
        WITH RECURSIVE place (i) AS (
            SELECT 0 UNION ALL SELECT i + 1 FROM place WHERE i < :points - 1
        )
        INSERT INTO metric (run_key, name_key, step, value)
        SELECT
            r.run_key, n.name_key, 10 * p.i,
            CASE n.name
                WHEN 'train_loss' THEN 5.0 / (1 + p.i)
                WHEN 'train_accuracy' THEN min(1.0, 0.01 + p.i / 20.0)
                WHEN 'test_loss' THEN 5.0 - p.i / 1000.0
                ELSE 0.01 + (r.run_key % 7 > 0)
                    / (1 + exp((:points * (0.2 + r.run_key % 13 / 20.0) - p.i) / 8))
            END
        FROM run AS r CROSS JOIN metric_name AS n CROSS JOIN place AS p
        WHERE r.run_key BETWEEN :first AND :last
        """

    private static let summaries = """
        INSERT INTO metric_summary
            (run_key, name_key, point_count, first_step, last_step, last_value)
        SELECT m.run_key, m.name_key, :points, 0, m.step, m.value
        FROM metric AS m
        WHERE m.run_key BETWEEN :first AND :last AND m.step = 10 * (:points - 1)
        """

    /// Adds a run with real checkpoint files: the weights of the canonical network at random.
    package static func addCheckpoints(
        _ archive: Archive, count: Int, progress: (_ done: Int) throws -> Void
    ) throws -> String {
        let id = "ffffffffffffffff"
        var generator = SystemRandomNumberGenerator()
        func tensor(_ name: String, _ shape: [Int]) -> Tensor {
            Tensor(
                name: name, shape: shape,
                values: (0..<shape.reduce(1, *)).map { _ in
                    Float.random(in: -1...1, using: &generator)
                })
        }
        let writer = archive.writer()
        try writer.begin(
            RunDescription(id: id, name: "checkpoints", createdAt: 0, task: "", network: ""))
        let rest = tensor("rest", [212_224])
        for step in 0..<count {
            try writer.save(
                Checkpoint(step: step, weights: [tensor("embedding", [114, 128]), rest]))
            try progress(step + 1)
        }
        try writer.finish(.finished, metrics: [])
        _ = try archive.pack(archive.run(matching: id))
        return id
    }

    // MARK: The questions

    private static let filter = """
        SELECT r.run, r.name, r.last_step FROM runs AS r
        JOIN hyperparameters AS d ON d.run = r.run AND d.name = 'weight_decay' AND d.value = 1
        JOIN hyperparameters AS f ON f.run = r.run AND f.name = 'train_fraction' AND f.value <= 0.4
        """
    private static let wideFilter = """
        SELECT run, last_test_accuracy FROM runs_wide
        WHERE weight_decay = 1 AND train_fraction <= 0.4 AND optimizer = 'adamw'
        """
    private static let curve = """
        SELECT step, value FROM metrics WHERE run = :run AND name = 'test_accuracy' ORDER BY step
        """
    private static let times = """
        SELECT run, grok_step(step, value) FROM metrics WHERE name = 'test_accuracy' GROUP BY run
        """
    private static let spectra = """
        SELECT sum(f.share) FROM checkpoints AS c, fourier(c.run, c.step, 'embedding') AS f
        WHERE c.run = :run
        """

    /// The times of everyday questions on an archive that `fill` made.
    ///
    /// `cold` opens a session of its own, `warm` is the median of the repetitions in one session.
    package static func measureIndex(
        _ archive: Archive, repetitions: Int
    ) throws -> [Measure] {
        let run =
            try SQLSession(archive: archive).rows(
                "SELECT max(run) FROM runs WHERE last_step IS NULL"
            ).first?.first ?? .null
        let count =
            try archive.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM metric") } ?? 0
        var measures = [Measure(name: "points of curves", value: Double(count), unit: "rows")]
        let questions = [
            ("a filter over hyperparameters", filter, [:]),
            ("the same on runs_wide", wideFilter, [:]),
            ("one run's curve", curve, ["run": run]),
        ]
        for (name, statement, parameters) in questions {
            let cold = try seconds {
                _ = try SQLSession(archive: archive).rows(statement, parameters: parameters)
            }
            let session = try SQLSession(archive: archive)
            let warm = try median(repetitions) {
                _ = try session.rows(statement, parameters: parameters)
            }
            measures.append(
                Measure(name: name + ", session included", value: cold * 1e3, unit: "ms"))
            measures.append(Measure(name: name, value: warm * 1e3, unit: "ms"))
        }
        return measures + (try measureTimes(archive, repetitions: min(repetitions, 3)))
    }

    /// `grok_step` over all runs beside a loop over the same rows, alternating.
    private static func measureTimes(_ archive: Archive, repetitions: Int) throws -> [Measure] {
        let session = try SQLSession(archive: archive)
        var query: [Double] = []
        var loop: [Double] = []
        for _ in 0..<max(repetitions, 1) {
            var found: [[ScalarValue]] = []
            query.append(try seconds { found = try session.rows(times) })
            var expected = 0
            loop.append(try seconds { expected = try loopOverCurves(session.connection) })
            let reached = found.count { $0[1] != .null }
            guard reached == expected else {
                throw UserError.integrity(
                    subject: "grok_step", cause: "it found \(reached) runs and the loop \(expected)"
                )
            }
        }
        let best = (query: query.min() ?? 0, loop: loop.min() ?? 0)
        return [
            Measure(name: "grok_step of all runs", value: best.query * 1e3, unit: "ms"),
            Measure(
                name: "a loop over the same rows in SQLite's C interface", value: best.loop * 1e3,
                unit: "ms"),
            Measure(name: "grok_step", value: best.query / best.loop, unit: "loops"),
        ]
    }

    /// How many runs got there, by a loop written by hand against SQLite's C interface.
    ///
    /// It takes a row at a time, carries the three-in-a-row rule along and keeps nothing.
    /// `CROSS JOIN` keeps SQLite from walking all curves and sorting them, which the query does not
    /// do either.
    private static func loopOverCurves(_ connection: SQLiteConnection) throws -> Int {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        let code = sqlite3_prepare_v2(
            connection.handle,
            """
            SELECT m.run_key, m.step, m.value FROM run AS r
            CROSS JOIN metric AS m ON m.run_key = r.run_key AND m.name_key =
                (SELECT name_key FROM metric_name WHERE name = 'test_accuracy')
            ORDER BY r.id, m.step
            """, -1, &statement, nil)
        guard code == SQLITE_OK else {
            throw UserError.missing(subject: "the loop's statement", cause: "SQLite refused it")
        }
        var run: Int64 = -1
        var length = 0
        var first: Int64 = 0
        var isReached = false
        var count = 0
        while sqlite3_step(statement) == SQLITE_ROW {
            let key = sqlite3_column_int64(statement, 0)
            if key != run {
                if isReached || length > 0 { count += 1 }
                run = key
                length = 0
                isReached = false
            }
            guard !isReached, sqlite3_column_type(statement, 2) != SQLITE_NULL else { continue }
            if sqlite3_column_double(statement, 2) >= 0.99 {
                if length == 0 { first = sqlite3_column_int64(statement, 1) }
                length += 1
                isReached = length == 3
            } else {
                length = 0
            }
        }
        return isReached || length > 0 || first < 0 ? count + 1 : count
    }

    /// `fourier` over every checkpoint of a run beside reading the same tensor from its files.
    package static func measureSpectra(
        _ archive: Archive, run: String, repetitions: Int
    ) throws -> [Measure] {
        var reading: [Double] = []
        var query: [Double] = []
        var single: [Double] = []
        let stored = try archive.run(matching: run)
        for _ in 0..<max(min(repetitions, 3), 1) {
            reading.append(try seconds { _ = try stored.trajectory(of: "embedding") })
            single.append(
                try seconds {
                    for step in stored.steps { _ = try stored.tensor("embedding", at: step) }
                })
            let session = try SQLSession(archive: archive)
            query.append(
                try seconds { _ = try session.rows(spectra, parameters: ["run": .text(run)]) })
        }
        let count = Double(stored.steps.count)
        let best = (
            reading: reading.min() ?? 0, query: query.min() ?? 0, single: single.min() ?? 0
        )
        return [
            Measure(name: "checkpoints of one run", value: count, unit: "checkpoints"),
            Measure(name: "fourier of each", value: best.query * 1e3, unit: "ms"),
            Measure(
                name: "reading and checking the tensor at once", value: best.reading * 1e3,
                unit: "ms"),
            Measure(
                name: "reading and checking it one by one", value: best.single * 1e3, unit: "ms"),
            Measure(name: "fourier of each", value: best.query / best.reading, unit: "readings"),
        ]
    }

    // MARK: Timing

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let elapsed = try ContinuousClock().measure(body).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }

    private static func median(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
        let times = try (0..<max(count, 1)).map { _ in try seconds(body) }
        return times.sorted()[times.count / 2]
    }
}
