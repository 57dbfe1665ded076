internal import Checkpoints

extension TokenSpace {
    /// Throws one sentence about the first thing in which examples, sizes and network disagree.
    func validate(
        _ examples: Examples, _ network: NetworkConfiguration, _ loss: LossConfiguration
    ) throws {
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
        let answerCount = loss.isBinary ? 2 : classCount
        if let target = examples.targets.first(where: { $0 >= Int32(answerCount) }) {
            throw UserError(
                .failure, subject: "answer \(target)",
                cause: "there are the classes 0 to \(answerCount - 1)")
        }
        try validateReals(examples, network, loss)
        if network.kind == .mlp {
            try require(
                length == 2, "the network mlp", "it reads two tokens, the examples have \(length)")
        }
        if network.isTransformer && network.tied {
            try require(
                classCount <= vocabulary, "the tied unembedding",
                "there are \(classCount) classes and only \(vocabulary) embeddings")
        }
    }

    /// What real inputs, real answers and single outputs ask of network and loss.
    private func validateReals(
        _ examples: Examples, _ network: NetworkConfiguration, _ loss: LossConfiguration
    ) throws {
        let columns = examples.features?.columnCount ?? 0
        guard columns == featureCount else {
            throw UserError(
                .failure, subject: "the examples",
                cause: "they have \(columns) real inputs, the network reads \(featureCount)")
        }
        if columns > 0, network.kind != .feedforward {
            throw UserError.usage(
                subject: "network \(network.kind.rawValue)",
                cause: "it reads tokens, the data are real numbers",
                advice: "choose the network feedforward")
        }
        if examples.answerWidth > 0 {
            guard loss.kind == .meanSquaredError else {
                throw UserError.usage(
                    subject: "loss \(loss.kind.rawValue)",
                    cause: "it needs classes, the answers are real numbers",
                    advice: "choose the loss mean_squared_error")
            }
            guard examples.answerWidth == classCount else {
                throw UserError(
                    .failure, subject: "the examples",
                    cause: "their answers have \(examples.answerWidth) numbers, the network has "
                        + "\(classCount) outputs")
            }
        }
        if loss.kind != .crossEntropy, examples.targetsPerExample != 1 {
            throw UserError.usage(
                subject: "loss \(loss.kind.rawValue)",
                cause: "it is for one answer an example, the task asks for "
                    + "\(examples.targetsPerExample)",
                advice: "choose the loss cross_entropy")
        }
        if loss.isBinary, classCount != 1 {
            throw UserError.usage(
                subject: "loss \(loss.kind.rawValue)",
                cause: "it is for one output, the network has \(classCount)",
                advice: "choose a task of two classes, or another loss")
        }
        if network.kind == .feedforward, network.readout != .trained, classCount != 1 {
            throw UserError.usage(
                subject: "readout \(network.readout.rawValue)",
                cause: "it is one output, the task needs \(classCount)",
                advice: "choose the readout trained, or the loss hinge or logistic for two classes")
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
