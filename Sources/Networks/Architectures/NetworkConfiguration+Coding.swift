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
    }

    /// The keys that a kind uses and writes.
    private static func keys(of kind: Kind) -> [CodingKeys] {
        let common: [CodingKeys] = [.kind, .activation, .initialization, .initializationScale]
        return switch kind {
        case .transformer:
            CodingKeys.allCases.filter { $0 != .embeddingWidth && $0 != .hiddenWidth }
        case .mlp: common + [.embeddingWidth, .hiddenWidth]
        case .oneHot: common + [.hiddenWidth]
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
    }

    /// Writes the fields that the kind uses.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(activation, forKey: .activation)
        try container.encode(initialization, forKey: .initialization)
        try container.encode(initializationScale, forKey: .initializationScale)
        switch kind {
        case .transformer:
            try container.encode(layers, forKey: .layers)
            try container.encode(width, forKey: .width)
            try container.encode(heads, forKey: .heads)
            try container.encode(mlpWidth, forKey: .mlpWidth)
            try container.encode(normalization, forKey: .normalization)
            try container.encode(finalNorm, forKey: .finalNorm)
            try container.encode(positions, forKey: .positions)
            try container.encode(attentionBiases, forKey: .attentionBiases)
            try container.encode(mlpBiases, forKey: .mlpBiases)
            try container.encode(unembeddingBias, forKey: .unembeddingBias)
            try container.encode(tied, forKey: .tied)
            try container.encode(dropout, forKey: .dropout)
        case .mlp:
            try container.encode(embeddingWidth, forKey: .embeddingWidth)
            try container.encode(hiddenWidth, forKey: .hiddenWidth)
        case .oneHot:
            try container.encode(hiddenWidth, forKey: .hiddenWidth)
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
        switch kind {
        case .transformer:
            try requirePositive(layers, "layers")
            try requirePositive(width, "width")
            try requirePositive(heads, "heads")
            try requirePositive(mlpWidth, "mlp_width")
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
        }
    }

    private func largestDivisor(of number: Int, upTo limit: Int) -> Int {
        (1...max(1, min(limit, number))).last { number % $0 == 0 } ?? 1
    }
}
