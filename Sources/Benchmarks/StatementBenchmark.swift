package import ArchiveQueries
internal import CSQLite
package import CheckpointArchive
internal import Checkpoints
internal import GRDB

/// How fast statements are on an archive of many runs, each beside what bounds it.
package enum StatementBenchmark {
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

    /// The times of everyday questions on an archive that `SampleArchive.fill` made.
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
        var measures = [Measure("points of curves", Double(count), "rows")]
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
            let warm = try medianSeconds(repetitions) {
                _ = try session.rows(statement, parameters: parameters)
            }
            measures.append(
                Measure(name + ", session included", cold * 1e3, "ms"))
            measures.append(Measure(name, warm * 1e3, "ms"))
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
            loop.append(try seconds { expected = try loopOverCurves(archive) })
            let reached = found.count { $0[1] != .null }
            guard reached == expected else {
                throw UserError.integrity(
                    subject: "grok_step", cause: "it found \(reached) runs and the loop \(expected)"
                )
            }
        }
        let best = (query: query.min() ?? 0, loop: loop.min() ?? 0)
        return [
            Measure("grok_step of all runs", best.query * 1e3, "ms"),
            Measure("a loop over the same rows in SQLite's C interface", best.loop * 1e3, "ms"),
            Measure("grok_step", best.query / best.loop, "loops"),
        ]
    }

    /// How many runs got there, by a loop written by hand against SQLite's C interface.
    ///
    /// It takes a row at a time, carries the three-in-a-row rule along and keeps nothing.
    /// `CROSS JOIN` keeps SQLite from walking all curves and sorting them, which the query does not
    /// do either.
    private static func loopOverCurves(_ archive: Archive) throws -> Int {
        var connection: OpaquePointer?
        defer { sqlite3_close_v2(connection) }
        guard
            sqlite3_open_v2(archive.paths.indexFile, &connection, SQLITE_OPEN_READONLY, nil)
                == SQLITE_OK
        else {
            throw UserError.missing(
                subject: archive.paths.indexFile, cause: "SQLite cannot open it")
        }
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        let code = sqlite3_prepare_v2(
            connection,
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
            Measure("checkpoints of one run", count, "checkpoints"),
            Measure("fourier of each", best.query * 1e3, "ms"),
            Measure("reading and checking the tensor at once", best.reading * 1e3, "ms"),
            Measure("reading and checking it one by one", best.single * 1e3, "ms"),
            Measure("fourier of each", best.query / best.reading, "readings"),
        ]
    }

    /// The times of everyday questions on any archive, the medians of the repetitions.
    package static func measureEveryday(
        _ session: SQLSession, repetitions: Int
    ) throws -> [Measure] {
        func milliseconds(_ statement: String) throws -> Double {
            try medianSeconds(repetitions) { _ = try session.rows(statement) } * 1e3
        }
        let count =
            try session.rows("SELECT count(*) FROM metrics").first
            .flatMap { $0[0].integer } ?? 0
        return [
            Measure(
                "the newest 20 runs",
                try milliseconds("SELECT * FROM runs ORDER BY created_at DESC LIMIT 20"), "ms"
            ),
            Measure(
                "a filter over hyperparameters",
                try milliseconds(
                    "SELECT run FROM hyperparameters WHERE name = 'weight_decay' AND value > 0.5"),
                "ms"
            ),
            Measure(
                "one run's curve",
                try milliseconds(
                    """
                    SELECT step, value FROM metrics
                    WHERE name = 'test_accuracy' AND run = (SELECT max(run) FROM runs)
                    ORDER BY step
                    """), "ms"
            ),
            Measure("all points of all curves", Double(count), "rows"),
            Measure("counting them", try milliseconds("SELECT count(value) FROM metrics"), "ms"),
        ]
    }
}
