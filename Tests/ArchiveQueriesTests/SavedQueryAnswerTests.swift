import ArchiveQueries
import ArchiveSchema
import CheckpointArchive
internal import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Every saved question on the fixture archive, compared with its stored answer.
///
/// `RECORD_ANSWERS=1 swift test --filter SavedQueryAnswerTests` writes the answers anew.
struct SavedQueryAnswerTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Answers")

    /// The fixture with norms, spectra and grokking times computed, with curvature and progress put
    /// in by hand.
    static let analysed = Result {
        let fixture = try FixtureArchive()
        let analyzer = Analyzer(fixture.archive)
        for kind in [AnalysisKind.norms, .fourier, .grokking] {
            _ = try analyzer.run(AnalysisRequest(kind.usual))
        }
        try fixture.archive.write { database in
            try database.execute(
                sql: """
                    INSERT INTO analysis (run_key, step, digest, kind, parameters, code_version,
                        split, dtype, seed, computed_at, stale)
                    SELECT c.run_key, c.step, lower(hex(c.digest)), 'hessian', '{"top":1}', '1',
                        'train', 'float64', 0, 0, c.step = 800
                    FROM checkpoint AS c JOIN run AS r USING (run_key)
                    WHERE r.name = 'slow' AND c.step IN (0, 800);
                    INSERT INTO hessian_eigenvalue (analysis_key, operator, split, side, rank,
                        eigenvalue, residual, converged)
                    SELECT analysis_key, 'hessian', 'train', 'top', 1, 100.0 + step, 1e-9, 1
                    FROM analysis WHERE kind = 'hessian';
                    INSERT INTO hessian_density
                    SELECT a.analysis_key, 'hessian', 'train', p.probe, n.node,
                        n.node * 10.0 + p.probe, n.weight
                    FROM analysis AS a,
                        (SELECT 0 AS probe UNION ALL SELECT 1) AS p,
                        (SELECT 0 AS node, 0.9 AS weight UNION ALL SELECT 1, 0.09
                            UNION ALL SELECT 2, 0.01) AS n
                    WHERE a.kind = 'hessian';
                    INSERT INTO pair_spectrum
                    SELECT a.analysis_key, 'logits', 'cyclic', l.frequency, r.frequency,
                        1.0 + l.frequency * r.frequency, 0.1
                    FROM analysis AS a JOIN run USING (run_key),
                        (SELECT 0 AS frequency UNION ALL SELECT 1 UNION ALL SELECT 2) AS l,
                        (SELECT 0 AS frequency UNION ALL SELECT 1 UNION ALL SELECT 2) AS r
                    WHERE a.kind = 'fourier' AND a.step = 800 AND name = 'slow';
                    INSERT INTO sharpness (analysis_key, measure, split, value, learning_rate)
                    SELECT analysis_key, 'preconditioned', 'train', 30000.0 + step, 0.001
                    FROM analysis WHERE kind = 'hessian' AND step = 800;
                    INSERT INTO analysis (run_key, step, digest, kind, parameters, code_version,
                        dtype, computed_at)
                    SELECT c.run_key, c.step, lower(hex(c.digest)), 'progress', '{}', '3',
                        'float64', 0
                    FROM checkpoint AS c JOIN run AS r USING (run_key) WHERE r.name = 'slow'
                    UNION ALL
                    SELECT run_key, NULL, '', 'progress', '{}', '3', 'float64', 0
                    FROM run WHERE name = 'slow';
                    WITH falling (measure, variant, split, scale) AS (VALUES
                        ('restricted_loss', 'sum', 'all', 2.0),
                        ('restricted_loss', 'block2x2', 'all', 20.0),
                        ('total_logit_restricted_loss', '', 'all', 200.0),
                        ('excluded_loss', 'sum', 'train', 4.0), ('loss', '', 'test', 3.0),
                        ('weight_norm', '', '', 50.0))
                    INSERT INTO progress_measure (analysis_key, measure, variant, split, value)
                    SELECT a.analysis_key, f.measure, f.variant, f.split,
                        f.scale / (1 + a.step / 100.0)
                    FROM analysis AS a, falling AS f
                    WHERE a.kind = 'progress' AND a.step IS NOT NULL;
                    WITH boundary (subject, value) AS (VALUES
                        ('memorisation_end', 100.0), ('clean_up_start', 400.0),
                        ('clean_up_end', 800.0))
                    INSERT INTO measurement (analysis_key, measure, subject, value)
                    SELECT a.analysis_key, 'phase_step', b.subject, b.value
                    FROM analysis AS a, boundary AS b
                    WHERE a.kind = 'progress' AND a.step IS NULL;
                    """)
        }
        return fixture
    }

    /// Columns that differ from machine to machine or from day to day.
    private static let masked: Set<String> = ["computed_at", "cost_seconds", "file_bytes"]

    static let given: [String: [String: ScalarValue]] = [
        "curve": ["run": .text(FixtureArchive.slow)],
        "tensor_growth": ["run": .text(FixtureArchive.slow)],
        "spectrum_over_time": ["run": .text(FixtureArchive.slow), "count": .integer(2)],
        "compare_settings": [
            "first": .text(FixtureArchive.slow), "second": .text(FixtureArchive.fast),
        ],
        "tensor_spectrum": ["run": .text(FixtureArchive.slow)],
        "embedding_circles": ["run": .text(FixtureArchive.slow), "count": .integer(1)],
        "norm_against_loss": ["tensor": .text("embedding")],
        "pair_spectrum": ["run": .text(FixtureArchive.slow)],
        "hessian_density": ["run": .text(FixtureArchive.slow), "width": .real(0.05)],
        "singular_value_curves": [
            "run": .text(FixtureArchive.slow), "tensor": .text("diagonal"),
        ],
        "norm_at_transition": ["tensor": .text("embedding")],
        "missing_analyses": ["kind": .text("hessian")],
        "archive_cost": ["setting": .text("weight_decay")],
        "loss_spikes": ["metric": .text("test_accuracy"), "factor": .real(1.5)],
    ]

    @Test(arguments: SavedQuery.all.map(\.name))
    func answersAsRecorded(name: String) throws {
        let query = try SavedQuery.find(name)
        let session = try Self.analysed.get().session()
        let cursor = try query.cursor(in: session, parameters: Self.given[name] ?? [:])
        var lines = [cursor.columns.joined(separator: " | ")]
        while let row = try cursor.next() {
            lines.append(
                zip(cursor.columns, row).map { column, value in
                    Self.masked.contains(column) ? "…" : Self.written(value)
                }.joined(separator: " | "))
        }
        let text = lines.joined(separator: "\n") + "\n"
        let file = Self.folder.appendingPathComponent(name + ".txt")
        if ProcessInfo.processInfo.environment["RECORD_ANSWERS"] != nil {
            try FileManager.default.createDirectory(
                at: Self.folder, withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
        #expect(lines.count > 1, "an empty answer proves nothing")
    }

    @Test func aParameterThatIsNotGivenIsNamed() throws {
        let session = try Self.analysed.get().session()
        #expect(throws: (any Error).self) { try SavedQuery.find("curve").cursor(in: session) }
        #expect(throws: (any Error).self) {
            try SavedQuery.find("runs").cursor(in: session, parameters: ["x": .null])
        }
    }

    /// Reals with nine digits: what sums in another order may change lies behind them.
    private static func written(_ value: ScalarValue) -> String {
        switch value {
        case .null: "NULL"
        case .boolean, .integer: value.written
        case .real(let real): String(format: "%.9g", abs(real) < 1e-12 ? 0 : real)
        case .text(let text): text.replacing("\n", with: "\\n")
        case .blob(let bytes): "\(bytes.count) bytes"
        }
    }
}
