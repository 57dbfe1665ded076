internal import Checkpoints

/// What the cells of a column are in Arrow; every column may hold NULL.
package enum ArrowType: Sendable, Equatable {
    /// No cell has a value.
    case null
    case boolean
    /// 64 bits with a sign.
    case integer
    /// 64 bits; a whole number among them is one if a real holds it exactly.
    case real
    case text
    /// Text from a small set of names, as numbers into a dictionary.
    case codedText
    case bytes
    /// A JSON array of whole numbers, as a list.
    case integers
}

/// A cell that its column cannot hold.
struct ArrowMismatch: Error {}

/// The cells of one column since the last batch.
struct ArrowColumn {
    let type: ArrowType
    private(set) var count = 0
    private var nullCount = 0
    private var validity: [UInt8] = []
    private var data: [UInt8] = []
    private var offsets: [Int32] = [0]
    private var codes: [String: Int32] = [:]
    /// The texts that the codes stand for, in the order of the codes.
    private var names: [String] = []

    init(_ type: ArrowType) { self.type = type }

    /// How many bytes wait; a batch ends before an offset of 32 bits runs out.
    var byteCount: Int { data.count }

    mutating func append(_ cell: ScalarValue) throws {
        let isNull = cell == .null
        if isNull {
            nullCount += 1
        } else {
            try append(value: cell)
        }
        if isNull { appendNothing() }
        ArrowColumn.append(bit: !isNull, at: count, to: &validity)
        count += 1
    }

    private mutating func append(value cell: ScalarValue) throws {
        switch (type, cell) {
        case (.boolean, .boolean(let flag)): ArrowColumn.append(bit: flag, at: count, to: &data)
        case (.boolean, .integer(let number)) where number == 0 || number == 1:
            ArrowColumn.append(bit: number == 1, at: count, to: &data)
        case (.integer, .integer(let number)): append(Int64(number))
        case (.integer, .boolean(let flag)): append(Int64(flag ? 1 : 0))
        case (.real, .real(let number)): append(number.bitPattern)
        case (.real, .integer(let number)):
            guard let exact = Double(exactly: number) else { throw ArrowMismatch() }
            append(exact.bitPattern)
        case (.text, .text(let text)):
            data += text.utf8
            offsets.append(Int32(data.count))
        case (.codedText, .text(let text)): append(code(of: text))
        case (.bytes, .blob(let bytes)):
            data += bytes
            offsets.append(Int32(data.count))
        case (.integers, .text(let text)):
            guard case .array(let values)? = try? JSONValue(parsing: Array(text.utf8)) else {
                throw ArrowMismatch()
            }
            for value in values {
                guard case .scalar(.integer(let number)) = value else { throw ArrowMismatch() }
                append(Int64(number))
            }
            offsets.append(Int32(data.count / 8))
        default: throw ArrowMismatch()
        }
    }

    /// The place of a cell without a value.
    private mutating func appendNothing() {
        switch type {
        case .null: break
        case .boolean: ArrowColumn.append(bit: false, at: count, to: &data)
        case .integer, .real: append(Int64(0))
        case .codedText: append(Int32(0))
        case .text, .bytes, .integers: offsets.append(offsets.last ?? 0)
        }
    }

    private mutating func code(of text: String) -> Int32 {
        if let code = codes[text] { return code }
        let code = Int32(names.count)
        codes[text] = code
        names.append(text)
        return code
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { data += $0 }
    }

    private static func append(bit: Bool, at position: Int, to bits: inout [UInt8]) {
        if position % 8 == 0 { bits.append(0) }
        if bit { bits[bits.count - 1] |= 1 << UInt8(position % 8) }
    }

    /// The nodes and buffers of the column in the order of Arrow's layout.
    func add(to batch: inout ArrowBatch) {
        batch.nodes.append([Int64(count), Int64(type == .null ? count : nullCount)])
        guard type != .null else { return }
        batch.add(buffer: nullCount == 0 ? [] : validity)
        switch type {
        case .text, .bytes, .integers:
            batch.add(buffer: offsets.flatMap { offset in ArrowBatch.bytes(offset) })
        case .null, .boolean, .integer, .real, .codedText: break
        }
        if type == .integers {
            batch.nodes.append([Int64(data.count / 8), 0])
            batch.add(buffer: [])
        }
        batch.add(buffer: data)
    }

    /// The dictionary of the waiting cells as a column of its own; nil where the type has none.
    func dictionary() throws -> ArrowColumn? {
        guard type == .codedText else { return nil }
        var column = ArrowColumn(.text)
        for name in names { try column.append(.text(name)) }
        return column
    }

    mutating func removeAll() { self = ArrowColumn(type) }
}

/// The body of a message, and where its parts are.
struct ArrowBatch {
    var nodes: [[Int64]] = []
    private(set) var buffers: [[Int64]] = []
    private(set) var body: [UInt8] = []

    /// Adds a buffer at a multiple of 8 bytes.
    mutating func add(buffer: [UInt8]) {
        buffers.append([Int64(body.count), Int64(buffer.count)])
        body += buffer
        while body.count % 8 != 0 { body.append(0) }
    }

    static func bytes(_ value: Int32) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
