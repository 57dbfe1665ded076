internal import Checkpoints

extension NetworkConfiguration: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case kind
        case layers
        case width
        case heads
        case mlpWidth = "mlp_width"
        case embeddingWidth = "embedding_width"
        case hiddenWidth = "hidden_width"
        case activation
        case normalization
        case finalNorm = "final_norm"
        case positions
        case attentionBiases = "attention_biases"
        case mlpBiases = "mlp_biases"
        case unembeddingBias = "unembedding_bias"
        case tied
        case initialization
        case initializationScale = "initialization_scale"
        case dropout
        case widths
        case biases
        case residual
        case activationStrength = "activation_strength"
        case readout
        case outputScale = "output_scale"
        case layerScales = "layer_scales"
        case initializationStream = "initialization_stream"
    }

    /// The keys that a kind uses and writes.
    private static func keys(of kind: Kind) -> [CodingKeys] {
        let neurons: [CodingKeys] = [.activation, .activationStrength]
        let common: [CodingKeys] = [.kind, .initialization, .initializationScale]
        let layerBiases: [CodingKeys] = [.mlpBiases, .unembeddingBias]
        let attention: [CodingKeys] = [
            .layers, .width, .heads, .normalization, .finalNorm, .positions, .attentionBiases,
            .unembeddingBias, .tied,
        ]
        return switch kind {
        case .transformer: common + neurons + attention + [.mlpWidth, .mlpBiases, .dropout]
        case .attentionOnly: common + attention
        case .mlp: common + neurons + [.embeddingWidth, .hiddenWidth] + layerBiases
        case .oneHot: common + neurons + [.hiddenWidth] + layerBiases
        case .feedforward:
            common + neurons + [
                .widths, .biases, .residual, .normalization, .readout, .outputScale, .layerScales,
                .initializationStream,
            ]
        }
    }

    /// The keys of the section `network`, in the order shown to people.
    package static var settingKeys: [String] { CodingKeys.allCases.map(\.rawValue) }

    /// Reads a JSON object.
    ///
    /// A key that is absent takes the default of the kind, one that the kind does not use is refused.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "network")
        var kind = Kind.transformer
        try values.read(.kind, into: &kind)
        let used = NetworkConfiguration.keys(of: kind)
        if let stranger = CodingKeys.allCases.first(where: {
            !used.contains($0) && values.contains($0)
        }) {
            throw UserError.usage(
                subject: "network setting \(stranger.rawValue)",
                cause: "the network \(kind.rawValue) does not use it",
                advice: "leave it out or choose another network")
        }
        self = NetworkConfiguration.defaults(for: kind)
        func read<Value: Decodable>(
            _ field: WritableKeyPath<NetworkConfiguration, Value>, _ key: CodingKeys
        ) throws {
            try values.read(key, into: &self[keyPath: field])
        }
        try read(\.layers, .layers)
        try read(\.width, .width)
        try read(\.heads, .heads)
        try read(\.mlpWidth, .mlpWidth)
        try read(\.embeddingWidth, .embeddingWidth)
        try read(\.hiddenWidth, .hiddenWidth)
        try read(\.activation, .activation)
        try read(\.normalization, .normalization)
        try read(\.finalNorm, .finalNorm)
        try read(\.positions, .positions)
        try read(\.attentionBiases, .attentionBiases)
        try read(\.mlpBiases, .mlpBiases)
        try read(\.unembeddingBias, .unembeddingBias)
        try read(\.tied, .tied)
        try read(\.initialization, .initialization)
        try read(\.initializationScale, .initializationScale)
        try read(\.dropout, .dropout)
        try read(\.widths, .widths)
        try read(\.biases, .biases)
        try read(\.residual, .residual)
        try read(\.activationStrength, .activationStrength)
        try read(\.readout, .readout)
        try read(\.outputScale, .outputScale)
        try read(\.layerScales, .layerScales)
        try read(\.initializationStream, .initializationStream)
        if values.contains(.activationStrength), activation != .linearQuadratic {
            throw UserError.usage(
                subject: "network setting activation_strength",
                cause: "the activation \(activation.rawValue) does not use it",
                advice: "leave it out or choose the activation linear_quadratic")
        }
    }

    /// Writes the fields that the kind uses.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        for key in NetworkConfiguration.keys(of: kind) {
            switch key {
            case .kind: try container.encode(kind, forKey: key)
            case .layers: try container.encode(layers, forKey: key)
            case .width: try container.encode(width, forKey: key)
            case .heads: try container.encode(heads, forKey: key)
            case .mlpWidth: try container.encode(mlpWidth, forKey: key)
            case .embeddingWidth: try container.encode(embeddingWidth, forKey: key)
            case .hiddenWidth: try container.encode(hiddenWidth, forKey: key)
            case .activation: try container.encode(activation, forKey: key)
            case .normalization: try container.encode(normalization, forKey: key)
            case .finalNorm: try container.encode(finalNorm, forKey: key)
            case .positions: try container.encode(positions, forKey: key)
            case .attentionBiases: try container.encode(attentionBiases, forKey: key)
            // Networks of one hidden layer had no biases once: without any they are written as then.
            case .mlpBiases:
                if isTransformer || mlpBiases { try container.encode(mlpBiases, forKey: key) }
            case .unembeddingBias:
                if isTransformer || unembeddingBias {
                    try container.encode(unembeddingBias, forKey: key)
                }
            case .tied: try container.encode(tied, forKey: key)
            case .initialization: try container.encode(initialization, forKey: key)
            case .initializationScale: try container.encode(initializationScale, forKey: key)
            case .dropout: try container.encode(dropout, forKey: key)
            case .widths: try container.encode(widths, forKey: key)
            case .biases: try container.encode(biases, forKey: key)
            case .residual: try container.encode(residual, forKey: key)
            case .activationStrength:
                if activation == .linearQuadratic {
                    try container.encode(activationStrength, forKey: key)
                }
            case .readout: try container.encode(readout, forKey: key)
            case .outputScale: try container.encode(outputScale, forKey: key)
            case .layerScales: try container.encode(layerScales, forKey: key)
            case .initializationStream: try container.encode(initializationStream, forKey: key)
            }
        }
    }
}

extension NetworkConfiguration {
    /// Throws one sentence about the first field that cannot work.
    package func validate() throws {
        func require(_ condition: Bool, _ subject: String, _ cause: String, _ advice: String) throws
        {
            if !condition { throw UserError.usage(subject: subject, cause: cause, advice: advice) }
        }
        func requirePositive(_ value: Int, _ name: String) throws {
            try require(
                value > 0, "\(name) \(value)", "it must be at least 1", "give a whole number")
        }
        try require(
            initializationScale > 0 && initializationScale.isFinite,
            "initialization_scale \(initializationScale)", "it must be a positive number", "use 1")
        try require(
            activationStrength.isFinite, "activation_strength \(activationStrength)",
            "it must be a number", "use 1")
        switch kind {
        case .transformer, .attentionOnly:
            try requirePositive(layers, "layers")
            try requirePositive(width, "width")
            try requirePositive(heads, "heads")
            if kind == .transformer { try requirePositive(mlpWidth, "mlp_width") }
            try require(
                width % heads == 0, "heads \(heads)", "they do not divide the width \(width)",
                "choose heads that divide the width, for example \(largestDivisor(of: width, upTo: heads))"
            )
            try require(
                dropout >= 0 && dropout < 1, "dropout \(dropout)",
                "it must be at least 0 and below 1", "use 0 for none")
        case .mlp:
            try requirePositive(embeddingWidth, "embedding_width")
            try requirePositive(hiddenWidth, "hidden_width")
        case .oneHot:
            try requirePositive(hiddenWidth, "hidden_width")
        case .feedforward: try validateFeedforward(require)
        }
    }

    private func validateFeedforward(
        _ require: (Bool, String, String, String) throws -> Void
    ) throws {
        let widths = self.widths.values
        for width in widths {
            try require(
                width > 0, "widths '\(self.widths)'", "a layer must have at least 1 neuron",
                "give the neurons of each hidden layer, for example 200,200")
        }
        try require(
            outputScale > 0 && outputScale.isFinite, "output_scale \(outputScale)",
            "it must be a positive number", "use 1")
        let layerCount = widths.count + (readout == .trained ? 1 : 0)
        let scales = layerScales.values
        try require(
            scales.isEmpty || scales.count == layerCount, "layer_scales '\(layerScales)'",
            "there are \(scales.count) for \(layerCount) layers",
            "give one for each hidden layer\(readout == .trained ? " and one for the output" : "")")
        try require(
            scales.allSatisfy { $0 >= 0 && $0.isFinite }, "layer_scales '\(layerScales)'",
            "a factor must be at least 0", "use 1 for a layer that keeps its rule")
        try require(
            readout == .trained || !widths.isEmpty, "readout \(readout.rawValue)",
            "there is no hidden layer to read", "give widths, or choose the readout trained")
        try require(
            initializationStream == .cairn || initialization == .torchDefault,
            "initialization_stream torch", "it draws what the rule torch_default asks for",
            "choose the initialization torch_default")
        try require(
            initializationStream == .cairn || normalization == .none,
            "initialization_stream torch", "it is defined for linear layers without norms",
            "choose the normalization none")
    }

    private func largestDivisor(of number: Int, upTo limit: Int) -> Int {
        (1...max(1, min(limit, number))).last { number % $0 == 0 } ?? 1
    }
}
