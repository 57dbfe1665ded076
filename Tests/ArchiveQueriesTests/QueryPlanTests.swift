import ArchiveQueries
import ArchiveSchema
internal import Checkpoints
import TestSupport
import Testing

/// The plans of everyday questions: no full scan of curves or weights.
struct QueryPlanTests {
    private func plan(_ sql: String) throws -> [String] {
        try FixtureArchive.shared.get().session().rows("EXPLAIN QUERY PLAN " + sql).compactMap {
            if case .text(let text) = $0[3] { text } else { nil }
        }
    }

    private static let questions: [String] = [
        "SELECT step, value FROM metrics WHERE run = 'x' AND name = 'test_loss'",
        "SELECT run, grok_step(step, value) FROM metrics WHERE name = 'test_accuracy' GROUP BY run",
        "SELECT run FROM hyperparameters WHERE name = 'weight_decay' AND value = 0.5",
        "SELECT run FROM runs WHERE name = 'slow'",
        """
        SELECT m.value FROM hyperparameters AS h JOIN metrics AS m USING (run)
        WHERE h.name = 'weight_decay' AND h.value > 0.5 AND m.name = 'test_loss' AND m.step = 100
        """,
        "SELECT last_value FROM metric_summaries WHERE run = 'x'",
        "SELECT digest FROM checkpoints WHERE run = 'x' AND step BETWEEN 10 AND 20",
        "SELECT l2 FROM weight_norms WHERE run = 'x' AND step = 3",
        """
        SELECT r.run FROM runs AS r
        JOIN hyperparameters AS d ON d.run = r.run AND d.name = 'weight_decay' AND d.value = 1
        JOIN hyperparameters AS f ON f.run = r.run AND f.name = 'train_fraction' AND f.value < 0.4
        """,
        "SELECT run, last_test_accuracy FROM runs_wide WHERE weight_decay = 1 AND seed < 3",
        """
        SELECT f.power FROM checkpoints AS c, fourier(c.run, c.step, 'embedding') AS f
        WHERE c.run = 'x' AND f.frequency = 3
        """,
    ]

    @Test(arguments: questions)
    func nothingLargeIsScanned(question: String) throws {
        let large = ["m", "metric", "c", "checkpoint", "h", "hyperparameter", "w", "a", "s"]
        for step in try plan(question) {
            for table in large {
                #expect(
                    step != "SCAN \(table)" && !step.hasPrefix("SCAN \(table) "),
                    "\(step) of \(question)")
            }
        }
    }

    @Test func aCurveIsReadInItsOrderWithoutSorting() throws {
        let steps = try plan(
            "SELECT step, value FROM metrics WHERE run = 'x' AND name = 'test_loss' ORDER BY step")
        #expect(
            steps.contains { $0.contains("m USING PRIMARY KEY (run_key=? AND name_key=?)") },
            "\(steps)")
        #expect(!steps.contains { $0.contains("TEMP B-TREE") }, "\(steps)")
    }

    @Test func timesOfAllRunsAreGroupedWithoutSorting() throws {
        let steps = try plan(
            "SELECT run, grok_step(step, value) FROM metrics WHERE name = 'test_accuracy' GROUP BY run"
        )
        #expect(!steps.contains { $0.contains("TEMP B-TREE") }, "\(steps)")
    }

    /// Saved questions go through the curves they ask about and no others.
    ///
    /// `not_finite` has to see every point: NaN leaves no trace in the summaries.
    @Test(arguments: SavedQuery.all.filter { $0.name != "not_finite" })
    func noSavedQuestionScansAllPoints(query: SavedQuery) throws {
        let session = try FixtureArchive.shared.get().session()
        let values = Dictionary(
            uniqueKeysWithValues: query.parameters.map {
                ($0.name, ScalarValue(written: $0.defaultText ?? FixtureArchive.slow))
            })
        let steps = try session.rows("EXPLAIN QUERY PLAN " + query.sql, parameters: values)
            .compactMap { if case .text(let text) = $0[3] { text } else { nil } }
        #expect(!steps.contains { $0.hasPrefix("SCAN m ") || $0 == "SCAN m" }, "\(steps)")
        #expect(!steps.contains { $0.hasPrefix("SCAN metric ") || $0 == "SCAN metric" })
    }
}
