/// A tensor whose elements are read piece by piece, so that it never has to be in memory whole.
package struct StreamedTensor: Sendable {
    /// Fills buffers with the raw little-endian bytes, one after the other from the first on.
    package typealias Reader = (UnsafeMutableRawBufferPointer) throws -> Void

    package let name: String
    /// The extent along each axis, outermost first; `[]` for a scalar.
    package let shape: [Int]
    package let elementType: ElementType
    private let open: @Sendable () throws -> Reader

    /// A tensor that `open` reads from its start each time it is called.
    package init(
        name: String, shape: [Int], elementType: ElementType,
        open: @escaping @Sendable () throws -> Reader
    ) {
        precondition(shape.allSatisfy { $0 >= 0 }, "an extent is never negative")
        self.name = name
        self.shape = shape
        self.elementType = elementType
        self.open = open
    }

    /// A tensor that is in memory.
    package init(_ tensor: Tensor) {
        let bytes = tensor.bytes
        self.init(name: tensor.name, shape: tensor.shape, elementType: tensor.elementType) {
            StreamedTensor.reader(of: bytes)
        }
    }

    /// A reader of bytes that are in memory.
    package static func reader(of bytes: [UInt8]) -> Reader {
        var offset = 0
        return { buffer in
            bytes.withUnsafeBytes {
                buffer.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
            }
            offset += buffer.count
        }
    }

    package var byteCount: Int { shape.reduce(elementType.byteCount, *) }

    /// A reader at the first byte.
    package func reader() throws -> Reader { try open() }

    /// The same elements under another name.
    package func named(_ name: String) -> StreamedTensor {
        StreamedTensor(name: name, shape: shape, elementType: elementType, open: open)
    }

    /// The whole tensor, read into memory.
    package func load() throws -> Tensor {
        let count = byteCount
        let read = try open()
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0 { try read(UnsafeMutableRawBufferPointer(buffer)) }
            initialized = count
        }
        return Tensor(name: name, shape: shape, elementType: elementType, bytes: bytes)
    }

    /// The SHA-256 of the raw bytes.
    package func digest() throws -> Digest {
        let read = try open()
        let sizes = PieceSizes(byteCount: byteCount)
        return try OverlappedPieces.digest(sizes: sizes, fill: read) { _, _ in }
    }
}

/// A checkpoint whose tensors are read while they are stored.
package struct StreamedCheckpoint: Sendable {
    /// Updates done, as in `Checkpoint`.
    package let step: Int
    /// The weights, each name once.
    package let weights: [StreamedTensor]
    package let optimizerState: StreamedOptimizerState?
    /// The metrics measured since the previous checkpoint, in step order.
    package let metrics: [MetricPoint]

    package init(
        step: Int, weights: [StreamedTensor], optimizerState: StreamedOptimizerState? = nil,
        metrics: [MetricPoint] = []
    ) {
        self.step = step
        self.weights = weights
        self.optimizerState = optimizerState
        self.metrics = metrics
    }

    /// The bytes of all tensors.
    package var byteCount: Int {
        (weights + (optimizerState?.tensors ?? [])).reduce(0) { $0 + $1.byteCount }
    }

    /// The digest of the weights, as `Digest(weights:)` has it.
    package func weightsDigest() throws -> Digest { try Digest(weights: weights) }

    /// The whole checkpoint, read into memory.
    package func load() throws -> Checkpoint {
        Checkpoint(
            step: step, weights: try weights.map { try $0.load() },
            optimizerState: try optimizerState?.load(), metrics: metrics)
    }
}

/// The optimiser's memory at one step, read while it is stored.
package struct StreamedOptimizerState: Sendable {
    package let tensors: [StreamedTensor]
    /// As in `OptimizerState`.
    package let attributes: String

    package init(tensors: [StreamedTensor], attributes: String = "{}") {
        self.tensors = tensors
        self.attributes = attributes
    }

    /// The whole state, read into memory.
    package func load() throws -> OptimizerState {
        OptimizerState(tensors: try tensors.map { try $0.load() }, attributes: attributes)
    }
}

extension Digest {
    /// The digest of a checkpoint's weights, read piece by piece.
    package init(weights: [StreamedTensor]) throws {
        self.init(
            parts: try weights.map {
                Part(
                    name: $0.name, elementType: $0.elementType, shape: $0.shape,
                    digest: try $0.digest())
            })
    }
}
