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
        /// The transformer without hidden layers: attention alone.
        case attentionOnly = "attention_only"
        /// Any number of hidden layers on real inputs or on the one-hot codes of the tokens.
        case feedforward
    }

    /// The non-linearity of the hidden layers.
    package enum Activation: String, Codable, Sendable, CaseIterable {
        case relu
        /// The exact form, x·Φ(x) with the error function.
        case gelu
        /// x².
        case quadratic
        /// GELU with a tanh in place of the error function, as GPT-2 and PyTorch's
        /// `approximate="tanh"` have it.
        case tanhGELU = "gelu_tanh"
        case tanh
        /// x: the layers together are one linear map.
        case identity
        /// x + (s/2)·x² with s the `activation_strength` (Kumar and others 2024).
        case linearQuadratic = "linear_quadratic"
    }

    /// How the outputs of a feed-forward network follow from its last hidden layer.
    package enum Readout: String, Codable, Sendable, CaseIterable {
        /// A trained linear map.
        case trained
        /// One output, the mean of the last layer: a committee.
        case mean
        /// One output, (Σ of the first half − Σ of the second half) / √width.
        case signs
    }

    /// Which numbers the initial weights are drawn from.
    package enum InitializationStream: String, Codable, Sendable, CaseIterable {
        /// Cairn's own stream.
        case cairn
        /// As `torch.manual_seed(seed)` and one `torch.nn.Linear` after the other draw them, in the
        /// type that the run computes in.
        case torch
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
        /// (Nanda and others 2023). For the other kinds: N(0, 1/columns of an embedding),
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
    /// Neurons of each hidden layer of the kind `feedforward`; empty for a linear map.
    package var widths = NumberList<Int>([200, 200])
    /// Biases of the kind `feedforward`, in its hidden layers and its output.
    package var biases = true
    /// Each hidden layer of as many neurons as the one before is added to it.
    package var residual = false
    /// s of the activation `linear_quadratic`.
    package var activationStrength = 1.0
    package var readout = Readout.trained
    /// The outputs of the kind `feedforward` are multiplied by this: α of the lazy regime.
    package var outputScale = 1.0
    /// Factors on the initial weights of single layers of the kind `feedforward`, the output last;
    /// empty for 1 everywhere.
    package var layerScales = NumberList<Double>([])
    package var initializationStream = InitializationStream.cairn

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

    /// Whether it has attention, and so reads tokens in order.
    package var isTransformer: Bool { kind == .transformer || kind == .attentionOnly }

    /// Neurons of the hidden layers that measures of neurons look at; 0 where there are none.
    package var neuronCount: Int {
        switch kind {
        case .transformer: mlpWidth
        case .attentionOnly: 0
        case .mlp, .oneHot: hiddenWidth
        case .feedforward: widths.values.last ?? 0
        }
    }

    /// The last hidden layer, as activations number them.
    package var lastHiddenLayer: Int {
        switch kind {
        case .transformer, .attentionOnly: max(0, layers - 1)
        case .mlp, .oneHot: 0
        case .feedforward: max(0, widths.values.count - 1)
        }
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
        case .attentionOnly: NetworkConfiguration(kind: .attentionOnly, mlpBiases: false)
        case .feedforward:
            NetworkConfiguration(
                kind: .feedforward, mlpBiases: false, initialization: .torchDefault)
        }
    }
}

/// What a network reads and answers: the sizes that come from the task.
package struct TokenSpace: Sendable, Equatable, Codable {
    /// The number of different input tokens.
    package var vocabulary: Int
    /// The number of tokens of an example.
    package var length: Int
    /// The number of outputs, the columns of the logits: one for each class, or the real answers.
    package var classCount: Int
    /// The number of real inputs of an example; 0 where examples are tokens.
    package var featureCount: Int

    package init(vocabulary: Int, length: Int, classCount: Int, featureCount: Int = 0) {
        self.vocabulary = vocabulary
        self.length = length
        self.classCount = classCount
        self.featureCount = featureCount
    }

    private enum CodingKeys: String, CodingKey {
        case vocabulary
        case length
        case classCount = "class_count"
        case featureCount = "feature_count"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        vocabulary = try values.decode(Int.self, forKey: .vocabulary)
        length = try values.decode(Int.self, forKey: .length)
        classCount = try values.decode(Int.self, forKey: .classCount)
        featureCount = try values.decodeIfPresent(Int.self, forKey: .featureCount) ?? 0
    }
}
