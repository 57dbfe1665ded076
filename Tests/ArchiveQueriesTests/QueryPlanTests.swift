import ArchiveQueries
import ArchiveSchema
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
}
