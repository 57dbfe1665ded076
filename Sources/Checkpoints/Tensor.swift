/// A named dense array as it is stored: shape, element type and raw little-endian bytes.
///
/// Elements are in row-major order. A scalar has the shape `[]` and one element.
package struct Tensor: Sendable, Equatable {
    /// The name inside its checkpoint, for example `embedding`; any non-empty UTF-8 text.
    package let name: String
    /// The extent along each axis, outermost first.
    package let shape: [Int]
    package let elementType: ElementType
    /// The elements, `elementCount * elementType.byteCount` bytes.
    package let bytes: [UInt8]

    /// A tensor of bytes that are already in stored form.
    ///
    /// The byte count must be the shape's product times the element size.
    package init(name: String, shape: [Int], elementType: ElementType, bytes: [UInt8]) {
        precondition(shape.allSatisfy { $0 >= 0 }, "an extent is never negative")
        precondition(
            bytes.count == shape.reduce(1, *) * elementType.byteCount,
            "the bytes of \(name) do not fill its shape \(shape)")
        self.name = name
        self.shape = shape
        self.elementType = elementType
        self.bytes = bytes
    }

    /// A tensor of Swift numbers in row-major order.
    package init<Element: TensorElement>(name: String, shape: [Int], values: [Element]) {
        self.init(
            name: name, shape: shape, elementType: Element.elementType,
            bytes: values.withUnsafeBytes { [UInt8]($0) })
    }

    /// Whether its elements are complex numbers.
    package var isComplex: Bool { elementType == .complex64 || elementType == .complex128 }

    /// The number of elements; 1 for a scalar.
    package var elementCount: Int { shape.reduce(1, *) }

    /// The elements as the Swift type that the tensor stores.
    ///
    /// Asking for another type is a slip of the program; use `doubles()` to convert.
    package func values<Element: TensorElement>(as type: Element.Type) -> [Element] {
        precondition(type.elementType == elementType, "\(name) stores \(elementType)")
        return bytes.withUnsafeBytes { raw in
            [Element](unsafeUninitializedCapacity: elementCount) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: raw)
                count = elementCount
            }
        }
    }

    /// The elements converted to `Double`, or nil for complex tensors.
    ///
    /// Every type but 64-bit integers beyond 2^53 converts exactly.
    package func doubles() -> [Double]? {
        switch elementType {
        case .float32: values(as: Float.self).map(Double.init)
        case .float64: values(as: Double.self)
        case .int8: values(as: Int8.self).map(Double.init)
        case .int16: values(as: Int16.self).map(Double.init)
        case .int32: values(as: Int32.self).map(Double.init)
        case .int64: values(as: Int64.self).map(Double.init)
        case .uint8: values(as: UInt8.self).map(Double.init)
        case .bool: bytes.map { $0 == 0 ? 0 : 1 }
        // Without a label, `Double.init` would be the one that reads the bits of a `float16`.
        case .uint16: values(as: UInt16.self).map { Double($0) }
        case .uint32: values(as: UInt32.self).map(Double.init)
        case .uint64: values(as: UInt64.self).map(Double.init)
        case .float16: halfWords().map(Double.init(halfPrecisionBits:))
        case .bfloat16: halfWords().map { Double(Float(bitPattern: UInt32($0) << 16)) }
        case .complex64, .complex128: nil
        }
    }

    private func halfWords() -> [UInt16] {
        (0..<elementCount).map { UInt16(bytes[2 * $0]) | UInt16(bytes[2 * $0 + 1]) << 8 }
    }
}

extension Double {
    /// The value of an IEEE 754 binary16 number; NaN stays NaN, infinities stay infinite.
    package init(halfPrecisionBits bits: UInt16) {
        let sign: Double = bits >> 15 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 0x1f)
        let fraction = Double(bits & 0x3ff)
        switch (exponent, fraction) {
        case (0x1f, 0): self = sign * .infinity
        case (0x1f, _): self = .nan
        // Below the smallest normal number the spacing stays 2^-24.
        case (0, _): self = sign * fraction * 0x1p-24
        default:
            self =
                sign * (1 + fraction * 0x1p-10)
                * Double(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }
}
