import Networks
import TestSupport
import Testing

/// Rows that many examples share are computed once: the operation count of a step says whether.
@Suite("Shared rows")
struct SharedRowTests {
    private func operations(
        _ network: NetworkConfiguration, _ space: TokenSpace, _ examples: Examples
    ) throws -> Int {
        let evaluator = try NetworkEvaluator<Float>(
            network: network, space: space, examples: examples)
        var generator = SeededGenerator(seed: 1)
        let parameters: [Float] = evaluator.layout.initialParameters(using: &generator)
        var gradient = parameters
        _ = evaluator.gradient(parameters, into: &gradient)
        return evaluator.multiplyOnly()
    }

    private func table(
        _ modulus: Int, before: [Int] = [], between: [Int] = [], after: [Int]
    )
        -> Examples
    {
        let rows = (0..<modulus * modulus).map { index in
            before + [index / modulus] + between + [index % modulus] + after
        }
        return Examples(
            tokens: rows.flatMap { $0 }.map { Int32($0) },
            targets: (0..<modulus * modulus).map {
                Int32(($0 / modulus + $0 % modulus) % modulus)
            },
            length: rows[0].count)
    }

    /// Three products for each: forward, back to the input, and the weights' gradient.
    private let perMultiplication = 6

    @Test("one layer: keys and values once per token and position, the rest once per example")
    func oneLayer() throws {
        let modulus = 19
        let found = try operations(
            NetworkConfiguration(),
            TokenSpace(vocabulary: modulus + 1, length: 3, classCount: modulus + 1),
            table(modulus, after: [modulus]))
        let inputs = (2 * modulus + 1) * 2 * 128 * 128 + 128 * 128
        let perExample = 128 * 128 + 2 * 128 * 512 + 128 * (modulus + 1)
        #expect(found == perMultiplication * (inputs + modulus * modulus * perExample))
    }

    /// Tiles of 128 examples: what crosses a border between two tiles is computed in both.
    @Test("two layers: the first block once per beginning, the last only where it is read")
    func twoLayers() throws {
        let modulus = 16
        let found = try operations(
            NetworkConfiguration(layers: 2, mlpBiases: false),
            TokenSpace(vocabulary: modulus + 3, length: 5, classCount: modulus),
            table(modulus, before: [modulus], between: [modulus + 1], after: [modulus + 2]))
        let inputs = (3 + 2 * modulus) * 3 * 128 * 128
        // Four tiles of 64 examples, each with 4 first tokens: the beginnings of lengths 1, 2 and 3
        // are few, those of lengths 4 and 5 as many as examples.
        let examples = modulus * modulus
        let beginnings = 4 * (1 + 4 + 4) + 2 * examples
        let block = 128 * 128 + 2 * 128 * 512
        let first = beginnings * (block + 2 * 128 * 128)
        let last = examples * (128 * 128 + block + 128 * modulus)
        #expect(found == perMultiplication * (inputs + first + last))
    }

    @Test("one hidden layer: every token's share once")
    func hiddenLayer() throws {
        let modulus = 17
        let examples = Examples(
            tokens: (0..<modulus * modulus).flatMap { [Int32($0 / modulus), Int32($0 % modulus)] },
            targets: (0..<modulus * modulus).map { Int32($0 % modulus) }, length: 2)
        let found = try operations(
            .defaults(for: .mlp), TokenSpace(vocabulary: modulus, length: 2, classCount: modulus),
            examples)
        let shares = 2 * modulus * 256 * 128
        #expect(found == perMultiplication * (shares + modulus * modulus * 128 * modulus))
    }
}
