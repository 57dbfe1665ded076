import Foundation
import TestSupport
import Testing

@testable import ArchiveQueries

/// What a curve of batches decides about a run's network, and what it does not.
@Suite struct NetworkCheckVerdictTests {
    private func comparison(
        _ metric: String, _ stored: Double, _ computed: Double, scatter: Double? = nil
    ) -> NetworkCheck.Comparison {
        .init(metric: metric, stored: stored, computed: computed, scatter: scatter)
    }

    private func normals(_ count: Int, seed: Int) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            let radius = (-2 * log(Double.random(in: 1e-12..<1, using: &generator))).squareRoot()
            return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &generator))
        }
    }

    /// The scatter of normal values about a falling line is their standard deviation, a few leaps or not.
    @Test(arguments: 0..<20) func scatterIsTheDeviationOfSingleValues(seed: Int) throws {
        let count = 64
        var values = normals(count, seed: seed).enumerated().map { index, draw in
            5 - 0.05 * Double(index) + 0.2 * draw
        }
        values[40] += 30
        let scatter = try #require(NetworkCheck.scatter(of: values))
        #expect(scatter > 0.1 && scatter < 0.35, "\(scatter)")
        // A smooth curve scatters by what its bend is.
        let smooth = (0..<count).map { exp(-Double($0) / 10) }
        #expect(try #require(NetworkCheck.scatter(of: smooth)) < 1e-3)
        #expect(NetworkCheck.scatter(of: [1, 2, 3, 4, 5, 6, 7, 8, 9]) == nil)
    }

    @Test func aValueOfABatchIsNoContradiction() {
        let noisy = comparison("train_loss", 1.3, 1.0, scatter: 0.1)
        #expect(noisy.agrees && !noisy.agreesExactly)
        #expect(NetworkCheck.verdict(of: [noisy]) == .reproduced)
        let off = comparison("train_loss", 1.6, 1.0, scatter: 0.1)
        #expect(NetworkCheck.verdict(of: [off]) == .different)
        #expect(!comparison("train_loss", 1.3, 1.0).agrees)
        #expect(NetworkCheck.verdict(of: [off, comparison("test_loss", 2, 2.01)]) == .reproduced)
        #expect(NetworkCheck.verdict(of: [off, comparison("test_loss", 2, 2.1)]) == .different)
        #expect(
            NetworkCheck.verdict(of: [
                comparison("train_loss", 1, 1), comparison("test_accuracy", 0.5, 0.7),
            ]) == .different)
    }

    @Test func eachCurveSaysWhatItWasWorth() throws {
        let check = NetworkCheck(
            step: 40, verdict: .reproduced,
            comparisons: [
                comparison("train_loss", 1.6, 1.0, scatter: 0.1),
                comparison("train_accuracy", 0.6, 0.65, scatter: 0.03),
                comparison("test_loss", 2, 2),
            ], reason: "")
        let sentences = check.sentences
        #expect(sentences[0].contains("train_loss at step 40 does not decide"), "\(sentences)")
        #expect(sentences[1].contains("yes, within the scatter of its curve"), "\(sentences)")
        #expect(sentences[2].hasSuffix("to 0: yes"), "\(sentences)")
        #expect(try NetworkCheck(json: check.json) == check)
        // What earlier versions kept has no scatter.
        let older =
            "{\"step\":4,\"verdict\":\"reproduced\",\"reason\":\"\",\"comparisons\":"
            + "[{\"metric\":\"train_loss\",\"stored\":1,\"computed\":1}]}"
        #expect(try NetworkCheck(json: older).comparisons[0].agrees)
    }
}
