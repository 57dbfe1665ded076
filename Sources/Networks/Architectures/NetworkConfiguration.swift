/// Everything that fixes the function a network computes, but for its weights.
///
/// Fields that the kind does not use keep their defaults and change nothing.
package struct NetworkConfiguration: Sendable, Equatable {
    /// The family of functions.
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// Decoder-only transformer with causal attention.
        case transformer
        /// Two embeddings, one hidden layer without biases: `act([left[a], right[b]]·hidden)·unembedding`.
        case mlp
        /// One hidden layer on the concatenated one-hot codes of the tokens.
        case oneHot = "one_hot"
    }

    /// The non-linearity of the hidden layers.
    package enum Activation: String, Codable, Sendable, CaseIterable {
        case relu
        /// The exact form, x·Φ(x) with the error function.
        case gelu
        /// x².
        case quadratic
    }

    /// Where layer norms stand (ε = 1e-5, with scale and shift).
    package enum Normalization: String, Codable, Sendable, CaseIterable {
        case none
        /// Before attention and before the hidden layer, inside the residual branch.
        case pre
        /// After each residual sum.
        case post
    }

    /// How a token's place enters.
    package enum Positions: String, Codable, Sendable, CaseIterable {
        case learned
        /// sin(t/10000^(i/width)) for even i, cos(t/10000^((i-1)/width)) for odd i.
        case sinusoidal
    }

    /// How the initial weights are drawn.
    package enum Initialization: String, Codable, Sendable, CaseIterable {
        /// N(0, 1/width) for every transformer matrix, N(0, 1/classes) for the unembedding, biases 0
        /// (Nanda et al. 2023). For the other kinds: N(0, 1/columns of an embedding),
        /// N(0, 1/rows) for the hidden layer and N(0, 1/classes) for the unembedding.
        case scaledNormal = "scaled_normal"
        /// PyTorch's defaults: embeddings N(0, 1), linear maps and their biases U(±1/√fan_in).
        case torchDefault = "torch_default"
        /// N(0, 0.02²) for every matrix, biases 0 (the GPT-2 convention).
        case smallNormal = "small_normal"
        /// N(0, 1/fan_in) for every matrix, embeddings N(0, 1/width), biases 0.
        case fanIn = "fan_in"
    }

    package var kind: Kind
    /// Transformer blocks.
    package var layers: Int
    /// Columns of the residual stream.
    package var width: Int
    /// Attention heads; each has width / heads columns.
    package var heads: Int
    /// Neurons of each transformer block.
    package var mlpWidth: Int
    /// Columns of each of the two embeddings of kind `mlp`.
    package var embeddingWidth: Int
    /// Neurons of the kinds `mlp` and `one_hot`.
    package var hiddenWidth: Int
    package var activation: Activation
    package var normalization: Normalization
    /// A layer norm before the unembedding.
    package var finalNorm: Bool
    package var positions: Positions
    package var attentionBiases: Bool
    package var mlpBiases: Bool
    package var unembeddingBias: Bool
    /// The unembedding is the transposed embedding.
    package var tied: Bool
    package var initialization: Initialization
    /// Every drawn initial weight is multiplied by this.
    package var initializationScale: Double
    /// The chance that an output of a block's hidden layer is zeroed in a training step.
    package var dropout: Double

    /// The canonical one-layer transformer of the literature unless told otherwise.
    package init(
        kind: Kind = .transformer, layers: Int = 1, width: Int = 128, heads: Int = 4,
        mlpWidth: Int = 512, embeddingWidth: Int = 256, hiddenWidth: Int = 128,
        activation: Activation = .relu, normalization: Normalization = .none,
        finalNorm: Bool = false, positions: Positions = .learned, attentionBiases: Bool = false,
        mlpBiases: Bool = true, unembeddingBias: Bool = false, tied: Bool = false,
        initialization: Initialization = .scaledNormal, initializationScale: Double = 1,
        dropout: Double = 0
    ) {
        self.kind = kind
        self.layers = layers
        self.width = width
        self.heads = heads
        self.mlpWidth = mlpWidth
        self.embeddingWidth = embeddingWidth
        self.hiddenWidth = hiddenWidth
        self.activation = activation
        self.normalization = normalization
        self.finalNorm = finalNorm
        self.positions = positions
        self.attentionBiases = attentionBiases
        self.mlpBiases = mlpBiases
        self.unembeddingBias = unembeddingBias
        self.tied = tied
        self.initialization = initialization
        self.initializationScale = initializationScale
        self.dropout = dropout
    }

    /// Columns of one attention head.
    package var headWidth: Int { width / max(heads, 1) }

    /// The defaults of one kind: what `{"kind": …}` alone decodes to.
    package static func defaults(for kind: Kind) -> NetworkConfiguration {
        switch kind {
        case .transformer: NetworkConfiguration()
        case .mlp: NetworkConfiguration(kind: .mlp, mlpBiases: false)
        case .oneHot:
            NetworkConfiguration(
                kind: .oneHot, hiddenWidth: 512, activation: .quadratic, mlpBiases: false)
        }
    }
}

/// What a network reads and answers: the sizes that come from the task.
package struct TokenSpace: Sendable, Equatable, Codable {
    /// The number of different input tokens.
    package var vocabulary: Int
    /// The number of tokens of an example.
    package var length: Int
    /// The number of classes, the columns of the logits.
    package var classCount: Int

    package init(vocabulary: Int, length: Int, classCount: Int) {
        self.vocabulary = vocabulary
        self.length = length
        self.classCount = classCount
    }

    private enum CodingKeys: String, CodingKey {
        case vocabulary
        case length
        case classCount = "class_count"
    }
}
