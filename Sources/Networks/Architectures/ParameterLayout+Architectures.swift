extension ParameterLayout {
    /// The tensors of a network, with their shapes and first distributions.
    package init(_ network: NetworkConfiguration, _ space: TokenSpace) {
        self.init()
        switch network.kind {
        case .transformer: appendTransformer(network, space)
        case .mlp: appendEmbeddingNetwork(network, space)
        case .oneHot: appendOneHotNetwork(network, space)
        }
    }

    private mutating func appendTransformer(_ network: NetworkConfiguration, _ space: TokenSpace) {
        let rule = InitialRule(network: network)
        let width = network.width
        let (heads, headWidth) = (network.heads, network.headWidth)
        append("embedding", [space.vocabulary, width], rule.embedding(columns: width))
        if network.positions == .learned {
            append("positions", [space.length, width], rule.embedding(columns: width))
        }
        for layer in 0..<network.layers {
            let block = "blocks.\(layer)"
            for part in ["query", "key", "value"] {
                let name = "\(block).attention.\(part)"
                append(name, [heads, width, headWidth], rule.matrix(rows: width, scale: width))
                if network.attentionBiases {
                    append("\(name)_bias", [heads, headWidth], rule.bias(rows: width))
                }
            }
            append(
                "\(block).attention.output", [heads, headWidth, width],
                rule.matrix(rows: width, scale: width))
            if network.attentionBiases {
                append("\(block).attention.output_bias", [width], rule.bias(rows: width))
            }
            if network.normalization != .none { appendNorm("\(block).attention_norm", width) }
            append(
                "\(block).mlp.input", [width, network.mlpWidth],
                rule.matrix(rows: width, scale: width))
            if network.mlpBiases {
                append("\(block).mlp.input_bias", [network.mlpWidth], rule.bias(rows: width))
            }
            append(
                "\(block).mlp.output", [network.mlpWidth, width],
                rule.matrix(rows: network.mlpWidth, scale: width))
            if network.mlpBiases {
                append("\(block).mlp.output_bias", [width], rule.bias(rows: network.mlpWidth))
            }
            if network.normalization != .none { appendNorm("\(block).mlp_norm", width) }
        }
        if network.finalNorm { appendNorm("final_norm", width) }
        if !network.tied {
            append(
                "unembedding", [width, space.classCount],
                rule.matrix(rows: width, scale: space.classCount))
        }
        if network.unembeddingBias {
            append("unembedding_bias", [space.classCount], rule.bias(rows: width))
        }
    }

    private mutating func appendNorm(_ name: String, _ width: Int) {
        append("\(name).scale", [width], .constant(1))
        append("\(name).shift", [width], .constant(0))
    }

    private mutating func appendEmbeddingNetwork(
        _ network: NetworkConfiguration, _ space: TokenSpace
    ) {
        let rule = InitialRule(network: network)
        let (columns, hidden) = (network.embeddingWidth, network.hiddenWidth)
        for side in ["left", "right"] {
            append(
                "\(side)_embedding", [space.vocabulary, columns], rule.embedding(columns: columns))
        }
        append("hidden", [2 * columns, hidden], rule.matrix(rows: 2 * columns, scale: 2 * columns))
        append(
            "unembedding", [hidden, space.classCount],
            rule.matrix(rows: hidden, scale: space.classCount))
    }

    private mutating func appendOneHotNetwork(_ network: NetworkConfiguration, _ space: TokenSpace)
    {
        let rule = InitialRule(network: network)
        let rows = space.length * space.vocabulary
        let hidden = network.hiddenWidth
        append("hidden", [rows, hidden], rule.matrix(rows: rows, scale: rows))
        append(
            "unembedding", [hidden, space.classCount],
            rule.matrix(rows: hidden, scale: space.classCount))
    }
}

/// The distributions of one initialisation rule.
private struct InitialRule {
    let network: NetworkConfiguration

    private func normal(variance: Double) -> InitialDistribution {
        .normal(standardDeviation: network.initializationScale * variance.squareRoot())
    }

    func embedding(columns: Int) -> InitialDistribution {
        switch network.initialization {
        case .scaledNormal, .fanIn: normal(variance: 1 / Double(columns))
        case .torchDefault: normal(variance: 1)
        case .smallNormal: normal(variance: 4e-4)
        }
    }

    /// `rows` is the fan-in; `scale` the count that `scaledNormal` divides by.
    func matrix(rows: Int, scale: Int) -> InitialDistribution {
        switch network.initialization {
        case .scaledNormal: normal(variance: 1 / Double(scale))
        case .fanIn: normal(variance: 1 / Double(rows))
        case .torchDefault:
            .uniform(bound: network.initializationScale / Double(rows).squareRoot())
        case .smallNormal: normal(variance: 4e-4)
        }
    }

    func bias(rows: Int) -> InitialDistribution {
        switch network.initialization {
        case .torchDefault:
            .uniform(bound: network.initializationScale / Double(rows).squareRoot())
        case .scaledNormal, .smallNormal, .fanIn: .constant(0)
        }
    }
}
