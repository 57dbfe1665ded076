internal import Networks

extension ForeignModel {
    /// Why a network whose names are known computes something that Cairn does not; nil when it does
    /// compute it, or when the names are not known.
    ///
    /// Such a run comes in with its weights alone: a network that is nearly the same would give
    /// numbers that are wrong without saying so.
    static func unsupported(_ source: TensorSource, settings: Value?) -> String? {
        let isHooked = source.contains("embed.W_E") && source.contains("unembed.W_U")
        let isPublished = source.names.contains {
            $0.hasSuffix("decoder.blocks.0.self_attn.Wo.weight")
        }
        guard isHooked || isPublished || source.contains("W_U") else { return nil }
        if let name = activationName(settings), activation(settings) == nil {
            return "the activation \(name) is not one of "
                + NetworkConfiguration.Activation.allCases.map(\.rawValue).joined(separator: ", ")
        }
        return isHooked ? unsupportedHooked(source, settings: settings) : nil
    }

    private static func unsupportedHooked(_ source: TensorSource, settings: Value?) -> String? {
        if let norm = settings?["normalization_type"]?.textual, norm != "LN" {
            return "the normalisation \(norm) is not read, only LN or none"
        }
        if let positions = settings?["positional_embedding_type"]?.textual, positions != "standard"
        {
            return "the positions are \(positions), not learned ones that are added"
        }
        if settings?["attention_dir"]?.textual == "bidirectional" {
            return "its attention is not causal"
        }
        if case .boolean(false)? = settings?["use_attn_scale"] {
            return "its attention scores are not scaled"
        }
        guard source.contains("pos_embed.W_pos") else { return "it has no learned positions" }
        var layer = 0
        while source.contains("blocks.\(layer).attn.W_O") {
            let block = "blocks.\(layer)"
            guard source.contains("\(block).attn.W_K"), source.contains("\(block).attn.W_V") else {
                return "its heads share keys and values"
            }
            guard source.contains("\(block).mlp.W_in"), source.contains("\(block).mlp.W_out") else {
                return "layer \(layer) has no hidden layer after its attention"
            }
            guard !source.contains("\(block).mlp.W_gate") else {
                return "its hidden layers have gates"
            }
            layer += 1
        }
        let scales = source.names.filter { $0.hasSuffix(".w") }
        if let scale = scales.first(where: { !source.contains($0.dropLast() + "b") }) {
            return "its norm \(scale) has no shift, so it is no layer norm"
        }
        return nil
    }
}
