internal import Checkpoints

/// How one of Cairn's tensors is made from tensors of a file.
package struct TensorRecipe: Sendable, Equatable {
    /// The name in Cairn.
    package let target: String
    /// The names in the file; more than one are stacked along a new first axis.
    package let sources: [String]
    /// A part of each source along one axis.
    package var slice: Slice?
    /// Another shape of the same elements, before the axes are reordered.
    package var shape: [Int]?
    /// For each axis of the result, the axis it comes from.
    package var axes: [Int]?

    /// Indices along an axis.
    package struct Slice: Sendable, Equatable {
        package let axis: Int
        package let range: Range<Int>
    }

    package init(
        _ target: String, from sources: [String], slice: Slice? = nil, shape: [Int]? = nil,
        axes: [Int]? = nil
    ) {
        self.target = target
        self.sources = sources
        self.slice = slice
        self.shape = shape
        self.axes = axes
    }

    init(_ target: String, from source: String, shape: [Int]? = nil, axes: [Int]? = nil) {
        self.init(target, from: [source], shape: shape, axes: axes)
    }

    /// The tensor, made of what `source` gives for a name; it is read when it is wanted.
    func make(path: String, source: (String) throws -> StoredTensor) throws -> StoredTensor {
        let parts = try sources.map { try rearranged(try source($0), named: $0, path: path) }
        guard let first = parts.first else {
            throw UserError.unreadable(path, "there are no parts to make tensor \(target) of")
        }
        guard parts.count > 1 else { return first }
        guard let stacked = StoredTensor(stacking: parts) else {
            throw UserError.unreadable(path, "the parts of tensor \(target) differ in shape")
        }
        return stacked
    }

    private func rearranged(
        _ tensor: StoredTensor, named name: String, path: String
    ) throws -> StoredTensor {
        guard slice != nil || shape != nil || axes != nil else { return tensor }
        func wrong(_ cause: String) -> UserError {
            .unreadable(path, "tensor \(name) of shape \(tensor.shape) \(cause)")
        }
        var extents = tensor.shape
        var strides = Self.rowMajor(extents)
        var offset = 0
        if let slice {
            guard extents.indices.contains(slice.axis), slice.range.lowerBound >= 0,
                slice.range.upperBound <= extents[slice.axis]
            else { throw wrong("has no part \(slice.range) along axis \(slice.axis)") }
            offset = slice.range.lowerBound * strides[slice.axis]
            extents[slice.axis] = slice.range.count
        }
        if let shape {
            guard slice == nil || slice?.axis == 0, shape.allSatisfy({ $0 >= 0 }),
                shape.reduce(1, *) == extents.reduce(1, *)
            else { throw wrong("cannot take the shape \(shape)") }
            extents = shape
            strides = Self.rowMajor(shape)
        }
        if let axes {
            guard axes.sorted() == Array(extents.indices) else {
                throw wrong("does not have the axes \(axes)")
            }
            extents = axes.map { extents[$0] }
            strides = axes.map { strides[$0] }
        }
        // Whether the view fits is decided without its elements.
        let (finalExtents, finalStrides, finalOffset) = (extents, strides, offset)
        let type = tensor.elementType
        @Sendable func view(_ storage: StridedView.Storage) -> StridedView? {
            StridedView(
                elementType: type, shape: finalExtents, strides: finalStrides,
                offset: finalOffset, storage: storage)
        }
        let unread = StridedView.Storage(elementCount: tensor.elementCount) { _, _ in }
        guard view(unread) != nil else { throw wrong("cannot be rearranged") }
        return StoredTensor(elementType: type, shape: extents) {
            try view(try tensor.rowMajorStorage())?.load() ?? []
        }
    }

    private static func rowMajor(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
        }
        return strides
    }
}

/// All recipes of a network: what to take from a file and what to leave.
package struct TensorMap: Sendable {
    package var recipes: [TensorRecipe]

    package init(_ recipes: [TensorRecipe]) { self.recipes = recipes }

    /// The weights in Cairn's names, read when they are wanted.
    func weights(of state: TensorSource) throws -> [StreamedTensor] {
        try recipes.map { recipe in
            try recipe.make(path: state.path) { try state.stored($0) }.streamed(
                named: recipe.target)
        }
    }

    /// The names of a file that no recipe uses, in the order of the file.
    func unused(in state: TensorSource) -> [String] {
        let used = Set(recipes.flatMap(\.sources))
        return state.names.filter { !used.contains($0) }
    }
}

/// The tensors of one state in a file, by name.
struct TensorSource: Sendable {
    let path: String
    let names: [String]
    private let tensors: [String: StoredTensor]

    init(path: String, tensors: [(name: String, tensor: StoredTensor)]) {
        self.path = path
        names = tensors.map(\.name)
        self.tensors = Dictionary(
            tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    }

    init(path: String, value: Value) throws {
        self.init(path: path, tensors: try value.flattened(source: path))
    }

    func shape(_ name: String) -> [Int]? { tensors[name]?.shape }

    func contains(_ name: String) -> Bool { tensors[name] != nil }

    func tensor(at name: String) -> StoredTensor? { tensors[name] }

    /// What each tensor is to its network, in the order of the names.
    var roles: [TensorRole] {
        TensorRole.roles(
            of: names.map { name in
                (name, tensors[name]?.elementType ?? .float32, tensors[name]?.shape ?? [])
            })
    }

    /// The names of the trainable tensors, in the order of the file.
    var parameterNames: [String] {
        zip(names, roles).compactMap { $1 == .parameter ? $0 : nil }
    }

    /// The same tensors under the names behind what wrappers put before them; nil where there is
    /// nothing to take off.
    ///
    /// Wrappers of PyTorch and Lightning: `module.`, `_orig_mod.`, `model.`, … before every name.
    var withoutWrappers: TensorSource? {
        var prefix = ""
        while let found = Self.wrappers.first(where: { wrapper in
            !names.isEmpty && names.allSatisfy { $0.hasPrefix(prefix + wrapper) }
        }) {
            prefix += found
        }
        guard !prefix.isEmpty else { return nil }
        return TensorSource(
            path: path,
            tensors: names.compactMap { name in
                tensors[name].map { (String(name.dropFirst(prefix.count)), $0) }
            })
    }

    private static let wrappers = [
        "module.", "_orig_mod.", "model.", "net.", "network.", "_fsdp_wrapped_module.",
        "_forward_module.", "base_model.model.", "student.",
    ]

    func tensor(_ name: String) throws -> Tensor { try stored(name).load(named: name) }

    /// A tensor that is not read yet.
    func stored(_ name: String) throws -> StoredTensor {
        guard let tensor = tensors[name] else {
            throw UserError.unreadable(
                path, "it has no tensor named \(name)",
                advice: names.isEmpty
                    ? "it holds no tensors" : "it has \(names.prefix(8).joined(separator: ", "))")
        }
        return tensor
    }

    /// All tensors under the names of the file, read when they are wanted.
    func all() throws -> [StreamedTensor] {
        try names.map { try stored($0).streamed(named: $0) }
    }
}
