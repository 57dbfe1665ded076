internal import Checkpoints

/// The rows of comma-separated text, with quoted fields as spreadsheets write them.
struct CommaSeparatedRows {
    private let bytes: [UInt8]
    private let separator: UInt8
    private var position = 0

    init(_ bytes: [UInt8], separator: UInt8 = UInt8(ascii: ",")) {
        self.separator = separator
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        self.bytes = bytes.starts(with: mark) ? Array(bytes.dropFirst(3)) : bytes
    }

    /// The fields of the next row that is not empty; nil at the end.
    ///
    /// Errors: a quoted field that does not end.
    mutating func next(in path: String) throws -> [String]? {
        while position < bytes.count, bytes[position] == 0x0a || bytes[position] == 0x0d {
            position += 1
        }
        guard position < bytes.count else { return nil }
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                let isDouble = isQuoted && position < bytes.count && bytes[position] == byte
                if isDouble {
                    field.append(byte)
                    position += 1
                } else {
                    isQuoted.toggle()
                }
            case separator where !isQuoted:
                fields.append(String(decoding: field, as: UTF8.self))
                field.removeAll(keepingCapacity: true)
            case 0x0a where !isQuoted:
                return fields + [String(decoding: field, as: UTF8.self)]
            case 0x0d where !isQuoted:
                // Alone it ends a line, as old Macs wrote it; before a line feed it is part of it.
                if position < bytes.count, bytes[position] == 0x0a { break }
                return fields + [String(decoding: field, as: UTF8.self)]
            default: field.append(byte)
            }
        }
        guard !isQuoted else {
            throw UserError.unreadable(path, "a quoted field does not end")
        }
        return fields + [String(decoding: field, as: UTF8.self)]
    }
}
