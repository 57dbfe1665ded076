/// Reads little-endian numbers and stretches of bytes one after the other, never past the end.
struct ByteCursor {
    /// The bytes ended before what was asked for.
    struct Ended: Error {
        let position: Int
    }

    let bytes: [UInt8]
    private(set) var position: Int

    init(_ bytes: [UInt8], at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    var remaining: Int { bytes.count - position }

    mutating func byte() throws -> UInt8 {
        guard remaining >= 1 else { throw Ended(position: position) }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw Ended(position: position) }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func skip(_ count: Int) throws { _ = try take(count) }

    /// A little-endian number of any fixed width.
    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        try take(Number.bitWidth / 8).reversed().reduce(0) {
            $0 << 8 | Number(truncatingIfNeeded: $1)
        }
    }

    /// A length of eight bytes; lengths beyond `Int` can only be lies.
    mutating func length64() throws -> Int {
        guard let length = Int(exactly: try number(UInt64.self)) else {
            throw Ended(position: position)
        }
        return length
    }

    /// The text up to a line feed, which is consumed.
    mutating func line() throws -> ArraySlice<UInt8> {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            throw Ended(position: position)
        }
        defer { position = end + 1 }
        return bytes[position..<end]
    }
}
