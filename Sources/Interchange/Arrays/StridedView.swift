internal import Checkpoints

/// A tensor as PyTorch stores it: a shape and strides over a storage that others may share.
struct StridedView: Sendable {
    /// The bytes of one storage, readable in pieces.
    struct Storage: Sendable {
        let elementCount: Int
        /// Fills the buffer with the storage's bytes from an offset in bytes on.
        let read: @Sendable (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws -> Void
        /// Compares the checksum of the whole storage, where one is recorded.
        let check: Check?

        /// What tells whether a storage is as it was written.
        struct Check: Sendable {
            let byteCount: Int
            /// Throws unless this CRC-32 of all its bytes is the recorded one.
            let compare: @Sendable (UInt32) throws -> Void
        }

        init(
            elementCount: Int, check: Check? = nil,
            read:
                @escaping @Sendable (
                    _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer
                ) throws -> Void
        ) {
            self.elementCount = elementCount
            self.check = check
            self.read = read
        }

        /// A storage that is in memory.
        static func memory(_ bytes: [UInt8], count: Int) -> Storage {
            Storage(elementCount: count) { offset, buffer in
                bytes.withUnsafeBytes {
                    buffer.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
                }
            }
        }
    }

    let elementType: ElementType
    let shape: [Int]
    /// The distance between neighbours along each axis, in elements; never negative.
    let strides: [Int]
    /// The element of the storage that is the tensor's first.
    let offset: Int
    private(set) var storage: Storage

    /// How much of a storage is held beside the result while axes are reordered.
    static let pieceByteCount = 4 << 20

    /// The view, or nil when it would reach outside its storage.
    init?(
        elementType: ElementType, shape: [Int], strides: [Int], offset: Int, storage: Storage
    ) {
        guard shape.count == strides.count, offset >= 0,
            StoredTensor.byteCount(shape: shape, elementType: elementType) != nil
        else { return nil }
        if !shape.contains(0) {
            var last = offset
            for (extent, stride) in zip(shape, strides) {
                let (reach, tooFar) = stride.multipliedReportingOverflow(by: extent - 1)
                let (sum, overflow) = last.addingReportingOverflow(reach)
                guard stride >= 0, !tooFar, !overflow else { return nil }
                last = sum
            }
            guard last < storage.elementCount else { return nil }
        }
        self.elementType = elementType
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.storage = storage
    }

    /// The bytes that reading goes through: the elements, or the stretch that they are spread over.
    var readByteCount: Int {
        let elements = shape.reduce(1, *)
        guard elements > 0 else { return 0 }
        let span = zip(shape, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
        return max(elements, span).saturatingProduct(elementType.byteCount)
    }

    /// The same view of the same storage, held elsewhere.
    func with(storage: Storage) -> StridedView {
        var copy = self
        copy.storage = storage
        return copy
    }

    private var elementCount: Int { shape.reduce(1, *) }

    /// Whether the elements lie one after the other in row-major order.
    var isContiguous: Bool {
        var expected = 1
        for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
            guard stride == expected else { return false }
            expected *= extent
        }
        return true
    }

    /// The check of the storage, where a contiguous view covers all of it.
    private var wholeCheck: Storage.Check? {
        guard offset == 0, storage.check?.byteCount == elementCount * elementType.byteCount else {
            return nil
        }
        return storage.check
    }

    /// Reads the bytes of a contiguous view one piece after the other.
    func reader() -> StreamedTensor.Reader {
        let check = wholeCheck
        var position = offset * elementType.byteCount
        var sum: UInt32 = 0
        return { [storage] buffer in
            try storage.read(position, buffer)
            position += buffer.count
            guard let check else { return }
            sum = Inflater.checksum(of: UnsafeRawBufferPointer(buffer), after: sum)
            if position == check.byteCount { try check.compare(sum) }
        }
    }

    /// The elements in row-major order.
    func load(pieceByteCount: Int = Self.pieceByteCount) throws -> [UInt8] {
        let width = elementType.byteCount
        let count = elementCount * width
        guard count > 0 else { return [] }
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let result = UnsafeMutableRawBufferPointer(buffer)
            if isContiguous {
                try storage.read(offset * width, result)
                try wholeCheck?.compare(Inflater.checksum(of: UnsafeRawBufferPointer(result)))
            } else {
                try gather(into: result, pieceByteCount: pieceByteCount)
            }
            initialized = count
        }
    }

    /// Reads the storage in pieces along its longest stride and puts each element in its place.
    private func gather(
        into result: UnsafeMutableRawBufferPointer, pieceByteCount: Int
    ) throws {
        let width = elementType.byteCount
        // The axis along which the storage is cut: between two of its indices lies the most.
        let cut = strides.indices.max { strides[$0] < strides[$1] } ?? 0
        let inner = shape.indices.filter { $0 != cut }
        // How far one index of the cut axis reaches into the storage.
        let reach = inner.reduce(1) { $0 + (shape[$1] - 1) * strides[$1] }
        let step = strides[cut]
        let fitting = pieceByteCount / width - reach
        let perPiece = step == 0 ? shape[cut] : max(1, fitting / step)
        var rowMajor = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            rowMajor[axis] = rowMajor[axis + 1] * shape[axis + 1]
        }
        var start = 0
        while start < shape[cut] {
            let end = min(start + perPiece, shape[cut])
            let span = (end - start - 1) * step + reach
            let piece = try [UInt8](unsafeUninitializedCapacity: span * width) { buffer, count in
                try storage.read(
                    (offset + start * step) * width, UnsafeMutableRawBufferPointer(buffer))
                count = span * width
            }
            piece.withUnsafeBytes { source in
                let walk = Walk(
                    extents: [end - start] + inner.map { shape[$0] },
                    from: [step] + inner.map { strides[$0] },
                    to: [rowMajor[cut]] + inner.map { rowMajor[$0] }, width: width,
                    source: source, result: result)
                walk.copy(axis: 0, from: 0, to: start * rowMajor[cut])
            }
            start = end
        }
    }

    /// The nested loops over all axes of one piece.
    private struct Walk {
        let extents: [Int]
        let from: [Int]
        let to: [Int]
        let width: Int
        let source: UnsafeRawBufferPointer
        let result: UnsafeMutableRawBufferPointer

        func copy(axis: Int, from: Int, to: Int) {
            guard axis < extents.count - 1 else {
                switch width {
                case 4: copyInnermost(UInt32.self, from: from, to: to)
                case 2: copyInnermost(UInt16.self, from: from, to: to)
                case 8: copyInnermost(UInt64.self, from: from, to: to)
                case 1: copyInnermost(UInt8.self, from: from, to: to)
                default: copyInnermost((UInt64, UInt64).self, from: from, to: to)
                }
                return
            }
            for index in 0..<extents[axis] {
                copy(
                    axis: axis + 1, from: from + index * self.from[axis],
                    to: to + index * self.to[axis])
            }
        }

        private func copyInnermost<Word: BitwiseCopyable>(_ type: Word.Type, from: Int, to: Int) {
            let axis = extents.count - 1
            for index in 0..<extents[axis] {
                let word = source.loadUnaligned(
                    fromByteOffset: (from + index * self.from[axis]) * width, as: type)
                result.storeBytes(
                    of: word, toByteOffset: (to + index * self.to[axis]) * width, as: type)
            }
        }
    }
}
