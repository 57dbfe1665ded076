internal import Checkpoints
internal import Foundation
package import Networks

/// A description, written by a person, of how foreign tensors make a network that Cairn knows.
package struct NetworkMapping: Sendable, Equatable {
    package let network: NetworkConfiguration
    package let recipes: [TensorRecipe]

    /// Reads the tree of a YAML or JSON file.
    ///
    /// ```yaml
    /// network: {kind: transformer, layers: 2, width: 128, heads: 4, mlp_width: 512}
    /// tensors:
    ///   embedding: tok.weight
    ///   blocks.{layer}.attention.query:
    ///     from: h.{layer}.q.weight
    ///     shape: [4, 32, 128]
    ///     axes: [0, 2, 1]
    ///   unembedding: {from: head.weight, axes: [1, 0]}
    /// ```
    ///
    /// `from` may be a list, which is stacked along a new first axis; `slice: [axis, begin, end]`
    /// takes a part; `{layer}` stands for every layer of the network.
    package init(_ tree: Value, path: String) throws {
        func wrong(_ cause: String) -> UserError {
            .usage(subject: path, cause: cause, advice: "see cairn import --help for the form")
        }
        guard let entries = tree.entries else { throw wrong("it is not a mapping") }
        if let stranger = entries.first(where: { !["network", "tensors"].contains($0.key.label) }) {
            throw wrong("it has the unknown key \(stranger.key.label)")
        }
        guard let settings = tree["network"], settings.entries != nil else {
            throw wrong("it has no section network")
        }
        guard let tensors = tree["tensors"]?.entries else {
            throw wrong("it has no section tensors")
        }
        network = try Self.network(settings, path: path)
        var recipes: [TensorRecipe] = []
        for entry in tensors {
            let name = entry.key.label
            let isPerLayer = name.contains("{layer}")
            for layer in isPerLayer ? Array(0..<network.layers) : [0] {
                recipes.append(
                    try Self.recipe(
                        entry.value, target: name.forLayer(layer), layer: layer, wrong: wrong))
            }
        }
        self.recipes = recipes
    }

    /// The network that an object describes.
    package static func network(_ settings: Value, path: String) throws -> NetworkConfiguration {
        do {
            let network = try JSONDecoder().decode(
                NetworkConfiguration.self, from: Data(settings.json().utf8))
            try network.validate()
            return network
        } catch let error as DecodingError {
            throw UserError.usage(
                subject: path, cause: "its network is not understood (\(error))",
                advice: "see cairn import --help for the form")
        }
    }

    private static func recipe(
        _ value: Value, target: String, layer: Int, wrong: (String) -> UserError
    ) throws -> TensorRecipe {
        if let source = value.textual {
            return TensorRecipe(target, from: [source.forLayer(layer)])
        }
        guard let entries = value.entries, let from = value["from"] else {
            throw wrong("tensor \(target) has no from")
        }
        if let stranger = entries.first(where: {
            !["from", "slice", "shape", "axes"].contains($0.key.label)
        }) {
            throw wrong("tensor \(target) has the unknown key \(stranger.key.label)")
        }
        func numbers(_ key: String) throws -> [Int]? {
            guard let value = value[key] else { return nil }
            let numbers = (value.elements ?? []).compactMap(\.whole)
            guard let elements = value.elements, elements.count == numbers.count else {
                throw wrong("\(key) of tensor \(target) is not a list of whole numbers")
            }
            return numbers
        }
        let sources =
            from.elements.map { $0.compactMap(\.textual) } ?? [from.textual].compactMap { $0 }
        guard !sources.isEmpty, sources.count == from.elements?.count ?? 1 else {
            throw wrong("from of tensor \(target) is neither a name nor a list of names")
        }
        var slice: TensorRecipe.Slice?
        if let numbers = try numbers("slice") {
            guard numbers.count == 3, numbers[0] >= 0, numbers[1] >= 0, numbers[1] <= numbers[2]
            else { throw wrong("slice of tensor \(target) is not [axis, begin, end]") }
            slice = .init(axis: numbers[0], range: numbers[1]..<numbers[2])
        }
        return TensorRecipe(
            target, from: sources.map { $0.forLayer(layer) }, slice: slice,
            shape: try numbers("shape"), axes: try numbers("axes"))
    }

    private init(network: NetworkConfiguration, recipes: [TensorRecipe]) {
        self.network = network
        self.recipes = recipes
    }

    /// The same mapping with the matrices of some tensors turned, as `axes: [1, 0]` does.
    package func turning(_ targets: some Sequence<String>) -> NetworkMapping {
        let turned = Set(targets)
        return NetworkMapping(
            network: network,
            recipes: recipes.map { recipe in
                var recipe = recipe
                if turned.contains(recipe.target) { recipe.axes = [1, 0] }
                return recipe
            })
    }

    /// The model in a file's tensors, with its sizes.
    ///
    /// Errors: tensors of the network are missing, have another shape, or are none of the network.
    func model(_ source: TensorSource) throws -> ForeignModel {
        var shapes: [String: [Int]] = [:]
        for recipe in recipes {
            let shape = try recipe.make(path: source.path) { try source.stored($0) }.shape
            guard shapes.updateValue(shape, forKey: recipe.target) == nil else {
                throw UserError.usage(
                    subject: "tensor \(recipe.target)", cause: "it is mapped twice")
            }
        }
        let embedding = shapes["embedding"] ?? shapes["left_embedding"]
        let classes = shapes["unembedding"]?.last ?? embedding?.first ?? 0
        let vocabulary =
            network.kind == .oneHot
            ? (shapes["hidden"]?.first ?? 0) / 2 : embedding?.first ?? 0
        let length = shapes["positions"]?.first ?? 2
        try require(
            shapes,
            fit: ParameterLayout(
                network, TokenSpace(vocabulary: vocabulary, length: length, classCount: classes)))
        var model = ForeignModel(
            convention: "mapped", network: network, map: TensorMap(recipes),
            vocabulary: vocabulary, positionCount: shapes["positions"]?.first,
            classCount: classes, parameters: source.names)
        let squares = recipes.filter { recipe in
            guard recipe.axes == nil, recipe.shape == nil, recipe.sources.count == 1,
                let shape = source.shape(recipe.sources[0]), shape.count == 2
            else { return false }
            return shape[0] == shape[1] && shape[0] > 1
        }
        model.openSquares = squares.map(\.target)
        model.notes = squares.map { recipe in
            "\(recipe.sources[0]) is square and taken as it is: its shape does not show "
                + "whether rows are multiplied by it; axes: [1, 0] turns it"
        }
        return model
    }

    private func require(_ shapes: [String: [Int]], fit layout: ParameterLayout) throws {
        let names = layout.entries.map(\.name)
        if let stranger = shapes.keys.sorted().first(where: { !names.contains($0) }) {
            throw UserError.usage(
                subject: "tensor \(stranger)",
                cause: "the network \(network.kind.rawValue) has no such tensor with its settings",
                advice: "it has \(names.joined(separator: ", "))")
        }
        for entry in layout.entries {
            guard let shape = shapes[entry.name] else {
                throw UserError.usage(
                    subject: "tensor \(entry.name)", cause: "the mapping does not name it",
                    advice: "the network has it, with the shape \(entry.shape)")
            }
            guard shape == entry.shape else {
                throw UserError.usage(
                    subject: "tensor \(entry.name)",
                    cause: "the mapping makes it of the shape \(shape), the network needs "
                        + "\(entry.shape)",
                    advice: "axes: [1, 0] turns a matrix, as those of PyTorch's linear layers")
            }
        }
    }

    /// The settings that give a network further tensors, where it does not have them already.
    private static let optionalParts:
        [(setting: String, change: @Sendable (inout NetworkConfiguration) -> Void)] = [
            ("mlp_biases", { $0.mlpBiases = true }),
            ("attention_biases", { $0.attentionBiases = true }),
            ("unembedding_bias", { $0.unembeddingBias = true }),
            ("final_norm", { $0.finalNorm = true }),
        ]

    /// A mapping to fill in: every tensor of a kind of network with its shape, and those that further
    /// settings would add.
    package static func template(_ kind: NetworkConfiguration.Kind) throws -> String {
        let network = NetworkConfiguration.defaults(for: kind)
        let space = TokenSpace(vocabulary: 97, length: 2, classCount: 97)
        let settings = String(decoding: try JSONEncoder().encode(network), as: UTF8.self)
        var lines = [
            "# Shapes are those of these settings with 97 tokens; put yours in, and the names of your "
                + "file.",
            "# PyTorch's linear layers keep [out, in]: axes: [1, 0] turns them.",
            "network: " + Value(try JSONValue(parsing: Array(settings.utf8))).json(sorted: true),
            "tensors:",
        ]
        func line(_ entry: ParameterLayout.Entry) -> String? {
            guard !entry.name.hasPrefix("blocks.") || entry.name.hasPrefix("blocks.0.") else {
                return nil
            }
            let name = entry.name.replacingOccurrences(of: "blocks.0.", with: "blocks.{layer}.")
            let isTable =
                name.hasSuffix("embedding") && name != "unembedding" || name == "positions"
            let axes = entry.shape.count == 2 && !isTable ? ", axes: [1, 0]" : ""
            return "  \(name): {from: NAME\(axes)}  # \(entry.shape)"
        }
        let layout = ParameterLayout(network, space)
        lines += layout.entries.compactMap(line)
        for (setting, change) in optionalParts {
            var further = network
            change(&further)
            let added = ParameterLayout(further, space).entries.filter {
                layout.entry($0.name) == nil
            }
            guard !added.isEmpty else { continue }
            lines.append("# With \(setting): true in the network also:")
            lines += added.compactMap(line).map { "#\($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension String {
    fileprivate func forLayer(_ layer: Int) -> String {
        replacingOccurrences(of: "{layer}", with: String(layer))
    }
}
