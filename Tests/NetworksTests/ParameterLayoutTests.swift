import Checkpoints
import Networks
import TestSupport
import Testing

@Suite("Parameter layout")
struct ParameterLayoutTests {
    let canonical = ParameterLayout(
        NetworkConfiguration(), TokenSpace(vocabulary: 114, length: 3, classCount: 114))

    @Test("the canonical transformer has its published 226,816 parameters")
    func canonicalCount() {
        #expect(canonical.count == 226_816)
        #expect(canonical.entry("blocks.0.attention.query")?.shape == [4, 128, 32])
        #expect(canonical.entry("unembedding")?.shape == [128, 114])
    }

    @Test("the two-layer transformer of Power et al. has its published 455,424 parameters")
    func twoLayerCount() {
        let network = NetworkConfiguration(
            layers: 2, normalization: .post, positions: .sinusoidal, mlpBiases: false)
        let layout = ParameterLayout(
            network, TokenSpace(vocabulary: 239, length: 6, classCount: 239))
        #expect(layout.count == 455_424)
    }

    @Test("unpacking and packing gives the same numbers back")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 3)
        let parameters = canonical.initialParameters(using: &generator, as: Float.self)
        #expect(try canonical.pack(canonical.unpack(parameters).reversed()) == parameters)
        let doubles: [Double] = try canonical.pack(canonical.unpack(parameters))
        #expect(doubles == parameters.map { Double($0) })
    }

    @Test("a missing tensor and a wrong shape are named")
    func damagedCheckpoint() {
        let tensors = canonical.unpack([Float](repeating: 0, count: canonical.count))
        #expect(throws: UserError.self) {
            let _: [Float] = try canonical.pack(Array(tensors.dropFirst()))
        }
        let wrong = [Tensor(name: "embedding", shape: [1], values: [Float(0)])]
        #expect(throws: UserError.self) {
            let _: [Float] = try canonical.pack(wrong + tensors.dropFirst())
        }
    }

    /// The mean square of n normal draws lies within 5·√(2/n) of the variance.
    @Test("first weights have the variance of their rule")
    func initialVariance() {
        var generator = SeededGenerator(seed: 11)
        let parameters = canonical.initialParameters(using: &generator, as: Double.self)
        for entry in canonical.entries {
            let values = parameters[entry.range]
            let meanSquare = values.reduce(0) { $0 + $1 * $1 } / Double(entry.count)
            switch entry.initial {
            case .constant(let value): #expect(values.allSatisfy { $0 == value })
            case .normal(let deviation):
                let tolerance = 5 * (2 / Double(entry.count)).squareRoot()
                #expect(abs(meanSquare / (deviation * deviation) - 1) < tolerance)
            case .uniform: Issue.record("the rule draws no uniform numbers")
            }
        }
    }
}

@Suite("Examples")
struct ExamplesTests {
    @Test("a subset keeps tokens, answers and read-out positions together")
    func subset() {
        let examples = Examples(
            tokens: [0, 1, 2, 3, 4, 5], targets: [7, 8, 9], length: 2)
        #expect(examples.readoutPositions == [1, 1, 1])
        let chosen = examples.subset([2, 0, 2])
        #expect(chosen.tokens == [4, 5, 0, 1, 4, 5])
        #expect(chosen.targets == [9, 7, 9])
        #expect(Array(chosen.tokens(of: 1)) == [0, 1])
    }
}
