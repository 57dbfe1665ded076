package import Checkpoints

/// A tensor of a foreign file that is read when it is asked for.
package struct StoredTensor: Sendable {
    package let elementType: ElementType
    package let shape: [Int]
    private let storage: Storage
    /// The bytes that reading all elements goes through: more than `byteCount` where they lie
    /// scattered, or inside something that must be inflated whole.
    let readByteCount: Int

    /// Where the bytes are.
    private enum Storage: Sendable {
        case memory([UInt8])
        case region(SourceFile, offset: Int)
        case loader(@Sendable () throws -> [UInt8])
        case view(StridedView)
        case joined([StoredTensor])
    }

    /// The axes that HDF5 can store, and more than anything real has.
    package static let largestRank = 32

    /// A tensor in memory.
    package init(_ tensor: Tensor) {
        elementType = tensor.elementType
        shape = tensor.shape
        storage = .memory(tensor.bytes)
        readByteCount = tensor.bytes.count
    }

    /// A tensor that lies row-major at an offset of a file.
    init(elementType: ElementType, shape: [Int], file: SourceFile, offset: Int) {
        self.elementType = elementType
        self.shape = shape
        storage = .region(file, offset: offset)
        readByteCount = shape.reduce(elementType.byteCount, *)
    }

    /// A tensor whose bytes something else knows to make.
    init(
        elementType: ElementType, shape: [Int], readByteCount: Int = 0,
        load: @escaping @Sendable () throws -> [UInt8]
    ) {
        self.elementType = elementType
        self.shape = shape
        storage = .loader(load)
        self.readByteCount = max(readByteCount, shape.reduce(elementType.byteCount, *))
    }

    /// A tensor with strides over a storage.
    init(view: StridedView) {
        elementType = view.elementType
        shape = view.shape
        storage = .view(view)
        readByteCount = view.readByteCount
    }

    /// Tensors of one shape and type, stacked along a new first axis; nil when they differ.
    init?(stacking parts: [StoredTensor]) {
        guard let first = parts.first,
            parts.allSatisfy({ $0.shape == first.shape && $0.elementType == first.elementType })
        else { return nil }
        elementType = first.elementType
        shape = [parts.count] + first.shape
        storage = .joined(parts)
        readByteCount = parts.reduce(0) { $0.saturatingSum($1.readByteCount) }
    }

    package var elementCount: Int { shape.reduce(1, *) }

    package var byteCount: Int { elementCount * elementType.byteCount }

    /// Reads the elements; the result holds a row-major copy.
    package func load(named name: String) throws -> Tensor {
        Tensor(name: name, shape: shape, elementType: elementType, bytes: try bytes())
    }

    private func bytes() throws -> [UInt8] {
        switch storage {
        case .memory(let bytes): bytes
        case .region(let file, let offset): try file.read(at: offset, count: byteCount)
        case .loader(let load): try load()
        case .view(let view): try view.load()
        case .joined(let parts): try parts.flatMap { try $0.bytes() }
        }
    }

    /// The tensor under a name, to be read piece by piece.
    ///
    /// Pieces come straight from the file where the elements lie there in row-major order. What
    /// must be reordered or inflated is in memory while it is read.
    package func streamed(named name: String) -> StreamedTensor {
        StreamedTensor(name: name, shape: shape, elementType: elementType) { try reader() }
    }

    private func reader() throws -> StreamedTensor.Reader {
        switch storage {
        case .region(let file, let start):
            var offset = start
            return { buffer in
                try file.read(at: offset, into: buffer)
                offset += buffer.count
            }
        case .view(let view) where view.isContiguous: return view.reader()
        case .joined(let parts): return try Self.reader(of: parts)
        case .memory, .loader, .view: return StreamedTensor.reader(of: try bytes())
        }
    }

    /// Reads parts one after the other; only one of them is open.
    private static func reader(of parts: [StoredTensor]) throws -> StreamedTensor.Reader {
        var next = 0
        var rest = 0
        var current: StreamedTensor.Reader = { _ in }
        return { buffer in
            var done = 0
            while done < buffer.count {
                while rest == 0 {
                    current = try parts[next].reader()
                    rest = parts[next].byteCount
                    next += 1
                }
                let count = min(rest, buffer.count - done)
                try current(
                    UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
                done += count
                rest -= count
            }
        }
    }

    /// The same elements as a storage in row-major order, to look at in another order.
    func rowMajorStorage() throws -> StridedView.Storage {
        let count = elementCount
        switch storage {
        case .region(let file, let start):
            return StridedView.Storage(elementCount: count) { offset, buffer in
                try file.read(at: start + offset, into: buffer)
            }
        case .view(let view) where view.isContiguous:
            let start = view.offset * elementType.byteCount
            return StridedView.Storage(elementCount: count) { offset, buffer in
                try view.storage.read(start + offset, buffer)
            }
        case .memory, .loader, .view, .joined:
            return .memory(try bytes(), count: count)
        }
    }

    /// The bytes that a shape takes; nil when an extent is negative or the product overflows, also
    /// where an extent of 0 would hide it.
    static func byteCount(shape: [Int], elementType: ElementType) -> Int? {
        guard shape.count <= largestRank else { return nil }
        var product = elementType.byteCount
        for extent in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
            guard extent >= 0, !overflow else { return nil }
            product = next
        }
        return shape.contains(0) ? 0 : product
    }
}
