internal import ArgumentParser

/// The network of a run.
///
/// An option that is not given keeps what the preset says.
struct NetworkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "transformer, attention_only, mlp, one_hot or feedforward.", valueName: "kind"))
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

    @Option(
        help: ArgumentHelp(
            "Neurons of each hidden layer of a feedforward network, e.g. 200,200.",
            valueName: "list"))
    var widths: String?

    @Option(
        help: ArgumentHelp(
            "Multiplies the outputs of a feedforward network.", valueName: "factor"))
    var outputScale: Double?

    @Option(
        help: ArgumentHelp(
            "relu, gelu, gelu_tanh, tanh, identity, quadratic or linear_quadratic.",
            valueName: "name"))
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

    /// Adds what was given.
    func add(to changes: inout SettingChanges) {
        changes.add("network", network)
        changes.add("layers", layers)
        changes.add("width", width)
        changes.add("heads", heads)
        changes.add("mlp_width", mlpWidth)
        changes.add("embedding_width", embeddingWidth)
        changes.add("hidden_width", hiddenWidth)
        changes.add("widths", widths)
        changes.add("output_scale", outputScale)
        changes.add("activation", activation)
        changes.add("normalization", normalization)
        changes.add("positions", positions)
        changes.add("final_norm", finalNorm)
        changes.add("attention_biases", attentionBiases)
        changes.add("mlp_biases", mlpBiases)
        changes.add("unembedding_bias", unembeddingBias)
        changes.add("tied", tied)
        changes.add("initialization", initialization)
        changes.add("initialization_scale", initializationScale)
        changes.add("dropout", dropout)
    }
}
