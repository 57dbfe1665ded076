internal import Checkpoints

extension TokenSpace {
    /// Throws one sentence about the first thing in which examples, sizes and network disagree.
    func validate(_ examples: Examples, _ network: NetworkConfiguration) throws {
        func require(_ condition: Bool, _ subject: String, _ cause: String) throws {
            if !condition { throw UserError(.failure, subject: subject, cause: cause) }
        }
        try require(examples.count > 0, "the examples", "there are none")
        try require(
            examples.targets.contains { $0 >= 0 }, "the examples", "none of them has an answer")
        try require(
            examples.length == length, "the examples",
            "they have \(examples.length) tokens, the network reads \(length)")
        if let token = examples.tokens.first(where: { $0 < 0 || $0 >= Int32(vocabulary) }) {
            throw UserError(
                .failure, subject: "token \(token)",
                cause: "the vocabulary has the tokens 0 to \(vocabulary - 1)")
        }
        if let target = examples.targets.first(where: { $0 >= Int32(classCount) }) {
            throw UserError(
                .failure, subject: "answer \(target)",
                cause: "the network has the classes 0 to \(classCount - 1)")
        }
        if network.kind == .mlp {
            try require(
                length == 2, "the network mlp", "it reads two tokens, the examples have \(length)")
        }
        if network.kind == .transformer && network.tied {
            try require(
                classCount <= vocabulary, "the tied unembedding",
                "there are \(classCount) classes and only \(vocabulary) embeddings")
        }
    }
}

extension NetworkProgram {
    /// The slot of a kind of activations; throws where the network has none.
    func slot(of kind: ActivationKind) throws -> Slot {
        func find(_ slots: [Slot], _ layer: Int, _ what: String) throws -> Slot {
            guard slots.indices.contains(layer) else {
                throw UserError(
                    .failure, subject: "\(what) of layer \(layer)",
                    cause: slots.isEmpty
                        ? "a network of kind \(network.kind.rawValue) has none"
                        : "the network has layers 0 to \(slots.count - 1)")
            }
            return slots[layer]
        }
        return switch kind {
        case .mlpHidden(let layer): try find(hidden, layer, "the hidden activations")
        case .attention(let layer): try find(attention, layer, "the attention")
        case .residual(let layer): try find(residual, layer, "the residual stream")
        case .middle(let layer): try find(middle, layer, "the stream before the hidden layer")
        }
    }
}
