internal import Checkpoints

/// How NumPy lays out an array: element type, byte order, shape and order of axes.
struct ArrayLayout {
    /// An element type with its byte order.
    struct ElementCode: Equatable {
        let elementType: ElementType
        let isBigEndian: Bool

        /// The type of a NumPy code such as `f4` with one of the marks `<`, `>`, `=`, `|`; nil for
        /// everything that is not a number of fixed width.
        init?(order: String, code: String) {
            guard ["<", ">", "=", "|"].contains(order), let type = Self.codes[code] else {
                return nil
            }
            elementType = type
            isBigEndian = order == ">"
        }

        /// NumPy's code of an element type.
        static func code(of type: ElementType) -> String {
            codes.first { $0.value == type }?.key ?? "V\(type.byteCount)"
        }

        /// `V2`, two bytes of no type, is what NumPy makes of JAX's bfloat16.
        static let codes: [String: ElementType] = [
            "V2": .bfloat16,
            "f2": .float16, "f4": .float32, "f8": .float64, "i1": .int8, "i2": .int16,
            "i4": .int32, "i8": .int64, "u1": .uint8, "u2": .uint16, "u4": .uint32,
            "u8": .uint64, "b1": .bool, "c8": .complex64, "c16": .complex128,
        ]
    }

    let type: ElementCode
    let shape: [Int]
    let isFortranOrder: Bool

    /// The bytes all elements take; nil for an impossible shape.
    var byteCount: Int? {
        StoredTensor.byteCount(shape: shape, elementType: type.elementType)
    }

    /// The array in bytes that are in memory; nil when they do not fill the shape.
    func tensor(of bytes: [UInt8]) -> StoredTensor? {
        guard bytes.count == byteCount else { return nil }
        return tensor(
            storage: .memory(bytes, count: bytes.count / type.elementType.byteCount))
    }

    /// The array at an offset of a file that holds it whole.
    func tensor(in file: SourceFile, at start: Int) -> StoredTensor? {
        guard let byteCount, start <= file.byteCount, byteCount <= file.byteCount - start else {
            return nil
        }
        guard isFortranOrder || type.isBigEndian else {
            return StoredTensor(
                elementType: type.elementType, shape: shape, file: file, offset: start)
        }
        return tensor(
            storage: StridedView.Storage(elementCount: byteCount / type.elementType.byteCount) {
                offset, buffer in try file.read(at: start + offset, into: buffer)
            })
    }

    private func tensor(storage: StridedView.Storage) -> StoredTensor? {
        var strides = [Int](repeating: 1, count: shape.count)
        let axes = isFortranOrder ? Array(shape.indices) : shape.indices.reversed()
        for (inner, outer) in zip(axes, axes.dropFirst()) {
            strides[outer] = strides[inner].saturatingProduct(shape[inner])
        }
        let view = StridedView(
            elementType: type.elementType, shape: shape, strides: strides, offset: 0,
            storage: storage)
        guard let view else { return nil }
        guard type.isBigEndian else { return StoredTensor(view: view) }
        let width = type.elementType.componentByteCount
        return StoredTensor(elementType: type.elementType, shape: shape) {
            var bytes = try view.load()
            for start in stride(from: 0, to: bytes.count, by: width) {
                bytes[start..<start + width].reverse()
            }
            return bytes
        }
    }
}

extension ElementType {
    /// The bytes of one number: half of a complex element.
    var componentByteCount: Int {
        self == .complex64 || self == .complex128 ? byteCount / 2 : byteCount
    }
}
