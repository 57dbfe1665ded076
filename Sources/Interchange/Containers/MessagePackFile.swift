internal import Checkpoints
internal import Foundation

/// MessagePack as Flax writes checkpoints: maps of maps, with arrays in extension types.
///
/// Arrays stay in the file until they are asked for.
struct MessagePackFile {
    /// Nothing real has more values beside its arrays, or nests deeper.
    private static let largestNodeCount = 2_000_000
    private static let deepestNesting = 64
    /// Bytes that are no array are not looked at beyond this.
    private static let largestText = 16 << 20
    private static let windowByteCount = 1 << 16

    private let file: SourceFile
    private var position = 0
    private var nodeCount = 0
    private var window: [UInt8] = []
    private var windowStart = 0

    /// Whether a file is one by its name and its first byte: a map.
    static func isMessagePack(_ name: String, start: [UInt8]) -> Bool {
        guard let first = start.first, hasName(name) else { return false }
        return (0x80...0x8f).contains(first) || first == 0xde || first == 0xdf
    }

    /// `.msgpack`, or `checkpoint_N` as Flax names checkpoints.
    static func hasName(_ name: String) -> Bool {
        let suffix = (name.lowercased() as NSString).pathExtension
        if suffix == "msgpack" { return true }
        let number = name.hasPrefix("checkpoint_") ? name.dropFirst("checkpoint_".count) : ""
        return !number.isEmpty && number.allSatisfy { ("0"..."9").contains($0) }
    }

    /// What a file holds.
    static func read(_ file: SourceFile) throws -> Value {
        var reader = MessagePackFile(file: file)
        let value = try reader.value(depth: 0, end: file.byteCount)
        guard reader.position == file.byteCount else {
            throw reader.wrong("it goes on after its end, at byte \(reader.position)")
        }
        return value
    }

    private init(file: SourceFile) { self.file = file }

    private func wrong(_ cause: String) -> UserError { .unreadable(file.path, cause) }

    // MARK: - Bytes

    private mutating func take(_ count: Int, end: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= end - position else {
            throw wrong("a value of \(count) bytes goes beyond its end, at byte \(position)")
        }
        if position < windowStart || position + count > windowStart + window.count {
            windowStart = position
            window = try file.read(
                at: position,
                count: min(max(count, Self.windowByteCount), file.byteCount - position))
        }
        defer { position += count }
        let first = position - windowStart
        return window[first..<first + count]
    }

    /// A number of some bytes, the highest first.
    private mutating func number(_ byteCount: Int, end: Int) throws -> UInt64 {
        try take(byteCount, end: end).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A length; each counted value takes `leastByteCount` bytes at least.
    private mutating func length(
        _ byteCount: Int, leastByteCount: Int = 1, end: Int
    ) throws -> Int {
        let length = Int(try number(byteCount, end: end))
        guard length <= (end - position) / leastByteCount else {
            throw wrong("it says that \(length) values follow byte \(position), where they do not")
        }
        return length
    }

    // MARK: - Values

    private mutating func value(depth: Int, end: Int) throws -> Value {
        nodeCount += 1
        guard nodeCount <= Self.largestNodeCount, depth < Self.deepestNesting else {
            throw wrong("it has too many values, or they nest too deep")
        }
        let kind = try take(1, end: end).first ?? 0
        switch kind {
        case 0x00...0x7f: return .integer(Int(kind))
        case 0x80...0x8f: return try map(Int(kind & 0x0f), depth: depth, end: end)
        case 0x90...0x9f: return try list(Int(kind & 0x0f), depth: depth, end: end)
        case 0xa0...0xbf: return try text(Int(kind & 0x1f), end: end)
        case 0xc0: return Value.none
        case 0xc2: return .boolean(false)
        case 0xc3: return .boolean(true)
        case 0xc4...0xc6: return try bytes(length(1 << Int(kind - 0xc4), end: end), end: end)
        case 0xc7...0xc9:
            let count = try length(1 << Int(kind - 0xc7), end: end)
            return try extended(count, depth: depth, end: end)
        case 0xca:
            return .real(Double(Float(bitPattern: UInt32(try number(4, end: end)))))
        case 0xcb: return .real(Double(bitPattern: try number(8, end: end)))
        case 0xcc...0xcf:
            let found = try number(1 << Int(kind - 0xcc), end: end)
            return Int(exactly: found).map(Value.integer) ?? .real(Double(found))
        case 0xd0: return .integer(Int(Int8(truncatingIfNeeded: try number(1, end: end))))
        case 0xd1: return .integer(Int(Int16(truncatingIfNeeded: try number(2, end: end))))
        case 0xd2: return .integer(Int(Int32(truncatingIfNeeded: try number(4, end: end))))
        case 0xd3: return .integer(Int(Int64(bitPattern: try number(8, end: end))))
        case 0xd4...0xd8: return try extended(1 << Int(kind - 0xd4), depth: depth, end: end)
        case 0xd9...0xdb: return try text(length(1 << Int(kind - 0xd9), end: end), end: end)
        case 0xdc, 0xdd:
            return try list(length(kind == 0xdc ? 2 : 4, end: end), depth: depth, end: end)
        case 0xde, 0xdf:
            return try map(
                length(kind == 0xde ? 2 : 4, leastByteCount: 2, end: end), depth: depth, end: end)
        case 0xe0...0xff: return .integer(Int(Int8(bitPattern: kind)))
        default: throw wrong("byte \(position - 1) begins no value")
        }
    }

    private mutating func text(_ count: Int, end: Int) throws -> Value {
        guard count <= Self.largestText else { throw wrong("it has a text of \(count) bytes") }
        return .text(String(decoding: try take(count, end: end), as: UTF8.self))
    }

    private mutating func bytes(_ count: Int, end: Int) throws -> Value {
        guard count <= Self.largestText else {
            position += count
            return .opaque("\(count) bytes of no known kind")
        }
        return .bytes(Array(try take(count, end: end)))
    }

    private mutating func list(_ count: Int, depth: Int, end: Int) throws -> Value {
        var elements: [Value] = []
        for _ in 0..<count { elements.append(try value(depth: depth + 1, end: end)) }
        return .list(elements)
    }

    private mutating func map(_ count: Int, depth: Int, end: Int) throws -> Value {
        var entries: [Value.Entry] = []
        for _ in 0..<count {
            let key = try value(depth: depth + 1, end: end)
            entries.append(.init(key: key, value: try value(depth: depth + 1, end: end)))
        }
        let map = Value.dictionary(entries)
        return map["__msgpack_chunked_array__"] == nil ? map : .tensor(try joined(map))
    }

    // MARK: - Arrays

    /// Extension 1 is an array, 2 a complex number, 3 a number of NumPy's.
    private mutating func extended(_ count: Int, depth: Int, end: Int) throws -> Value {
        let code = Int8(bitPattern: try take(1, end: end).first ?? 0)
        guard count <= end - position else {
            throw wrong("an extension of \(count) bytes goes beyond the end of the file")
        }
        let last = position + count
        defer { position = last }
        switch code {
        case 1, 3: return .tensor(try array(depth: depth, end: last))
        case 2: return .opaque("a complex number")
        default: return .opaque("a MessagePack extension of the type \(code)")
        }
    }

    /// `[shape, name of the type, bytes in row-major order]`.
    private mutating func array(depth: Int, end: Int) throws -> StoredTensor {
        guard try take(1, end: end).first == 0x93 else {
            throw wrong("an array has no three parts")
        }
        let shape = try value(depth: depth + 1, end: end).elements?.compactMap(\.whole) ?? []
        let name = try value(depth: depth + 1, end: end).textual ?? ""
        guard let type = Self.types[name] else {
            throw wrong("it has an array of the type \(name.prefix(40)), which is not read")
        }
        guard shape.count <= StoredTensor.largestRank, shape.allSatisfy({ $0 >= 0 }) else {
            throw wrong("it has an array of the shape \(shape.prefix(40))")
        }
        let kind = try take(1, end: end).first ?? 0
        guard (0xc4...0xc6).contains(kind) else { throw wrong("an array has no bytes") }
        let count = try length(1 << Int(kind - 0xc4), end: end)
        var expected = type.byteCount
        for extent in shape {
            let (product, overflows) = expected.multipliedReportingOverflow(by: extent)
            guard !overflows else { throw wrong("it has an array of the shape \(shape)") }
            expected = product
        }
        guard expected == count, position + count == end else {
            throw wrong("an array of the shape \(shape) has \(count) bytes, not \(expected)")
        }
        return StoredTensor(elementType: type, shape: shape, file: file, offset: position)
    }

    /// An array that Flax cut into pieces, because MessagePack's lengths end at 4 GB.
    private func joined(_ map: Value) throws -> StoredTensor {
        func ordered(_ key: String) -> [Value] {
            let entries = map[key]?.entries ?? []
            return (0..<entries.count).compactMap { index in
                entries.first { $0.key.label == String(index) }?.value
            }
        }
        let shape = ordered("shape").compactMap(\.whole)
        let chunks = ordered("chunks").compactMap(\.tensor)
        let count = chunks.reduce(0) { $0.saturatingSum($1.elementCount) }
        let expected = shape.reduce(1) { $0.saturatingProduct($1) }
        guard let first = chunks.first, shape.count <= StoredTensor.largestRank,
            shape.allSatisfy({ $0 >= 0 }), expected == count,
            chunks.allSatisfy({ $0.elementType == first.elementType })
        else { throw wrong("the pieces of an array do not make one of the shape \(shape)") }
        return StoredTensor(elementType: first.elementType, shape: shape) {
            try chunks.flatMap { try $0.load(named: "").bytes }
        }
    }

    private static let types: [String: ElementType] = [
        "float16": .float16, "bfloat16": .bfloat16, "float32": .float32, "float64": .float64,
        "complex64": .complex64, "complex128": .complex128, "int8": .int8, "int16": .int16,
        "int32": .int32, "int64": .int64, "uint8": .uint8, "uint16": .uint16, "uint32": .uint32,
        "uint64": .uint64, "bool": .bool,
    ]
}
