/// What a tensor of a checkpoint is to its network.
package enum TensorRole: String, Sendable, CaseIterable {
    /// It is trained.
    case parameter
    /// It is kept beside the parameters: running statistics, counters, masks, tables.
    case buffer

    /// The role of a tensor, by its name, type and shape; `hasSibling` says whether another tensor of
    /// the same checkpoint has a name.
    ///
    /// The names are those of PyTorch's and Keras's own layers and of widespread code. Whole numbers
    /// and truth values are never trained.
    package init(
        name: String, elementType: ElementType, shape: [Int], hasSibling: (String) -> Bool
    ) {
        self = .parameter
        if !elementType.isTrainable {
            self = .buffer
            return
        }
        let parts = name.split { $0 == "." || $0 == "/" }
        guard let last = parts.last.map(String.init) else { return }
        let isKnown =
            Self.names.contains(last.lowercased())
            || parts.contains { Self.modules.contains(String($0)) }
            || last.hasPrefix("hook_")
        // The triangle of GPT-2's attention is named as a bias.
        let isTriangle =
            last == "bias" && shape.count == 4 && shape[0] == 1 && shape[1] == 1
            && shape[2] == shape[3]
        let stem = String(name.dropLast(last.utf8.count))
        let isPruningMask =
            last.hasSuffix("_mask") && hasSibling(stem + last.dropLast(5) + "_orig")
        // The vectors of spectral norm's power iteration.
        let isSpectralVector =
            (last.hasSuffix("_u") || last.hasSuffix("_v"))
            && hasSibling(stem + last.dropLast(2) + "_orig")
        let isKerasStatistic =
            parts.count > 2 && (last == "2" || last == "3") && parts[parts.count - 2] == "vars"
            && parts[parts.count - 3].hasPrefix("batch_normalization")
        if isKnown || isTriangle || isPruningMask || isSpectralVector || isKerasStatistic {
            self = .buffer
        }
    }

    private static let names: Set<String> = [
        "running_mean", "running_var", "num_batches_tracked", "moving_mean", "moving_variance",
        "n_averaged", "ignore", "mask", "attn_mask", "attention_mask", "causal_mask",
        "self_attn_mask",
        "masked_bias", "tril", "inv_freq", "original_inv_freq", "position_ids", "position_encoding",
        "pe", "pos_table", "relative_position_index", "cos_cached", "sin_cached", "freqs_cis",
        "zero_point", "seed_generator_state",
    ]
    private static let modules: Set<String> = ["rotary_emb", "seed_generator", "batch_stats"]

    /// The roles of all tensors of a checkpoint, in their order.
    package static func roles(
        of tensors: [(name: String, elementType: ElementType, shape: [Int])]
    ) -> [TensorRole] {
        let names = Set(tensors.map(\.name))
        return tensors.map {
            TensorRole(
                name: $0.name, elementType: $0.elementType, shape: $0.shape,
                hasSibling: names.contains)
        }
    }
}

extension ElementType {
    /// Whether a tensor of this type can have a gradient.
    package var isTrainable: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64, .complex64, .complex128: true
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool: false
        }
    }
}
