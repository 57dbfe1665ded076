internal import Checkpoints

/// Arrays in the format IDX, as MNIST is distributed: two zero bytes, a type, the number of axes,
/// big-endian extents and elements.
enum IDXArray {
    private static let types: [UInt8: ElementType] = [
        0x08: .uint8, 0x09: .int8, 0x0b: .int16, 0x0c: .int32, 0x0d: .float32, 0x0e: .float64,
    ]

    static func isArray(_ bytes: [UInt8]) -> Bool {
        bytes.count > 4 && bytes[0] == 0 && bytes[1] == 0 && types[bytes[2]] != nil
            && (1...8).contains(bytes[3])
    }

    /// Errors: a file that is shorter or longer than its header says.
    static func read(_ bytes: [UInt8], path: String, named name: String) throws -> Tensor {
        func wrong(_ cause: String) -> UserError { .unreadable(path, cause) }
        guard isArray(bytes), let type = types[bytes[2]] else {
            throw wrong("it is not an IDX array")
        }
        let axes = Int(bytes[3])
        let start = 4 + 4 * axes
        guard bytes.count >= start else { throw wrong("its IDX header is cut short") }
        let shape = (0..<axes).map { axis in
            (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * axis + $1]) }
        }
        var byteCount = type.byteCount
        for extent in shape {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw wrong("its shape \(shape) is too large") }
            byteCount = product
        }
        guard bytes.count - start == byteCount else {
            throw wrong(
                "its shape \(shape) needs \(byteCount) bytes, it has \(bytes.count - start)")
        }
        var elements = Array(bytes[start...])
        let size = type.byteCount
        if size > 1 {
            for first in stride(from: 0, to: elements.count, by: size) {
                elements[first..<first + size].reverse()
            }
        }
        return Tensor(name: name, shape: shape, elementType: type, bytes: elements)
    }
}
