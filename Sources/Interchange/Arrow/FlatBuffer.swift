/// A value of a FlatBuffers message, in the few forms that Arrow's metadata needs.
indirect enum FlatValue {
    case boolean(Bool)
    case byte(UInt8)
    case short(Int16)
    case int(Int32)
    case long(Int64)
    case string(String)
    /// Fields by their slot in the schema; nil for one that keeps its default.
    case table([FlatValue?])
    case tables([[FlatValue?]])
    /// A vector of structs whose members are all of 64 bits.
    case structs([[Int64]])

    /// The bytes that the value takes inside its table: an offset for what lies elsewhere.
    fileprivate var inlineSize: Int {
        switch self {
        case .boolean, .byte: 1
        case .short: 2
        case .int, .string, .table, .tables, .structs: 4
        case .long: 8
        }
    }
}

/// Writes one FlatBuffers message front to back: each table behind its list of fields, and what a table
/// refers to behind the table.
///
/// Source: the FlatBuffers internals document. Offsets to children are unsigned and count from where
/// they stand; a table's offset to its list of fields counts backwards.
struct FlatBuffer {
    private(set) var bytes: [UInt8] = [0, 0, 0, 0]

    init(root fields: [FlatValue?]) {
        let position = add(table: fields)
        patch(UInt32(position), at: 0)
    }

    private mutating func add(_ value: FlatValue) -> Int {
        switch value {
        case .table(let fields): return add(table: fields)
        case .string(let text):
            let position = beginVector(count: text.utf8.count)
            bytes += text.utf8
            bytes.append(0)
            return position
        case .tables(let tables):
            let position = beginVector(count: tables.count)
            let first = bytes.count
            bytes += [UInt8](repeating: 0, count: 4 * tables.count)
            for (index, fields) in tables.enumerated() {
                let place = first + 4 * index
                patch(UInt32(add(table: fields) - place), at: place)
            }
            return position
        case .structs(let structs):
            // The count is in front of the first struct, which stands at a multiple of 8.
            align(to: 8, before: 4)
            let position = beginVector(count: structs.count)
            for member in structs.joined() { append(member) }
            return position
        case .boolean, .byte, .short, .int, .long: preconditionFailure("it stands in its table")
        }
    }

    private mutating func add(table fields: [FlatValue?]) -> Int {
        var offsets: [UInt16] = []
        var size = 4
        for field in fields {
            guard let field else {
                offsets.append(0)
                continue
            }
            size = (size + field.inlineSize - 1) / field.inlineSize * field.inlineSize
            offsets.append(UInt16(size))
            size += field.inlineSize
        }
        let listSize = 4 + 2 * fields.count
        align(to: 8, before: listSize)
        append(UInt16(listSize))
        append(UInt16(size))
        for offset in offsets { append(offset) }
        let table = bytes.count
        append(Int32(listSize))
        bytes += [UInt8](repeating: 0, count: size - 4)
        for (field, offset) in zip(fields, offsets) {
            let place = table + Int(offset)
            switch field {
            case nil: break
            case .boolean(let value)?: patch(UInt8(value ? 1 : 0), at: place)
            case .byte(let value)?: patch(value, at: place)
            case .short(let value)?: patch(value, at: place)
            case .int(let value)?: patch(value, at: place)
            case .long(let value)?: patch(value, at: place)
            case .string?, .table?, .tables?, .structs?:
                if let field { patch(UInt32(add(field) - place), at: place) }
            }
        }
        return table
    }

    private mutating func beginVector(count: Int) -> Int {
        align(to: 4, before: 0)
        let position = bytes.count
        append(UInt32(count))
        return position
    }

    /// Pads so that what follows after `size` more bytes stands at a multiple.
    private mutating func align(to multiple: Int, before size: Int) {
        while (bytes.count + size) % multiple != 0 { bytes.append(0) }
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    private mutating func patch(_ value: some FixedWidthInteger, at place: Int) {
        withUnsafeBytes(of: value.littleEndian) { raw in
            for (index, byte) in raw.enumerated() { bytes[place + index] = byte }
        }
    }
}
