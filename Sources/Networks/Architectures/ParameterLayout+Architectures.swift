extension ParameterLayout {
    /// The tensors of a network, with their shapes and first distributions.
    package init(_ network: NetworkConfiguration, _ space: TokenSpace) {
        self.init()
        switch network.kind {
        case .transformer, .attentionOnly: appendTransformer(network, space)
        case .mlp: appendEmbeddingNetwork(network, space)
        case .oneHot: appendOneHotNetwork(network, space)
        case .feedforward: appendFeedforward(network, space)
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
            guard network.kind != .attentionOnly else { continue }
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

    /// `layers.0.weight` [inputs, width] and `layers.0.bias` to `output.weight` and `output.bias`.
    private mutating func appendFeedforward(_ network: NetworkConfiguration, _ space: TokenSpace) {
        let rule = InitialRule(network: network)
        let widths = network.widths.values
        var rows = space.featureCount > 0 ? space.featureCount : space.length * space.vocabulary
        func factor(_ layer: Int) -> Double {
            let factors = network.layerScales.values
            return factors.isEmpty ? 1 : factors[layer]
        }
        for (layer, width) in widths.enumerated() {
            let name = "layers.\(layer)"
            append(
                "\(name).weight", [rows, width],
                rule.matrix(rows: rows, scale: rows).times(factor(layer)))
            if network.biases {
                append("\(name).bias", [width], rule.bias(rows: rows).times(factor(layer)))
            }
            if network.normalizesInput(of: layer) { appendNorm("\(name).norm", rows) }
            if network.normalization == .post { appendNorm("\(name).norm", width) }
            rows = width
        }
        guard network.readout == .trained else { return }
        let outputs = space.classCount
        append(
            "output.weight", [rows, outputs],
            rule.matrix(rows: rows, scale: outputs).times(factor(widths.count)))
        if network.biases {
            append("output.bias", [outputs], rule.bias(rows: rows).times(factor(widths.count)))
        }
    }

    private mutating func appendEmbeddingNetwork(
        _ network: NetworkConfiguration, _ space: TokenSpace
    ) {
        let rule = InitialRule(network: network)
        let columns = network.embeddingWidth
        for side in ["left", "right"] {
            append(
                "\(side)_embedding", [space.vocabulary, columns], rule.embedding(columns: columns))
        }
        appendHiddenLayer(network, space, rows: 2 * columns)
    }

    private mutating func appendOneHotNetwork(_ network: NetworkConfiguration, _ space: TokenSpace)
    {
        appendHiddenLayer(network, space, rows: space.length * space.vocabulary)
    }

    /// One hidden layer and the output, each with a bias where the network has it.
    private mutating func appendHiddenLayer(
        _ network: NetworkConfiguration, _ space: TokenSpace, rows: Int
    ) {
        let rule = InitialRule(network: network)
        let hidden = network.hiddenWidth
        append("hidden", [rows, hidden], rule.matrix(rows: rows, scale: rows))
        if network.mlpBiases { append("hidden_bias", [hidden], rule.bias(rows: rows)) }
        append(
            "unembedding", [hidden, space.classCount],
            rule.matrix(rows: hidden, scale: space.classCount))
        if network.unembeddingBias {
            append("unembedding_bias", [space.classCount], rule.bias(rows: hidden))
        }
    }
}

extension NetworkConfiguration {
    /// Whether a hidden layer of the kind `feedforward` begins with a layer norm; the first reads the
    /// data as they are.
    func normalizesInput(of layer: Int) -> Bool { normalization == .pre && layer > 0 }
}

extension InitialDistribution {
    /// The distribution of the values times a factor.
    fileprivate func times(_ factor: Double) -> InitialDistribution {
        switch self {
        case .constant(let value): .constant(factor * value)
        case .normal(let deviation): .normal(standardDeviation: factor * deviation)
        case .uniform(let bound): .uniform(bound: factor * bound)
        }
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
