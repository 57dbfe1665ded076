internal import ArgumentParser
internal import Networks

/// The network of a run. An option that is not given keeps what the preset says.
struct NetworkOptions: ParsableArguments {
    @Option(help: ArgumentHelp("transformer, mlp or one_hot.", valueName: "kind"))
    var network: String?

    @Option(help: ArgumentHelp("Transformer blocks.", valueName: "n"))
    var layers: Int?

    @Option(help: ArgumentHelp("Columns of the residual stream.", valueName: "n"))
    var width: Int?

    @Option(help: ArgumentHelp("Attention heads; they divide the width.", valueName: "n"))
    var heads: Int?

    @Option(help: ArgumentHelp("Neurons of each transformer block.", valueName: "n"))
    var mlpWidth: Int?

    @Option(help: ArgumentHelp("Columns of each embedding of an mlp.", valueName: "n"))
    var embeddingWidth: Int?

    @Option(help: ArgumentHelp("Neurons of an mlp or one_hot network.", valueName: "n"))
    var hiddenWidth: Int?

    @Option(help: ArgumentHelp("relu, gelu or quadratic.", valueName: "name"))
    var activation: String?

    @Option(help: ArgumentHelp("Layer norms: none, pre or post.", valueName: "where"))
    var normalization: String?

    @Option(help: ArgumentHelp("learned or sinusoidal.", valueName: "kind"))
    var positions: String?

    @Flag(inversion: .prefixedNo, help: "A layer norm before the unembedding.")
    var finalNorm: Bool?

    @Flag(inversion: .prefixedNo, help: "Biases in attention.")
    var attentionBiases: Bool?

    @Flag(inversion: .prefixedNo, help: "Biases in the hidden layers.")
    var mlpBiases: Bool?

    @Flag(inversion: .prefixedNo, help: "A bias on the logits.")
    var unembeddingBias: Bool?

    @Flag(inversion: .prefixedNo, help: "Use the embedding as the unembedding.")
    var tied: Bool?

    @Option(
        help: ArgumentHelp(
            "scaled_normal, torch_default, small_normal or fan_in.", valueName: "rule"))
    var initialization: String?

    @Option(help: ArgumentHelp("Multiplies every initial weight.", valueName: "factor"))
    var initializationScale: Double?

    @Option(help: ArgumentHelp("Chance that a hidden output is zeroed.", valueName: "share"))
    var dropout: Double?

    /// Writes what was given over a configuration; another kind of network starts from the
    /// defaults of that kind.
    func apply(to configuration: inout NetworkConfiguration) throws {
        if let network {
            let kind: NetworkConfiguration.Kind = try Choice.read(network, option: "--network")
            if kind != configuration.kind { configuration = .defaults(for: kind) }
        }
        set(layers, \.layers, &configuration)
        set(width, \.width, &configuration)
        set(heads, \.heads, &configuration)
        set(mlpWidth, \.mlpWidth, &configuration)
        set(embeddingWidth, \.embeddingWidth, &configuration)
        set(hiddenWidth, \.hiddenWidth, &configuration)
        set(finalNorm, \.finalNorm, &configuration)
        set(attentionBiases, \.attentionBiases, &configuration)
        set(mlpBiases, \.mlpBiases, &configuration)
        set(unembeddingBias, \.unembeddingBias, &configuration)
        set(tied, \.tied, &configuration)
        set(initializationScale, \.initializationScale, &configuration)
        set(dropout, \.dropout, &configuration)
        try choose(activation, "--activation", \.activation, &configuration)
        try choose(normalization, "--normalization", \.normalization, &configuration)
        try choose(positions, "--positions", \.positions, &configuration)
        try choose(initialization, "--initialization", \.initialization, &configuration)
        try configuration.validate()
    }

    private func set<Value>(
        _ value: Value?, _ field: WritableKeyPath<NetworkConfiguration, Value>,
        _ configuration: inout NetworkConfiguration
    ) {
        if let value { configuration[keyPath: field] = value }
    }

    private func choose<Value: RawRepresentable & CaseIterable>(
        _ text: String?, _ option: String, _ field: WritableKeyPath<NetworkConfiguration, Value>,
        _ configuration: inout NetworkConfiguration
    ) throws where Value.RawValue == String {
        if let text { configuration[keyPath: field] = try Choice.read(text, option: option) }
    }
}
