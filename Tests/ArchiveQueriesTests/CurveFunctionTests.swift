import Analysis
import ArchiveQueries
import Checkpoints
import Foundation
import GRDB
import TestSupport
import Testing

/// Aggregates over curves, on plain values without an archive.
struct CurveFunctionTests {
    private let folder: TemporaryFolder
    private let session: SQLSession

    init() throws {
        folder = try TemporaryFolder()
        let index = folder.path("index.sqlite")
        let database = try DatabaseQueue(path: index)
        try database.write { try $0.execute(sql: "CREATE TABLE unused (x)") }
        try database.close()
        session = try SQLSession(index: index)
    }

    private func value(_ call: String, _ values: String) throws -> ScalarValue {
        try #require(
            try session.rows("WITH c(step, value) AS (VALUES \(values)) SELECT \(call) FROM c")
                .first?.first)
    }

    private static let crossings: [(String, ScalarValue)] = [
        ("(0,0.1),(1,0.995),(2,0.2),(3,1),(4,1),(5,1),(6,0.5)", ScalarValue.integer(3)),
        ("(0,0.1),(1,0.2)", .null),
        ("(0,0.1),(7,0.99)", .integer(7)),
        ("(0,1)", .integer(0)),
        ("(0,NULL),(1,NULL)", .null),
        ("(5,1),(0,0),(3,1),(1,1),(4,0.999)", .integer(1)),
        ("(0,0),(1,1),(1,0),(2,1),(3,1),(4,1)", .integer(2)),
        ("(0,1),(1,NULL),(2,1),(3,1)", .integer(0)),
        ("(0,0),(1,9e999),(2,9e999),(3,9e999)", .integer(1)),
        ("(NULL,1),(4,1)", .integer(4)),
    ]

    @Test(arguments: crossings)
    func grokStepIsTheSustainedCrossing(values: String, expected: ScalarValue) throws {
        #expect(try value("grok_step(step, value)", values) == expected)
    }

    @Test func grokStepTakesAThreshold() throws {
        let values = "(0,0.1),(1,0.6),(2,0.7),(3,0.8),(4,0.99)"
        #expect(try value("grok_step(step, value, 0.5)", values) == .integer(1))
        #expect(try value("grok_step(step, value, 2)", values) == .null)
        #expect(try value("grok_step(step, value, NULL)", values) == .null)
        #expect(throws: UserError.self) { try value("grok_step(step, value, 'x')", values) }
        #expect(throws: UserError.self) { try value("grok_step(step, 'x')", values) }
    }

    @Test func fallStepIsTheSustainedFallOfALoss() throws {
        for (values, expected) in [
            ("(0,3),(1,0.001),(2,0.2),(3,0.009),(4,0.008),(5,0.001),(6,5)", ScalarValue.integer(3)),
            ("(0,3),(1,0.01)", .null), ("(0,3),(7,0.001)", .integer(7)),
            ("(5,0),(0,1),(3,0),(1,0),(4,0.001)", .integer(1)),
        ] { #expect(try value("fall_step(step, value)", values) == expected, "\(values)") }
        let values = "(0,4),(1,0.6),(2,0.5),(3,0.4)"
        #expect(try value("fall_step(step, value, 1)", values) == .integer(1))
        #expect(try value("fall_step(step, value, NULL)", values) == .null)
    }

    @Test(arguments: 0..<40)
    func grokStepAgreesWithTheAnalysis(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 0..<60, using: &generator)
        let steps = (0..<count).map { _ in Int.random(in: 0..<80, using: &generator) }
        let points = (seed % 2 == 0 ? steps.sorted() : steps).map {
            ($0, Bool.random(using: &generator) ? 1.0 : Double.random(in: 0..<1, using: &generator))
        }
        let threshold = Double.random(in: 0.2..<1, using: &generator)
        let curve = Curve(steps: points.map(\.0), values: points.map(\.1))
        let direction: CrossingDirection = seed % 3 == 0 ? .falling : .rising
        let expected = curve.crossings(of: threshold, direction: direction).sustained.step
        let rows = try session.rows(
            """
            SELECT \(direction == .rising ? "grok_step" : "fall_step")(
                value ->> 0, value ->> 1, :threshold)
            FROM json_each(:points)
            """,
            parameters: [
                "threshold": .real(threshold),
                "points": .text(
                    "[" + points.map { "[\($0.0),\($0.1)]" }.joined(separator: ",") + "]"),
            ])
        #expect(rows == [[expected.map { .integer($0) } ?? .null]])
    }

    @Test func theSigmoidIsRecovered() throws {
        // A logistic curve in x = log10(step + 1) with midpoint 3 and ln 81 / k = 0.5 decades.
        let k = log(81.0) / 0.5
        let points = (0...200).map { index -> String in
            let x = 1 + 4 * Double(index) / 200
            let step = Int(pow(10, x)) - 1
            let position = log10(Double(step) + 1)
            return "(\(step),\(0.02 + 0.96 / (1 + exp(-k * (position - 3)))))"
        }.joined(separator: ",")
        guard case .real(let midpoint) = try value("sigmoid_midpoint(step, value)", points),
            case .real(let width) = try value("sigmoid_width(step, value)", points)
        else {
            Issue.record("no fit")
            return
        }
        #expect(abs(midpoint - 999) < 1e-4 * 999)
        #expect(abs(width - 0.5) < 1e-5)
        #expect(try value("sigmoid_midpoint(step, value)", "(0,0.5),(1,0.5),(2,0.5)") == .null)
        #expect(try value("sigmoid_width(step, value)", "(0,NULL)") == .null)
    }

    private static let quantiles: [(String, String, ScalarValue)] = [
        ("median(value)", "(0,3),(0,1),(0,2)", ScalarValue.real(2)),
        ("median(value)", "(0,1),(0,2),(0,NULL),(0,4),(0,3)", .real(2.5)),
        ("median(value)", "(0,NULL)", .null),
        ("quantile(value, 0.25)", "(0,1),(0,2),(0,3),(0,4),(0,5)", .real(2)),
        ("quantile(value, 0.1)", "(0,1),(0,2)", .real(1.1)),
        ("quantile(value, 0)", "(0,7),(0,2)", .real(2)),
        ("quantile(value, 1)", "(0,7),(0,2)", .real(7)),
        ("quantile(value, NULL)", "(0,7)", .null),
        ("quantile(value, 0.5)", "(0,9e999),(0,9e999)", .real(.infinity)),
    ]

    @Test(arguments: quantiles)
    func quantilesInterpolate(call: String, values: String, expected: ScalarValue) throws {
        #expect(try value(call, values) == expected)
    }

    @Test func badQuantilesAreErrors() {
        #expect(throws: UserError.self) { try value("quantile(value, 1.5)", "(0,1)") }
        #expect(throws: UserError.self) { try value("median(value)", "(0,'x')") }
    }

    @Test func groupsAreIndependent() throws {
        let rows = try session.rows(
            """
            WITH c(run, step, value) AS (VALUES ('a',0,1),('b',0,0),('a',1,1),('b',1,1))
            SELECT run, grok_step(step, value), median(value) FROM c GROUP BY run ORDER BY run
            """)
        #expect(
            rows == [
                [.text("a"), .integer(0), .real(1)], [.text("b"), .integer(1), .real(0.5)],
            ])
    }
}
