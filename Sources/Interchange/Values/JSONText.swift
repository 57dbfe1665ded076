internal import Checkpoints

/// Reads JSON as Python and others write it, keeping the order of keys and whole numbers whole.
///
/// `NaN`, `Infinity` and `-Infinity` are read as numbers, because Python writes them. Keys that
/// repeat, nesting beyond `deepestNesting` and anything after the value are errors.
struct JSONText {
    /// What is wrong with a text, and where.
    struct Problem: Error {
        let cause: String
        let position: Int
    }

    static let deepestNesting = 100

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The value of a whole text in UTF-8.
    static func value(of bytes: [UInt8]) throws -> Value {
        var reader = JSONText(bytes)
        reader.skipSpace()
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else {
            throw reader.problem("it goes on after its end")
        }
        return value
    }

    /// The value of a file; errors name it.
    static func value(ofFile path: String, bytes: [UInt8]) throws -> Value {
        do {
            return try value(of: bytes)
        } catch let problem as Problem {
            throw UserError.unreadable(
                path, "it is not JSON: \(problem.cause) (byte \(problem.position))")
        }
    }

    private func problem(_ cause: String) -> Problem { Problem(cause: cause, position: position) }

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

    private mutating func value(depth: Int) throws -> Value {
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

    private mutating func object(depth: Int) throws -> Value {
        try expect("{")
        var entries: [Value.Entry] = []
        var names: Set<String> = []
        if accept(UInt8(ascii: "}")) { return .dictionary([]) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw problem("a key is missing") }
            let name = try string()
            guard names.insert(name).inserted else { throw problem("the key \(name) repeats") }
            try expect(":")
            skipSpace()
            entries.append(.init(key: .text(name), value: try value(depth: depth + 1)))
        } while accept(UInt8(ascii: ","))
        try expect("}")
        return .dictionary(entries)
    }

    private mutating func array(depth: Int) throws -> Value {
        try expect("[")
        var elements: [Value] = []
        if accept(UInt8(ascii: "]")) { return .list([]) }
        repeat {
            skipSpace()
            elements.append(try value(depth: depth + 1))
        } while accept(UInt8(ascii: ","))
        try expect("]")
        return .list(elements)
    }

    private mutating func scalar() throws -> Value {
        let start = position
        while let byte = next, Self.isScalar(byte) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        switch word {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "null": return .none
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

extension Value {
    /// The value as JSON in one line, keys in the order given or sorted.
    ///
    /// Tensors become null; NaN and infinities become the texts `NaN`, `Infinity`, `-Infinity`.
    package func json(sorted: Bool = false) -> String {
        switch self {
        case .none, .tensor: "null"
        case .boolean(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .real(let number):
            number.isNaN
                ? "\"NaN\""
                : number.isInfinite ? (number < 0 ? "\"-Infinity\"" : "\"Infinity\"") : "\(number)"
        case .text(let text): Self.quoted(text)
        case .bytes(let bytes): "[" + bytes.map { String($0) }.joined(separator: ",") + "]"
        case .list(let elements):
            "[" + elements.map { $0.json(sorted: sorted) }.joined(separator: ",") + "]"
        case .dictionary(let entries):
            "{"
                + (sorted ? entries.sorted { $0.key.label < $1.key.label } : entries).map {
                    Self.quoted($0.key.label) + ":" + $0.value.json(sorted: sorted)
                }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
