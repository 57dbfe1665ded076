import ArchiveQueries
import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Scalars and tables over stored weights.
struct TensorFunctionTests {
    private let session: SQLSession

    init() throws {
        session = try FixtureArchive.shared.get().session()
    }

    private func value(_ expression: String) throws -> ScalarValue {
        let rows = try session.rows("SELECT \(expression)")
        return try #require(rows.first?.first)
    }

    private func real(_ expression: String) throws -> Double {
        guard case .real(let value) = try value(expression) else {
            Issue.record("\(expression) is no real number: \(try value(expression))")
            return .nan
        }
        return value
    }

    /// exp of the entropy of the shares 3/7 and 4/7.
    private static let entropyRank: Double = exp(
        (3.0 / 7) * log(7.0 / 3) + (4.0 / 7) * log(7.0 / 4))

    /// The diagonal matrix is diag(3, step / 100), the vector (1, −2, 2).
    private static let closedForms: [(String, Double)] = [
        ("l2_norm('slow', 400, 'diagonal')", 5.0), ("l2_norm('slow', 0, 'bias')", 3),
        ("rms_norm('slow', 400, 'diagonal')", 2.5), ("max_norm('slow', 800, 'diagonal')", 8),
        ("max_norm('slow', 0, 'bias')", 2), ("spectral_norm('slow', 400, 'diagonal')", 4),
        ("stable_rank('slow', 400, 'diagonal')", 25.0 / 16),
        ("effective_rank('slow', 0, 'diagonal')", 1),
        (
            "effective_rank('slow', 400, 'diagonal')",
            entropyRank
        ),
        ("distance('slow', 0, 400, 'diagonal')", 4), ("distance('slow', 100, 400, 'bias')", 0),
        ("cosine('slow', 0, 400, 'diagonal')", 0.6), ("cosine('slow', 0, 800, 'bias')", 1),
        ("weight('slow', 400, 'diagonal', 1, 1)", 4), ("weight('slow', 400, 'diagonal', 0, 1)", 0),
        ("weight('slow', 0, 'bias', 1)", -2),
        ("l2_norm('slow', 800, 'it''s \"odd\" é')", 800),
        ("weight('slow', 800, 'it''s \"odd\" é', 0)", 800),
        ("l2_norm('it''s \"never\" é', 0, 'bias')", 3), ("l2_norm('1000', 0, 'bias')", 3),
        ("max_norm('slow', 800, 'broken')", Double.nan),
    ]

    @Test(arguments: closedForms)
    func scalarsAgreeWithClosedForms(expression: String, expected: Double) throws {
        if expected.isNaN {
            #expect(try value(expression) == .null)
        } else {
            let found = try real(expression)
            // Singular values come from a Gram matrix: rounding of the largest.
            #expect(abs(found - expected) <= 1e-12 * max(1, abs(expected)), "\(found)")
        }
    }

    @Test func totalMeansAllWeights() throws {
        // At step 0: embedding 8 rows of 4 entries 0.5, diagonal 3, bias 3, scalar 0; but for the
        // NaN in `broken` the sum of squares would be 8 + 9 + 9.
        #expect(try value("l2_norm('slow', 0, 'total')") == .null)
        #expect(try value("distance('slow', 0, 400, 'total')") == .null)
    }

    private static let missing: [String] = [
        "l2_norm('slow', 50, 'bias')", "l2_norm('slow', 0, 'none')", "l2_norm(NULL, 0, 'bias')",
        "l2_norm('slow', NULL, 'bias')", "l2_norm('slow', 0, NULL)",
        "distance('slow', 0, 1, 'bias')", "distance('slow', 0, 100, 'none')",
        "cosine('slow', 0, 100, 'it''s \"odd\" é')", "weight('slow', 0, 'bias', 3)",
        "weight('slow', 0, 'bias', -1)", "weight('slow', 0, 'none', 0)",
        "stable_rank('slow', 0, 'it''s \"odd\" é')",
        "effective_rank('slow', 0, 'it''s \"odd\" é')", "l2_norm('slow', 0, 'broken')",
        "weight('slow', 0, 'broken', 0, 0)", "spectral_norm('slow', 0, 'broken')",
    ]

    @Test(arguments: missing)
    func whatIsMissingIsNull(expression: String) throws {
        #expect(try value(expression) == .null)
    }

    private static let mistakes: [(String, String)] = [
        ("l2_norm('nobody', 0, 'bias')", "run nobody"),
        ("l2_norm('slow', 'x', 'bias')", "whole number"),
        ("l2_norm('slow', 1.5, 'bias')", "whole number"), ("l2_norm(1, 0, 'bias')", "must be text"),
        ("weight('slow', 0, 'bias', 0, 0)", "takes 1 indices and not 2"),
        ("l2_norm('slow', 0)", "wrong number of arguments"),
        ("weight('slow', 0, 'bias')", "wrong number of arguments"),
    ]

    @Test(arguments: mistakes)
    func mistakesAreErrors(expression: String, expected: String) throws {
        let error = try #require(throws: UserError.self) { try value(expression) }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test func tensorValuesListsAllElementsWithTheirPlaces() throws {
        let rows = try session.rows("SELECT * FROM tensor_values('slow', 400, 'diagonal')")
        #expect(
            rows == [
                [.text("[0,0]"), .real(3)], [.text("[0,1]"), .real(0)], [.text("[1,0]"), .real(0)],
                [.text("[1,1]"), .real(4)],
            ])
        #expect(
            try session.rows("SELECT position FROM tensor_values('slow', 0, 'it''s \"odd\" é')")
                == [[.text("[]")]])
        let broken = try session.rows("SELECT value FROM tensor_values('slow', 800, 'broken')")
        #expect(broken == [[.null], [.real(1)], [.real(.infinity)], [.real(1)]])
    }

    @Test func trajectoryFollowsOneElement() throws {
        let rows = try session.rows("SELECT step, value FROM trajectory('slow', 'diagonal', 1, 1)")
        #expect(
            rows
                == FixtureArchive.steps.map { [.integer($0), .real(Double($0) / 100)] })
        #expect(try session.rows("SELECT * FROM trajectory('slow', 'diagonal', 2, 0)").isEmpty)
        #expect(try session.rows("SELECT * FROM trajectory('slow', 'none', 0)").isEmpty)
    }

    @Test func fourierFindsThePlantedFrequency() throws {
        let rows = try session.rows(
            "SELECT frequency, power, share FROM fourier('slow', 800, 'embedding')")
        // Seven residues: the row for `=` is left out only when the task is known, here it is not.
        #expect(rows.count == 5)
        let joined = try session.rows(
            """
            SELECT c.step, sum(f.power) FROM checkpoints AS c, fourier(c.run, c.step, 'embedding') AS f
            WHERE c.run = :run GROUP BY c.step
            """, parameters: ["run": .text(FixtureArchive.slow)])
        for (row, step) in zip(joined, FixtureArchive.steps) {
            let tensor = FixtureArchive.embedding(at: step, seed: 1)
            let squares = (tensor.doubles() ?? []).reduce(0) { $0 + $1 * $1 }
            guard case .real(let power) = row[1] else {
                Issue.record("no power at \(step)")
                return
            }
            // Parseval: the powers add up to the sum of squares.
            #expect(abs(power - squares) <= 1e-12 * squares)
        }
    }

    @Test func fourierAlongAnAxis() throws {
        let rows = try session.rows(
            "SELECT frequency, power, share FROM fourier('slow', 400, 'diagonal', 1)")
        // Rows (3, 0) and (0, 4): constant (9 + 16) / 2, alternating the same.
        #expect(
            rows == [[.integer(0), .real(12.5), .null], [.integer(1), .real(12.5), .real(1)]])
        #expect(throws: UserError.self) {
            try session.rows("SELECT * FROM fourier('slow', 400, 'diagonal', 2)")
        }
        #expect(try session.rows("SELECT * FROM fourier('slow', 0, 'it''s \"odd\" é')").isEmpty)
        #expect(
            try session.rows("SELECT power FROM fourier('slow', 0, 'broken', 1)")
                == [[.null], [.null]])
    }

    @Test func singularValuesFall() throws {
        #expect(
            try session.rows("SELECT rank, value FROM singular_values('slow', 400, 'diagonal')")
                == [[.integer(1), .real(4)], [.integer(2), .real(3)]])
        #expect(
            try session.rows("SELECT value FROM singular_values('slow', 0, 'bias')") == [[.real(3)]]
        )
    }

    @Test func tablesNameTheArgumentTheyLack() throws {
        let error = try #require(throws: UserError.self) {
            try session.rows("SELECT * FROM fourier('slow', 0)")
        }
        #expect(
            error.description.contains(
                "fourier needs its argument tensor: fourier(run, step, tensor [, axis])"))
        #expect(try session.rows("SELECT * FROM fourier('slow', NULL, 'embedding')").isEmpty)
        #expect(try session.rows("SELECT * FROM fourier('slow', 1, 'embedding')").isEmpty)
        #expect(throws: UserError.self) {
            try session.rows("CREATE VIRTUAL TABLE t USING fourier(1, 2, 3)")
        }
    }

    @Test func joinsSupplyTheArgumentsInAnyOrder() throws {
        let direct = try session.rows(
            """
            SELECT c.step, s.value FROM checkpoints AS c, singular_values(c.run, c.step, 'diagonal') AS s
            WHERE c.run = :run AND s.rank = 1 ORDER BY c.step
            """, parameters: ["run": .text(FixtureArchive.slow)])
        let reversed = try session.rows(
            """
            SELECT c.step, s.value FROM singular_values AS s JOIN checkpoints AS c USING (run, step)
            WHERE tensor = 'diagonal' AND c.run = :run AND s.rank = 1 ORDER BY c.step
            """, parameters: ["run": .text(FixtureArchive.slow)])
        #expect(direct == reversed)
        #expect(direct.map { $0[1] } == [3, 3, 3, 4, 8].map { .real($0) })
    }

    @Test func theFunctionIsTheInnermostLoop() throws {
        let plan = try session.rows(
            """
            EXPLAIN QUERY PLAN SELECT f.power
            FROM fourier(c.run, c.step, 'embedding') AS f, checkpoints AS c, runs AS r
            WHERE r.run = c.run AND r.name = 'slow' AND c.step > 100
            """)
        let details = plan.compactMap { if case .text(let text) = $0[3] { text } else { nil } }
        let function = try #require(details.firstIndex { $0.contains("f VIRTUAL TABLE") })
        let checkpoints = try #require(details.firstIndex { $0.hasPrefix("SEARCH c ") })
        #expect(checkpoints < function, "\(details)")
        #expect(!details.contains { $0.hasPrefix("SCAN") && !$0.contains("VIRTUAL") }, "\(details)")
    }

    @Test func everyDocumentedFunctionIsRegistered() throws {
        let functions = Set(
            try session.rows("SELECT DISTINCT name FROM pragma_function_list").compactMap(text))
        let modules = Set(try session.rows("SELECT name FROM pragma_module_list").compactMap(text))
        for function in FunctionCatalogue.all {
            let names = function.kind == .table ? modules : functions
            #expect(names.contains(function.name), "\(function.name)")
        }
        #expect(
            FunctionCatalogue.markdown.split(separator: "\n").count == FunctionCatalogue.all.count
                + 2)
    }

    private func text(_ row: [ScalarValue]) -> String? {
        if case .text(let text)? = row.first { text } else { nil }
    }
}
