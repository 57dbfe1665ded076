import Foundation
import Networks
import Testing

/// A one-hot network whose logits are the unembedding's only row, for every example.
@Suite("Cross-entropy")
struct CrossEntropyTests {
    private struct Result {
        var loss: Double
        var accuracy: Double
        /// Derivatives by the logits.
        var gradient: [Double]
    }

    /// Hidden weights of ½ on one quadratic neuron give (½ + ½)² = 1 for the pair (0, 0).
    private func evaluate<Scalar: NetworkScalar>(
        _ logits: [Scalar], target: Int32, _ precision: LossPrecision
    ) throws -> Result {
        let network = NetworkConfiguration(
            kind: .oneHot, hiddenWidth: 1, activation: .quadratic, mlpBiases: false)
        let evaluator = try NetworkEvaluator<Scalar>(
            network: network,
            space: TokenSpace(vocabulary: 1, length: 2, classCount: logits.count),
            examples: Examples(tokens: [0, 0], targets: [target], length: 2),
            loss: LossConfiguration(precision: precision))
        let parameters = [0.5, 0.5] + logits
        var gradient = parameters
        let result = evaluator.gradient(parameters, into: &gradient)
        #expect(evaluator.logits(parameters).map(\.isNaN) == logits.map(\.isNaN))
        return Result(
            loss: result.loss, accuracy: result.accuracy,
            gradient: gradient[2...].map { Double($0) })
    }

    @Test(
        "keeps its relative accuracy at any size", arguments: [1, 10, 23, 40, 200, 600] as [Double])
    func smallLosses(lead: Double) throws {
        let result = try evaluate([lead, 0, -1], target: 0, .float64)
        let others = exp(-lead) + exp(-1 - lead)
        #expect(abs(result.loss - log1p(others)) <= 4 * .ulpOfOne * log1p(others))
        let total = 1 + others
        let expected = [-others / total, exp(-lead) / total, exp(-1 - lead) / total]
        for (found, wanted) in zip(result.gradient, expected) {
            #expect(abs(found - wanted) <= 8 * .ulpOfOne * abs(wanted))
        }
        // The network in single precision keeps the accuracy of its exponentials.
        guard lead < 80 else { return }
        let single = try evaluate([Float(lead), 0, -1], target: 0, .float64)
        #expect(abs(single.loss - log1p(others)) <= 4 * Double(Float.ulpOfOne) * log1p(others))
        #expect(abs(single.gradient[0] - expected[0]) <= 1e-6 * -expected[0])
    }

    @Test("in single precision a lead of 20 rounds loss and gradient to nothing")
    func singlePrecision() throws {
        let near = try evaluate([Float(3), 1, 0], target: 0, .float32)
        #expect(abs(near.loss - log1p(exp(-2) + exp(-3))) <= 1e-7)
        let far = try evaluate([Float(20), 0, 0], target: 0, .float32)
        #expect(far.loss == 0)
        #expect(far.gradient[0] == 0)
        #expect(far.gradient[1] > 0)
        let wide = try evaluate([20.0, 0, 0], target: 0, .float32)
        #expect(wide.loss == 0)
    }

    @Test("a wrong answer costs its distance from the largest logit")
    func wrongAnswer() throws {
        for precision in LossPrecision.allCases {
            let result = try evaluate([1000.0, 0, 0], target: 1, precision)
            #expect(result.loss == 1000)
            #expect(result.accuracy == 0)
            #expect(result.gradient == [1, -1, 0])
        }
    }

    @Test("of equal logits the first counts")
    func ties() throws {
        for precision in LossPrecision.allCases {
            #expect(try evaluate([2.0, 2, 1], target: 0, precision).accuracy == 1)
            #expect(try evaluate([2.0, 2, 1], target: 1, precision).accuracy == 0)
        }
    }

    @Test("NaN and infinite logits give NaN and no right answer")
    func notNumbers() throws {
        for precision in LossPrecision.allCases {
            let missing = try evaluate([.nan, 1.0, 0], target: 0, precision)
            #expect(missing.loss.isNaN && missing.accuracy == 0)
            let infinite = try evaluate([.infinity, 1.0, 0], target: 0, precision)
            #expect(infinite.loss.isNaN)
        }
    }
}
