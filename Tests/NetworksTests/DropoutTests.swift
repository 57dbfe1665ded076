import Networks
import TestSupport
import Testing

@Suite("Dropout")
struct DropoutTests {
    private func network(dropout: Double, layers: Int) -> NetworkConfiguration {
        NetworkConfiguration(
            layers: layers, width: 8, heads: 2, mlpWidth: 16, activation: .gelu, dropout: dropout)
    }

    private let space = TokenSpace(vocabulary: 7, length: 3, classCount: 7)
    private let examples = Examples(
        tokens: (0..<36).flatMap { [Int32($0 / 6), Int32($0 % 6), 6] },
        targets: (0..<36).map { Int32(($0 / 6 + $0 % 6) % 6) }, length: 3)

    private func evaluator(
        dropout: Double, layers: Int, threads: Int = 1
    ) throws
        -> NetworkEvaluator<Double>
    {
        try NetworkEvaluator(
            network: network(dropout: dropout, layers: layers), space: space, examples: examples,
            threadCount: threads)
    }

    private func parameters(_ count: Int) -> [Double] {
        var generator = SeededGenerator(seed: 5)
        return (0..<count).map { _ in Double.random(in: -0.5...0.5, using: &generator) }
    }

    @Test("evaluations and gradients without a step are those of the network without dropout")
    func offOutsideTraining() throws {
        let (with, without) = (
            try evaluator(dropout: 0.4, layers: 2), try evaluator(dropout: 0, layers: 2)
        )
        let parameters = parameters(with.layout.count)
        var (first, second) = (parameters, parameters)
        let result = with.gradient(parameters, into: &first)
        let expected = without.gradient(parameters, into: &second)
        // Without dropout, equal beginnings share rows, so the order of sums differs.
        #expect(abs(result.loss - expected.loss) <= 1e-14 * expected.loss)
        for (found, wanted) in zip(first, second) { #expect(abs(found - wanted) <= 1e-14) }
    }

    @Test("a step's gradient is that of the loss of the same step", arguments: [1, 2])
    func gradient(layers: Int) throws {
        let evaluator = try evaluator(dropout: 0.3, layers: layers)
        var parameters = parameters(evaluator.layout.count)
        var (gradient, scratch) = (parameters, parameters)
        let result = evaluator.gradient(parameters, step: 9, into: &gradient)
        #expect(result != evaluator.gradient(parameters, step: 10, into: &scratch))
        for index in stride(from: 0, to: parameters.count, by: 7) {
            let value = parameters[index]
            parameters[index] = value + 1e-5
            let above = evaluator.gradient(parameters, step: 9, into: &scratch).loss
            parameters[index] = value - 1e-5
            let below = evaluator.gradient(parameters, step: 9, into: &scratch).loss
            parameters[index] = value
            #expect(abs((above - below) / 2e-5 - gradient[index]) <= 1e-8)
        }
    }

    @Test("no bit depends on the number of threads")
    func threads() throws {
        var results: [[Double]] = []
        for threads in 1...3 {
            let evaluator = try evaluator(dropout: 0.3, layers: 2, threads: threads)
            let parameters = parameters(evaluator.layout.count)
            var gradient = parameters
            _ = evaluator.gradient(parameters, step: 4, into: &gradient)
            results.append(gradient)
        }
        #expect(results[1] == results[0] && results[2] == results[0])
    }

    /// With chance c, the mean over S steps of a logit-like loss differs from none at all; the
    /// share of dropped elements itself is checked through the derivative by the last bias, which
    /// dropout scales by a kept element's 1/(1 - c) or by 0: mean 1, variance c/(1 - c).
    @Test("keeps the mean of what it scales")
    func mean() throws {
        let chance = 0.25
        let evaluator = try evaluator(dropout: chance, layers: 1)
        // Only the output bias of the hidden layer reaches the logits, so they are linear in it.
        var parameters = [Double](repeating: 0, count: evaluator.layout.count)
        let bias = try #require(evaluator.layout.entry("blocks.0.mlp.output_bias"))
        let unembedding = try #require(evaluator.layout.entry("unembedding"))
        for index in unembedding.range { parameters[index] = index % 7 == 0 ? 1e-3 : 0 }
        for index in bias.range { parameters[index] = 1 }
        var gradient = parameters
        var sum = 0.0
        let steps = 400
        let plain = evaluator.gradient(parameters, into: &gradient).loss
        for step in 0..<steps {
            sum += evaluator.gradient(parameters, step: step, into: &gradient).loss - plain
        }
        // The logit changes by 1e-3 times the sum of 8 scaled ones, for 36 rows a step.
        let deviation = 1e-3 * (8 * chance / (1 - chance) / Double(36 * steps)).squareRoot()
        #expect(abs(sum / Double(steps)) <= 5 * deviation)
        #expect(sum != 0)
    }
}
