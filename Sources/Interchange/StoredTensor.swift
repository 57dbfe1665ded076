package import Checkpoints

/// A tensor of a foreign file that is read when it is asked for.
package struct StoredTensor: Sendable {
    package let elementType: ElementType
    package let shape: [Int]
    private let storage: Storage

    /// Where the bytes are.
    private enum Storage: Sendable {
        case memory([UInt8])
        case region(SourceFile, offset: Int)
        case loader(@Sendable () throws -> [UInt8])
        case view(StridedView)
    }

    /// The axes that HDF5 can store, and more than anything real has.
    package static let largestRank = 32

    /// A tensor in memory.
    package init(_ tensor: Tensor) {
        elementType = tensor.elementType
        shape = tensor.shape
        storage = .memory(tensor.bytes)
    }

    /// A tensor that lies row-major at an offset of a file.
    init(elementType: ElementType, shape: [Int], file: SourceFile, offset: Int) {
        self.elementType = elementType
        self.shape = shape
        storage = .region(file, offset: offset)
    }

    /// A tensor whose bytes something else knows to make.
    init(
        elementType: ElementType, shape: [Int], load: @escaping @Sendable () throws -> [UInt8]
    ) {
        self.elementType = elementType
        self.shape = shape
        storage = .loader(load)
    }

    /// A tensor with strides over a storage.
    init(view: StridedView) {
        elementType = view.elementType
        shape = view.shape
        storage = .view(view)
    }

    package var elementCount: Int { shape.reduce(1, *) }

    package var byteCount: Int { elementCount * elementType.byteCount }

    /// Reads the elements; the result holds a row-major copy.
    package func load(named name: String) throws -> Tensor {
        let bytes: [UInt8] =
            switch storage {
            case .memory(let bytes): bytes
            case .region(let file, let offset): try file.read(at: offset, count: byteCount)
            case .loader(let load): try load()
            case .view(let view): try view.load()
            }
        return Tensor(name: name, shape: shape, elementType: elementType, bytes: bytes)
    }

    /// The bytes that a shape takes; nil when an extent is negative or the product overflows.
    static func byteCount(shape: [Int], elementType: ElementType) -> Int? {
        guard shape.count <= largestRank else { return nil }
        var product = elementType.byteCount
        for extent in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else { return nil }
            product = next
        }
        return product
    }
}
