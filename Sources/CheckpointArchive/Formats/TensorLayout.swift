package import Checkpoints
internal import HDF5Files

/// Name, shape and type of each tensor of a run's weights, in the byte order of the names.
///
/// The layout is the same at every step of a run, so that a tensor's whole trajectory is one
/// array.
package struct TensorLayout: Sendable, Equatable {
    /// One tensor without its values.
    package struct Entry: Sendable, Equatable {
        package let name: String
        package let shape: [Int]
        package let elementType: ElementType

        package init(name: String, shape: [Int], elementType: ElementType) {
            self.name = name
            self.shape = shape
            self.elementType = elementType
        }

        package var elementCount: Int { shape.reduce(1, *) }
        package var byteCount: Int { elementCount * elementType.byteCount }
    }

    package let entries: [Entry]

    /// What each tensor is to its network, in the order of the entries.
    package var roles: [TensorRole] {
        TensorRole.roles(of: entries.map { ($0.name, $0.elementType, $0.shape) })
    }

    package init(entries: [Entry]) {
        self.entries = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// The layout of these tensors, or an error where they cannot be stored.
    package init(of tensors: [Tensor]) throws {
        try self.init(
            storing: tensors.map {
                Entry(name: $0.name, shape: $0.shape, elementType: $0.elementType)
            })
    }

    /// The layout of these tensors, or an error where they cannot be stored.
    init(of tensors: [StreamedTensor]) throws {
        try self.init(
            storing: tensors.map {
                Entry(name: $0.name, shape: $0.shape, elementType: $0.elementType)
            })
    }

    private init(storing entries: [Entry]) throws {
        self.init(entries: entries)
        for (entry, next) in zip(self.entries, self.entries.dropFirst())
        where entry.name == next.name {
            throw ArchiveError(
                .refused, part: "tensor \(entry.name)",
                cause: "the checkpoint has two tensors of this name")
        }
        for entry in entries {
            guard let refusal = StorageLimits.refusal(ofTensor: entry.name, shape: entry.shape)
            else { continue }
            throw ArchiveError(
                .refused, part: "tensor \(entry.name.prefix(40)) of the checkpoint",
                cause: refusal)
        }
    }

    /// The raw bytes of one checkpoint's weights.
    package var byteCount: Int { entries.reduce(0) { $0 + $1.byteCount } }

    /// The place of a tensor in the order of names; nil when there is none of this name.
    package func position(of name: String) -> Int? { entries.firstIndex { $0.name == name } }

    /// The first difference to another layout, in words; nil when they are equal.
    func difference(to other: TensorLayout) -> String? {
        guard self != other else { return nil }
        for entry in entries {
            guard let position = other.position(of: entry.name) else {
                return "\(entry.name) is missing"
            }
            let found = other.entries[position]
            if found != entry {
                return "\(entry.name) is \(found.elementType.rawValue) \(found.shape) instead of "
                    + "\(entry.elementType.rawValue) \(entry.shape)"
            }
        }
        let added = other.entries.first { position(of: $0.name) == nil }
        return "\(added?.name ?? "a tensor") is new"
    }
}

extension ElementType {
    /// How the elements look in HDF5.
    ///
    /// `bool` and `bfloat16` have no form that every HDF5 library knows: they are bytes and
    /// 16-bit words, and the attribute `dtype` tells.
    var stored: HDF5Type {
        switch self {
        case .float16: .float16
        case .bfloat16, .uint16: .uint16
        case .float32: .float32
        case .float64: .float64
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .uint8, .bool: .uint8
        case .uint32: .uint32
        case .uint64: .uint64
        case .complex64: .complex64
        case .complex128: .complex128
        }
    }
}
