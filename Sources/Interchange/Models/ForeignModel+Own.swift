internal import Networks

extension ForeignModel {
    /// Cairn's own names, as exported files have them; nil for any others.
    ///
    /// Names do not say where layer norms stand: with a final norm they stand before their branch.
    init?(own source: TensorSource, activation: NetworkConfiguration.Activation?) {
        guard let unembedding = source.shape("unembedding") ?? source.shape("embedding"),
            unembedding.count == 2
        else { return nil }
        let names = source.names.filter { !$0.hasPrefix("optimizer/") }
        var network: NetworkConfiguration
        let vocabulary: Int
        if let embedding = source.shape("left_embedding"), source.contains("right_embedding"),
            let hidden = source.shape("hidden"), embedding.count == 2, hidden.count == 2
        {
            network = .defaults(for: .mlp)
            network.embeddingWidth = embedding[1]
            network.hiddenWidth = hidden[1]
            network.mlpBiases = source.contains("hidden_bias")
            network.unembeddingBias = source.contains("unembedding_bias")
            vocabulary = embedding[0]
        } else if let embedding = source.shape("embedding"), embedding.count == 2,
            let query = source.shape("blocks.0.attention.query"), query.count == 3,
            let input = source.shape("blocks.0.mlp.input"), input.count == 2
        {
            network = .defaults(for: .transformer)
            network.layers =
                (0...).first { !source.contains("blocks.\($0).attention.query") } ?? 1
            network.width = embedding[1]
            network.heads = query[0]
            network.mlpWidth = input[1]
            network.positions = source.contains("positions") ? .learned : .sinusoidal
            network.finalNorm = source.contains("final_norm.scale")
            network.normalization =
                !source.contains("blocks.0.attention_norm.scale")
                ? .none : network.finalNorm ? .pre : .post
            network.attentionBiases = source.contains("blocks.0.attention.query_bias")
            network.mlpBiases = source.contains("blocks.0.mlp.input_bias")
            network.unembeddingBias = source.contains("unembedding_bias")
            network.tied = !source.contains("unembedding")
            vocabulary = embedding[0]
        } else if Set(names).subtracting(["hidden_bias", "unembedding_bias"])
            == ["hidden", "unembedding"],
            let hidden = source.shape("hidden"), hidden.count == 2
        {
            network = .defaults(for: .oneHot)
            network.hiddenWidth = hidden[1]
            network.mlpBiases = source.contains("hidden_bias")
            network.unembeddingBias = source.contains("unembedding_bias")
            vocabulary = hidden[0] / 2
        } else {
            return nil
        }
        if let activation { network.activation = activation }
        self.init(
            convention: "cairn", network: network,
            map: TensorMap(names.map { TensorRecipe($0, from: $0) }), vocabulary: vocabulary,
            positionCount: source.shape("positions")?.first,
            classCount: network.tied ? vocabulary : unembedding[1], parameters: names)
    }
}
