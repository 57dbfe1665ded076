import Analysis
import ArchiveQueries
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Functions that compare runs, on plain values and on the fixture archive.
struct ComparisonFunctionTests {
    private func rows(_ sql: String) throws -> [[ScalarValue]] {
        try FixtureArchive.shared.get().session().rows(sql)
    }

    private func reals(_ sql: String) throws -> [Double] {
        try rows(sql).flatMap { row in
            row.compactMap {
                switch $0 {
                case .real(let value): value
                case .integer(let value): Double(value)
                default: nil
                }
            }
        }
    }

    /// Remission times under 6-MP (Freireich and others 1963): (reached, last seen).
    private let remission =
        "(6,6),(6,6),(6,6),(7,7),(10,10),(13,13),(16,16),(22,22),(23,23)"
        + [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map { ",(NULL,\($0))" }.joined()

    @Test func survivalIsThatOfTheTextbook() throws {
        let table = "WITH t(step, last_step) AS (VALUES \(remission))"
        #expect(
            try rows(
                """
                \(table) SELECT survival_median(step, last_step), survival_low(step, last_step),
                    survival_high(step, last_step) FROM t
                """) == [[.real(23), .real(11), .null]])
        #expect(
            try rows("\(table) SELECT survival_median(step, last_step) FROM t WHERE step IS NULL")
                == [[.null]])
        #expect(
            try rows(
                "SELECT survival_median(column1, column2) FROM (VALUES (NULL, NULL), (5, NULL))")
                == [[.real(5)]])
        #expect(throws: (any Error).self) { try rows("SELECT survival_median('x', 1)") }
    }

    @Test func sharesHaveWilsonsInterval() throws {
        let ends = try reals("SELECT wilson_low(8, 10), wilson_high(8, 10)")
        #expect(abs(ends[0] - 0.4901625) < 1e-6 && abs(ends[1] - 0.9433178) < 1e-6)
        #expect(try rows("SELECT wilson_low(0, 0), wilson_high(NULL, 3)") == [[.null, .null]])
        #expect(throws: (any Error).self) { try rows("SELECT wilson_low(4, 3)") }
    }

    @Test func lawsComeBackWithTheirExponents() throws {
        let table = """
            WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 9),
            p(x, y) AS (SELECT 0.2 + 0.08 * n, 40 * pow(0.02 + 0.08 * n, -1.25) FROM i)
            """
        let critical = try reals(
            "\(table) SELECT critical_point(x, y), critical_exponent(x, y) FROM p")
        #expect(abs(critical[0] - 0.18) < 1e-6 && abs(critical[1] + 1.25) < 1e-5)
        let ends = try reals(
            "\(table) SELECT critical_point(x, y, 0.025), critical_point(x, y, 0.975) FROM p")
        #expect(abs(ends[0] - 0.18) < 1e-5 && abs(ends[1] - 0.18) < 1e-5)
        let power = try reals(
            """
            SELECT scaling_exponent(column1, 3 * pow(column1, -0.5)),
                scaling_exponent(column1, 3 * pow(column1, -0.5), 0.5)
            FROM (VALUES (0.1), (1), (10), (NULL), (-4))
            """)
        #expect(abs(power[0] + 0.5) < 1e-12 && abs(power[1] + 0.5) < 1e-9)
        #expect(
            try rows("SELECT scaling_exponent(1, 2), critical_point(1, 2)") == [[.null, .null]])
        #expect(
            try rows("SELECT scaling_exponent(column1, 2, NULL) FROM (VALUES (1), (2), (3))")
                == [[.null]])
        #expect(throws: (any Error).self) { try rows("SELECT scaling_exponent(1, 2, 3)") }
        #expect(throws: (any Error).self) { try rows("SELECT scaling_exponent(1, 'x')") }
    }

    @Test func bandsAreThoseOfTheAnalysis() throws {
        let curves = try [FixtureArchive.fork, FixtureArchive.slow].map { run in
            let points = try rows(
                "SELECT step, value FROM metrics WHERE run = '\(run)' AND name = 'test_accuracy'")
            return Curve(
                steps: points.compactMap {
                    if case .integer(let step) = $0[0] { Int(step) } else { nil }
                },
                values: points.compactMap {
                    if case .real(let value) = $0[1] { value } else { nil }
                })
        }
        let band = seedBand(of: curves)
        let call = "seed_band('test_accuracy', 'weight_decay', 0.5)"
        #expect(try reals("SELECT step FROM \(call)") == band.positions)
        #expect(try reals("SELECT middle FROM \(call)") == band.median)
        #expect(try reals("SELECT DISTINCT runs FROM \(call)") == [2])
        #expect(band.positions.count == 200)
        let aligned = try reals(
            "SELECT middle FROM seed_band('test_accuracy', 'weight_decay', 0.5, 0.99) "
                + "WHERE step <= 1e-9 ORDER BY step DESC LIMIT 1")
        #expect(aligned.count == 1 && aligned[0] < 1)
        #expect(try rows("SELECT * FROM seed_band('test_accuracy', 'weight_decay', 77)").isEmpty)
        #expect(try rows("SELECT * FROM seed_band('test_accuracy', 'weight_decay', NULL)").isEmpty)
        #expect(
            try rows(
                """
                SELECT DISTINCT h.value, b.runs FROM hyperparameters AS h,
                    seed_band('test_accuracy', h.name, h.value) AS b
                WHERE h.name = 'train_fraction' ORDER BY h.value
                """) == [[.real(0.3), .integer(3)], [.real(0.5), .integer(1)]])
    }

    @Test func grokkingHasTheColumnsOfItsView() throws {
        let session = try FixtureArchive.shared.get().session()
        let table = try session.cursor("SELECT * FROM grokking('\(FixtureArchive.slow)')").columns
        let view = try session.cursor("SELECT * FROM grokking_times").columns
        #expect(table == view.filter { !["run", "analysis", "source"].contains($0) })
    }
}
