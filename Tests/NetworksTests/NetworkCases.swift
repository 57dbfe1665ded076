import ArrayMath
import Networks
import TestSupport
import Testing

/// Small networks with random examples: every feature of the engine occurs in one of them.
struct NetworkCase: Sendable, CustomTestStringConvertible {
    let name: String
    let network: NetworkConfiguration
    let space: TokenSpace
    let examples: Examples
    var loss = LossConfiguration()

    var testDescription: String { name }

    /// The case's evaluator in a scalar type.
    func evaluator<Scalar: NetworkScalar>(
        _ type: Scalar.Type, precision: LossPrecision = .float64, threads: Int = 1
    ) throws -> NetworkEvaluator<Scalar> {
        try NetworkEvaluator(
            network: network, space: space, examples: examples,
            loss: loss.kind == .crossEntropy ? LossConfiguration(precision: precision) : loss,
            threadCount: threads)
    }

    /// Weights of moderate size, so that nothing saturates, with no bias or shift at 0.
    func parameters(seed: Int) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        let layout = ParameterLayout(network, space)
        var parameters = [Double](repeating: 0, count: layout.count)
        for entry in layout.entries {
            let isScale = entry.name.hasSuffix(".scale")
            for index in entry.range {
                parameters[index] =
                    Double.random(in: -0.7...0.7, using: &generator) + (isScale ? 1 : 0)
            }
        }
        return parameters
    }

    static func direction(_ count: Int, seed: Int) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in Double.random(in: -1...1, using: &generator) }
    }

    /// Sums of two tokens below `modulus`, in a fixed shuffled order, some of them left out.
    private static func pairs(_ modulus: Int, withEquals: Bool) -> Examples {
        var generator = SeededGenerator(seed: modulus)
        var rows = (0..<modulus * modulus).map { ($0 / modulus, $0 % modulus) }
        rows.shuffle(using: &generator)
        rows.removeLast(modulus)
        return Examples(
            tokens: rows.flatMap { withEquals ? [$0.0, $0.1, modulus] : [$0.0, $0.1] }
                .map { Int32($0) },
            targets: rows.map { Int32(($0.0 + $0.1) % modulus) }, length: withEquals ? 3 : 2)
    }

    /// Sequences with two answers each, at positions that differ, some not asked for.
    private static func ragged(count: Int, length: Int, vocabulary: Int) -> Examples {
        var generator = SeededGenerator(seed: count)
        var tokens: [Int32] = []
        var targets: [Int32] = []
        var positions: [Int32] = []
        for row in 0..<count {
            tokens += (0..<length).map { _ in
                Int32.random(in: 0..<Int32(vocabulary), using: &generator)
            }
            let first = Int.random(in: 0..<length - 1, using: &generator)
            positions += [
                Int32(first), Int32(Int.random(in: first + 1..<length, using: &generator)),
            ]
            targets += [
                row % 5 == 3 ? -1 : Int32.random(in: 0..<Int32(vocabulary), using: &generator),
                Int32.random(in: 0..<Int32(vocabulary), using: &generator),
            ]
        }
        return Examples(
            tokens: tokens, targets: targets, length: length, targetsPerExample: 2,
            raggedReadoutPositions: positions)
    }

    private static func transformer(
        _ name: String, _ examples: Examples, vocabulary: Int, classes: Int? = nil, layers: Int = 1,
        activation: NetworkConfiguration.Activation = .relu,
        normalization: NetworkConfiguration.Normalization = .none, finalNorm: Bool = false,
        positions: NetworkConfiguration.Positions = .learned, attentionBiases: Bool = false,
        mlpBiases: Bool = true, unembeddingBias: Bool = false, tied: Bool = false
    ) -> NetworkCase {
        NetworkCase(
            name: name,
            network: NetworkConfiguration(
                layers: layers, width: 6, heads: 2, mlpWidth: 10, activation: activation,
                normalization: normalization, finalNorm: finalNorm, positions: positions,
                attentionBiases: attentionBiases, mlpBiases: mlpBiases,
                unembeddingBias: unembeddingBias, tied: tied),
            space: TokenSpace(
                vocabulary: vocabulary, length: examples.length, classCount: classes ?? vocabulary),
            examples: examples)
    }

    /// Rows of real inputs in an order of their own, with classes or with two real answers.
    private static func reals(_ answers: Answers, count: Int = 21, columns: Int = 4) -> Examples {
        var generator = SeededGenerator(seed: count)
        let matrix = FeatureMatrix(
            (0..<count * columns).map { _ in Double.random(in: -1...1, using: &generator) },
            rowCount: count, columnCount: columns)
        let rows = FeatureRows(matrix, rows: (0..<count).shuffled(using: &generator))
        switch answers {
        case .classes(let classCount):
            return Examples(
                features: rows,
                classes: (0..<count).map { _ in
                    Int32.random(in: 0..<Int32(classCount), using: &generator)
                })
        case .reals(let width):
            return Examples(
                features: rows,
                realAnswers: (0..<count * width).map { _ in
                    Double.random(in: -1...1, using: &generator)
                })
        }
    }

    private enum Answers {
        case classes(Int)
        case reals(Int)
    }

    private static func feedforward(
        _ name: String, _ loss: LossConfiguration.Kind, _ answers: Answers, widths: [Int],
        activation: NetworkConfiguration.Activation = .relu,
        normalization: NetworkConfiguration.Normalization = .none, biases: Bool = true,
        residual: Bool = false, readout: NetworkConfiguration.Readout = .trained,
        outputScale: Double = 1, sums: Bool = false
    ) -> NetworkCase {
        var network = NetworkConfiguration.defaults(for: .feedforward)
        network.widths = NumberList(widths)
        network.activation = activation
        network.activationStrength = 0.4
        network.normalization = normalization
        network.biases = biases
        network.residual = residual
        network.readout = readout
        network.outputScale = outputScale
        var rule = LossConfiguration(loss)
        if sums { rule.reduction = .sum }
        let examples = reals(answers)
        let outputs =
            switch answers {
            case .classes(let count): rule.isBinary ? 1 : count
            case .reals(let width): width
            }
        return NetworkCase(
            name: name, network: network,
            space: TokenSpace(
                vocabulary: 1, length: 1, classCount: outputs, featureCount: 4),
            examples: examples, loss: rule)
    }

    /// Networks of real inputs and losses other than cross-entropy.
    private static let feedforwards: [NetworkCase] = [
        feedforward(
            "feed-forward, ReLU, cross-entropy", .crossEntropy, .classes(3), widths: [7, 5]),
        feedforward(
            "feed-forward, tanh, pre-norm, residual, one-hot squares", .meanSquaredError,
            .classes(3), widths: [6, 6, 6], activation: .tanh, normalization: .pre,
            residual: true),
        feedforward(
            "feed-forward, GELU by tanh, post-norm, scaled output, real squares",
            .meanSquaredError, .reals(2), widths: [6, 6], activation: .tanhGELU,
            normalization: .post, residual: true, outputScale: 3),
        feedforward(
            "linear map, sums of squares", .meanSquaredError, .reals(2), widths: [], sums: true),
        feedforward(
            "deep linear network without biases", .meanSquaredError, .reals(2), widths: [5, 4],
            activation: .identity, biases: false),
        feedforward(
            "committee, x + x²", .meanSquaredError, .reals(1), widths: [9],
            activation: .linearQuadratic, biases: false, readout: .mean, outputScale: 2),
        feedforward(
            "fixed signs, logistic", .logistic, .classes(2), widths: [8], activation: .gelu,
            readout: .signs),
        feedforward("tanh, hinge", .hinge, .classes(2), widths: [8], activation: .tanh),
        feedforward(
            "square, StableMax", .stableMax, .classes(4), widths: [6], activation: .quadratic),
    ]

    /// Networks of tokens of the same kinds.
    private static let tokenFeedforwards: [NetworkCase] = {
        var network = NetworkConfiguration.defaults(for: .feedforward)
        network.widths = NumberList([7, 6])
        network.activation = .tanh
        let space = TokenSpace(vocabulary: 5, length: 2, classCount: 5)
        let deep = NetworkCase(
            name: "feed-forward on tokens, StableMax", network: network, space: space,
            examples: pairs(5, withEquals: false), loss: LossConfiguration(.stableMax))
        network.widths = NumberList([])
        let linear = NetworkCase(
            name: "linear map of tokens", network: network, space: space,
            examples: pairs(5, withEquals: false))
        let attention = NetworkCase(
            name: "attention alone, two layers, pre-norm, biases",
            network: NetworkConfiguration(
                kind: .attentionOnly, layers: 2, width: 6, heads: 2, normalization: .pre,
                attentionBiases: true, mlpBiases: false, unembeddingBias: true),
            space: TokenSpace(vocabulary: 6, length: 3, classCount: 6),
            examples: pairs(5, withEquals: true), loss: LossConfiguration(.meanSquaredError))
        return [deep, linear, attention]
    }()

    static let oneLayer = transformer(
        "one layer", pairs(5, withEquals: true), vocabulary: 6)

    static let all = transformers + feedforwards + tokenFeedforwards

    private static let transformers: [NetworkCase] = [
        oneLayer,
        transformer(
            "one layer, pre-norm, GELU, all biases", pairs(4, withEquals: true), vocabulary: 5,
            classes: 4, activation: .gelu, normalization: .pre, finalNorm: true,
            attentionBiases: true, unembeddingBias: true),
        transformer(
            "two layers, post-norm, sinusoidal, no biases", pairs(5, withEquals: true),
            vocabulary: 6, layers: 2, normalization: .post, positions: .sinusoidal,
            mlpBiases: false),
        transformer(
            "three layers, pre-norm, tied, quadratic, ragged answers",
            ragged(count: 23, length: 4, vocabulary: 3), vocabulary: 3, layers: 3,
            activation: .quadratic, normalization: .pre, tied: true),
        transformer(
            "two layers, GELU, all biases, ragged answers",
            ragged(count: 31, length: 5, vocabulary: 4), vocabulary: 4, layers: 2,
            activation: .gelu, normalization: .post, finalNorm: true, attentionBiases: true,
            unembeddingBias: true),
        transformer(
            "one layer, ragged answers, tied", ragged(count: 19, length: 3, vocabulary: 4),
            vocabulary: 4, tied: true),
        NetworkCase(
            name: "two embeddings, ReLU",
            network: NetworkConfiguration(
                kind: .mlp, embeddingWidth: 4, hiddenWidth: 7, mlpBiases: false),
            space: TokenSpace(vocabulary: 5, length: 2, classCount: 5),
            examples: pairs(5, withEquals: false)),
        NetworkCase(
            name: "two embeddings, tanh, biases",
            network: NetworkConfiguration(
                kind: .mlp, embeddingWidth: 4, hiddenWidth: 7, activation: .tanh, mlpBiases: true,
                unembeddingBias: true),
            space: TokenSpace(vocabulary: 5, length: 2, classCount: 5),
            examples: pairs(5, withEquals: false)),
        NetworkCase(
            name: "one-hot, GELU, biases",
            network: NetworkConfiguration(
                kind: .oneHot, hiddenWidth: 9, activation: .gelu, mlpBiases: true,
                unembeddingBias: true),
            space: TokenSpace(vocabulary: 5, length: 2, classCount: 5),
            examples: pairs(5, withEquals: false)),
        NetworkCase(
            name: "one-hot, quadratic",
            network: NetworkConfiguration(
                kind: .oneHot, hiddenWidth: 9, activation: .quadratic, mlpBiases: false),
            space: TokenSpace(vocabulary: 5, length: 2, classCount: 5),
            examples: pairs(5, withEquals: false)),
        NetworkCase(
            name: "one-hot, GELU, three tokens",
            network: NetworkConfiguration(
                kind: .oneHot, hiddenWidth: 8, activation: .gelu, mlpBiases: false),
            space: TokenSpace(vocabulary: 5, length: 3, classCount: 4),
            examples: pairs(4, withEquals: true)),
    ]
}
