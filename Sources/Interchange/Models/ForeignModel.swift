internal import Checkpoints
package import Networks

/// A network recognised by the names and shapes of its tensors.
package struct ForeignModel: Sendable {
    /// The convention of names, for example `transformer_lens`.
    package let convention: String
    package var network: NetworkConfiguration
    package var map: TensorMap
    /// Rows of the embedding.
    package let vocabulary: Int
    /// Rows of the learned positions; nil where there are none.
    package let positionCount: Int?
    /// Columns of the unembedding.
    package let classCount: Int
    /// The trainable tensors of the file, in the order of the file.
    package let parameters: [String]
    package var notes: [String] = []
    /// Square matrices of a mapping that says nothing about their orientation.
    var openSquares: [String] = []

    /// The network that some tensors are; nil when their names are not known, or when it is one that
    /// `unsupported` names.
    ///
    /// With `keepsZeroBiases`, biases that are all zero belong to the network nonetheless: the state
    /// may be the first of many.
    init?(_ source: TensorSource, settings: Value?, keepsZeroBiases: Bool = false) throws {
        guard Self.unsupported(source, settings: settings) == nil else { return nil }
        let activation = Self.activation(settings)
        if source.contains("embed.W_E"), source.contains("unembed.W_U"),
            source.contains("blocks.0.attn.W_O")
        {
            try self.init(
                hooked: source, activation: activation, keepsZeroBiases: keepsZeroBiases)
        } else if let prefix = ["transformer.", ""].first(where: {
            source.contains("\($0)decoder.blocks.0.self_attn.Wo.weight")
        }) {
            try self.init(published: source, prefix: prefix, activation: activation)
        } else if let left = source.shape("W_x"), let hidden = source.shape("W"),
            source.shape("W_y") == left, let last = source.shape("W_U"), left.count == 2,
            hidden.count == 2, hidden[0] == 2 * left[1], last.count == 2, last[0] == hidden[1]
        {
            self.init(
                convention: "rep_theory_mlp",
                network: NetworkConfiguration(
                    kind: .mlp, embeddingWidth: left[1], hiddenWidth: hidden[1], mlpBiases: false),
                map: TensorMap([
                    TensorRecipe("left_embedding", from: "W_x"),
                    TensorRecipe("right_embedding", from: "W_y"),
                    TensorRecipe("hidden", from: "W"), TensorRecipe("unembedding", from: "W_U"),
                ]),
                vocabulary: left[0], positionCount: nil, classCount: last[1],
                parameters: ["W_x", "W_y", "W", "W_U"])
        } else if let own = Self(own: source, activation: activation) {
            self = own
        } else {
            return nil
        }
    }

    package init(
        convention: String, network: NetworkConfiguration, map: TensorMap, vocabulary: Int,
        positionCount: Int?, classCount: Int, parameters: [String]
    ) {
        self.convention = convention
        self.network = network
        self.map = map
        self.vocabulary = vocabulary
        self.positionCount = positionCount
        self.classCount = classCount
        self.parameters = parameters
    }

    /// What settings call the activation, under any of the published keys.
    static func activationName(_ settings: Value?) -> String? {
        ["act_type", "act_fn", "non_linearity", "activation"]
            .lazy.compactMap { settings?[$0]?.textual }.first
    }

    /// The activation that settings name; nil where they name none, or one that is not known.
    static func activation(_ settings: Value?) -> NetworkConfiguration.Activation? {
        activationName(settings).flatMap {
            NetworkConfiguration.Activation(rawValue: $0.lowercased())
        }
    }

    /// Keeps the first positions of a file that has more than the task needs.
    mutating func cutPositions(to length: Int) {
        guard let count = positionCount, count > length,
            let index = map.recipes.firstIndex(where: { $0.target == "positions" })
        else { return }
        map.recipes[index].slice = .init(axis: 0, range: 0..<length)
        notes.append("of \(count) positions the first \(length) are used and were kept")
    }
}

// MARK: - TransformerLens and the progress-measures code

extension ForeignModel {
    /// Names such as `blocks.0.attn.W_Q`.
    ///
    /// TransformerLens multiplies rows by matrices; the progress-measures code has most matrices
    /// the other way round, and its attention output is one matrix for all heads.
    private init(
        hooked source: TensorSource, activation: NetworkConfiguration.Activation?,
        keepsZeroBiases: Bool
    ) throws {
        guard let embedding = source.shape("embed.W_E"), embedding.count == 2,
            let output = source.shape("blocks.0.attn.W_O"),
            let query = source.shape("blocks.0.attn.W_Q"), query.count == 3,
            let unembedding = source.shape("unembed.W_U"), unembedding.count == 2
        else {
            throw UserError.unreadable(
                source.path, "its tensors have the names of TransformerLens, but not the shapes")
        }
        let isColumns = output.count == 2
        let heads = query[0]
        let (width, headWidth) = isColumns ? (query[2], query[1]) : (query[1], query[2])
        let turned = isColumns ? [1, 0] : nil
        var layers = 0
        var recipes = [TensorRecipe("embedding", from: "embed.W_E", axes: turned)]
        if source.contains("pos_embed.W_pos") {
            recipes.append(TensorRecipe("positions", from: "pos_embed.W_pos"))
        }
        var biases = Biases(source, keepsZero: keepsZeroBiases)
        while source.contains("blocks.\(layers).attn.W_Q") {
            let (from, to) = ("blocks.\(layers)", "blocks.\(layers)")
            for (letter, part) in [("Q", "query"), ("K", "key"), ("V", "value")] {
                recipes.append(
                    TensorRecipe(
                        "\(to).attention.\(part)", from: "\(from).attn.W_\(letter)",
                        axes: isColumns ? [0, 2, 1] : nil))
                try biases.add(
                    "\(to).attention.\(part)_bias", "\(from).attn.b_\(letter)", .attention)
            }
            recipes.append(
                TensorRecipe(
                    "\(to).attention.output", from: "\(from).attn.W_O",
                    shape: isColumns ? [width, heads, headWidth] : nil,
                    axes: isColumns ? [1, 2, 0] : nil))
            try biases.add("\(to).attention.output_bias", "\(from).attn.b_O", .attention)
            recipes.append(
                TensorRecipe("\(to).mlp.input", from: "\(from).mlp.W_in", axes: turned))
            recipes.append(
                TensorRecipe("\(to).mlp.output", from: "\(from).mlp.W_out", axes: turned))
            try biases.add("\(to).mlp.input_bias", "\(from).mlp.b_in", .mlp)
            try biases.add("\(to).mlp.output_bias", "\(from).mlp.b_out", .mlp)
            for (norm, place) in [("attention_norm", "ln1"), ("mlp_norm", "ln2")]
            where source.contains("\(from).\(place).w") {
                recipes.append(TensorRecipe("\(to).\(norm).scale", from: "\(from).\(place).w"))
                recipes.append(TensorRecipe("\(to).\(norm).shift", from: "\(from).\(place).b"))
            }
            layers += 1
        }
        let hasFinalNorm = source.contains("ln_final.w")
        if hasFinalNorm {
            recipes.append(TensorRecipe("final_norm.scale", from: "ln_final.w"))
            recipes.append(TensorRecipe("final_norm.shift", from: "ln_final.b"))
        }
        recipes.append(TensorRecipe("unembedding", from: "unembed.W_U"))
        try biases.add("unembedding_bias", "unembed.b_U", .unembedding)
        recipes += biases.recipes
        let mlp = source.shape("blocks.0.mlp.W_in") ?? []
        self.init(
            convention: isColumns ? "progress_measures" : "transformer_lens",
            network: NetworkConfiguration(
                kind: .transformer, layers: layers, width: width, heads: heads,
                mlpWidth: (isColumns ? mlp.first : mlp.last) ?? 4 * width,
                activation: activation ?? .relu,
                normalization: source.contains("blocks.0.ln1.w") ? .pre : .none,
                finalNorm: hasFinalNorm, attentionBiases: biases.used.contains(.attention),
                mlpBiases: biases.used.contains(.mlp),
                unembeddingBias: biases.used.contains(.unembedding)),
            map: TensorMap(recipes), vocabulary: isColumns ? embedding[1] : embedding[0],
            positionCount: source.shape("pos_embed.W_pos")?.first, classCount: unembedding[1],
            parameters: source.names.filter {
                !$0.hasSuffix(".mask") && !$0.hasSuffix(".IGNORE") && !$0.contains("hook_")
            })
        notes += biases.notes
    }

    /// Biases of which a whole kind is zero were frozen: the network is the one without them.
    private struct Biases {
        enum Kind: String, CaseIterable {
            case attention
            case mlp
            case unembedding
        }

        private let source: TensorSource
        private var found: [(recipe: TensorRecipe, kind: Kind)] = []
        private(set) var used: Set<Kind> = []

        private let keepsZero: Bool

        init(_ source: TensorSource, keepsZero: Bool) {
            self.source = source
            self.keepsZero = keepsZero
        }

        mutating func add(_ target: String, _ name: String, _ kind: Kind) throws {
            guard source.contains(name) else { return }
            found.append((TensorRecipe(target, from: name), kind))
            guard !keepsZero else {
                used.insert(kind)
                return
            }
            // A negative zero is a zero too; half-precision types have it in the same place.
            let values = try source.tensor(name).doubles() ?? []
            if values.contains(where: { $0 != 0 }) { used.insert(kind) }
        }

        var recipes: [TensorRecipe] { found.filter { used.contains($0.kind) }.map(\.recipe) }

        var notes: [String] {
            Kind.allCases.filter { kind in
                !used.contains(kind) && found.contains { $0.kind == kind }
            }.map { "the \($0.rawValue) biases are all zero and were left out" }
        }
    }
}

// MARK: - The code of the grokking paper

extension ForeignModel {
    /// Names such as `decoder.blocks.0.self_attn.attn_heads.0.Wq.weight`: one matrix per head, each
    /// multiplied from the left.
    private init(
        published source: TensorSource, prefix: String,
        activation: NetworkConfiguration.Activation?
    ) throws {
        let block = "\(prefix)decoder.blocks.0"
        guard let embedding = source.shape("\(prefix)embedding.weight"), embedding.count == 2,
            source.contains("\(block).self_attn.attn_heads.0.Wq.weight"),
            let input = source.shape("\(block).ffn.ffn.0.weight"), input.count == 2,
            let unembedding = source.shape("\(prefix)linear.weight"), unembedding.count == 2
        else {
            throw UserError.unreadable(
                source.path,
                "its tensors have the names of the grokking paper's code, but not the shapes")
        }
        let width = embedding[1]
        var recipes = [TensorRecipe("embedding", from: "\(prefix)embedding.weight")]
        var layers = 0
        var heads = 0
        while source.contains("\(prefix)decoder.blocks.\(layers).self_attn.Wo.weight") {
            let (from, to) = ("\(prefix)decoder.blocks.\(layers)", "blocks.\(layers)")
            heads = 0
            while source.contains("\(from).self_attn.attn_heads.\(heads).Wq.weight") { heads += 1 }
            for (letter, part) in [("q", "query"), ("k", "key"), ("v", "value")] {
                recipes.append(
                    TensorRecipe(
                        "\(to).attention.\(part)",
                        from: (0..<heads).map {
                            "\(from).self_attn.attn_heads.\($0).W\(letter).weight"
                        },
                        axes: [1, 0]))
            }
            recipes.append(
                TensorRecipe(
                    "\(to).attention.output", from: "\(from).self_attn.Wo.weight",
                    shape: [width, heads, width / max(heads, 1)], axes: [1, 2, 0]))
            recipes.append(
                TensorRecipe("\(to).mlp.input", from: "\(from).ffn.ffn.0.weight", axes: [1, 0]))
            recipes.append(
                TensorRecipe("\(to).mlp.output", from: "\(from).ffn.ffn.2.weight", axes: [1, 0]))
            for (norm, place) in [("attention_norm", "self_attn_norm"), ("mlp_norm", "ffn_norm")] {
                recipes.append(TensorRecipe("\(to).\(norm).scale", from: "\(from).\(place).weight"))
                recipes.append(TensorRecipe("\(to).\(norm).shift", from: "\(from).\(place).bias"))
            }
            layers += 1
        }
        recipes.append(TensorRecipe("unembedding", from: "\(prefix)linear.weight", axes: [1, 0]))
        self.init(
            convention: "grok",
            network: NetworkConfiguration(
                kind: .transformer, layers: layers, width: width, heads: heads,
                mlpWidth: input[0],
                activation: activation ?? .relu, normalization: .post, positions: .sinusoidal,
                mlpBiases: false, initialization: .torchDefault),
            map: TensorMap(recipes), vocabulary: embedding[0], positionCount: nil,
            classCount: unembedding[0],
            parameters: source.names.filter {
                !$0.hasSuffix("position_encoding") && !$0.hasSuffix("self_attn_mask")
            })
    }
}
