/// Reads JSON as Python and others write it, keeping the order of keys and whole numbers whole.
///
/// `NaN`, `Infinity` and `-Infinity` are read as numbers, because Python writes them. Keys that
/// repeat, nesting beyond `deepestNesting` and anything after the value are errors.
struct JSONReader {
    static let deepestNesting = 100

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The value of a whole text in UTF-8.
    static func value(of bytes: [UInt8]) throws -> JSONValue {
        var reader = JSONReader(bytes)
        reader.skipSpace()
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else {
            throw reader.problem("it goes on after its end")
        }
        return value
    }

    private func problem(_ cause: String) -> JSONValue.Problem {
        .init(cause: cause, position: position)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard accept(UInt8(ascii: character)) else { throw problem("a \(character) is missing") }
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard depth < Self.deepestNesting else {
            throw problem("it nests deeper than \(Self.deepestNesting) levels")
        }
        switch next {
        case UInt8(ascii: "{")?: return try object(depth: depth)
        case UInt8(ascii: "[")?: return try array(depth: depth)
        case UInt8(ascii: "\"")?: return .text(try string())
        case nil: throw problem("it ends early")
        default: return try scalar()
        }
    }

    private mutating func object(depth: Int) throws -> JSONValue {
        try expect("{")
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        if accept(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw problem("a key is missing") }
            let name = try string()
            guard names.insert(name).inserted else { throw problem("the key \(name) repeats") }
            try expect(":")
            skipSpace()
            members.append(.init(name, try value(depth: depth + 1)))
        } while accept(UInt8(ascii: ","))
        try expect("}")
        return .object(members)
    }

    private mutating func array(depth: Int) throws -> JSONValue {
        try expect("[")
        var elements: [JSONValue] = []
        if accept(UInt8(ascii: "]")) { return .array([]) }
        repeat {
            skipSpace()
            elements.append(try value(depth: depth + 1))
        } while accept(UInt8(ascii: ","))
        try expect("]")
        return .array(elements)
    }

    private mutating func scalar() throws -> JSONValue {
        let start = position
        while let byte = next, Self.isScalar(byte) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        switch word {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "null": return .null
        case "NaN": return .real(.nan)
        case "Infinity": return .real(.infinity)
        case "-Infinity": return .real(-.infinity)
        default: break
        }
        // Swift's parsers accept more (hexadecimal, names), so the first character decides.
        if let first = word.utf8.first(where: { $0 != UInt8(ascii: "-") }),
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first), !word.contains("x")
        {
            if let whole = Int(word) { return .integer(whole) }
            if let real = Double(word) { return .real(real) }
        }
        position = start
        throw problem("a value is missing")
    }

    private static func isScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"),
            UInt8(ascii: "."):
            true
        default: false
        }
    }

    private mutating func string() throws -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw problem("a text is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try content.append(contentsOf: escape())
            case 0..<0x20: throw problem("a text holds a control character")
            default: content.append(byte)
            }
        }
        throw problem("a text does not end")
    }

    private mutating func escape() throws -> [UInt8] {
        guard let byte = next else { throw problem("a text does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "u"):
            var units = [try unit()]
            if (0xd800..<0xdc00).contains(units[0]), position + 1 < bytes.count,
                bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                units.append(try unit())
            }
            guard let text = String(validating: units, as: UTF16.self) else {
                throw problem("a text holds half a character")
            }
            return Array(text.utf8)
        default: throw problem("a text holds an unknown escape")
        }
    }

    private mutating func unit() throws -> UInt16 {
        guard position + 4 <= bytes.count,
            bytes[position..<position + 4].allSatisfy({ $0 != UInt8(ascii: "+") }),
            let unit = UInt16(
                String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw problem("a text holds a bad escape") }
        position += 4
        return unit
    }
}

extension JSONValue {
    /// What is wrong with a text, and where.
    package struct Problem: Error, CustomStringConvertible {
        package let cause: String
        package let position: Int
        package var description: String { "\(cause) (byte \(position))" }
    }

    /// Reads a whole text in UTF-8; a `Problem` says what is wrong with it, and where.
    package init(parsing bytes: some Sequence<UInt8>) throws {
        self = try JSONReader.value(of: Array(bytes))
    }
}
