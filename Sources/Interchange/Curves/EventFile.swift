package import Checkpoints

/// The scalars of TensorBoard event files: framed records with checksums, each one protocol buffer.
package enum EventFile {
    /// The largest record that is read; a scalar takes a hundred bytes.
    static let largestRecordByteCount = 1 << 28

    static func isEventFile(_ name: String) -> Bool { name.contains("tfevents") }

    /// The scalars as curves, one per tag, and a count of everything else.
    static func items(_ file: SourceFile) throws -> [FoundItem] {
        var order: [String] = []
        var found: [String: (steps: [Int], values: [Double])] = [:]
        let (points, others) = try content(file)
        for point in points {
            if found[point.name] == nil { order.append(point.name) }
            found[point.name, default: ([], [])].steps.append(point.step)
            found[point.name]?.values.append(point.value)
        }
        // Where a file has a standard curve under Cairn's own name, others keep theirs.
        let standards = Dictionary(grouping: order, by: CurveName.any)
        let curves = order.compactMap { tag -> FoundItem? in
            guard let curve = found[tag] else { return nil }
            let standard = CurveName.any(tag)
            let name = (standards[standard]?.count ?? 0) > 1 ? tag : standard
            return FoundItem(
                tag,
                .curve(
                    FoundCurve(
                        name: name, axis: .updates, steps: curve.steps, values: curve.values)),
                count: curve.values.count)
        }
        return curves
            + others.sorted { $0.key < $1.key }.map {
                FoundItem($0.key, .leftOut("it is no scalar"), count: $0.value)
            }
    }

    /// All scalars in the order of the file, under Cairn's names where they are standard ones.
    package static func read(_ path: String) throws -> [MetricPoint] {
        try read(SourceFile(path: path))
    }

    package static func read(_ file: SourceFile) throws -> [MetricPoint] {
        try content(file).points.map {
            MetricPoint(name: CurveName.any($0.name), step: $0.step, value: $0.value)
        }
    }

    /// The scalars under their tags, and how many values of each other tag are none.
    ///
    /// A last record that is cut short is left out: the writer may still be at work. Any other
    /// damage is an error.
    private static func content(
        _ file: SourceFile
    ) throws -> (points: [MetricPoint], others: [String: Int]) {
        let path = file.path
        var points: [MetricPoint] = []
        var others: [String: Int] = [:]
        var offset = 0
        var number = 0
        while offset < file.byteCount {
            guard file.byteCount - offset >= 12 else { break }
            number += 1
            let head = try file.read(at: offset, count: 12)
            var cursor = ByteCursor(head)
            let length = try cursor.number(UInt64.self)
            guard CRC32C.masked(head[0..<8]) == (try cursor.number(UInt32.self)) else {
                throw UserError.unreadable(
                    path,
                    number == 1
                        ? "it is not an event file of TensorBoard"
                        : "record \(number) is damaged (the checksum of its length differs)")
            }
            guard length <= UInt64(largestRecordByteCount) else {
                throw UserError.unreadable(path, "record \(number) says it has \(length) bytes")
            }
            let count = Int(length)
            guard count + 16 <= file.byteCount - offset else { break }
            let body = try file.read(at: offset + 12, count: count + 4)
            var tail = ByteCursor(body, at: count)
            guard CRC32C.masked(body[0..<count]) == (try tail.number(UInt32.self)) else {
                throw UserError.unreadable(
                    path, "record \(number) is damaged (its checksum differs)")
            }
            do {
                try append(event: body[0..<count], to: &points, others: &others)
            } catch is ByteCursor.Ended {
                throw UserError.unreadable(path, "record \(number) is not an event")
            }
            offset += count + 16
        }
        return (points, others)
    }

    /// `Event`: step is field 2, summary is field 5 with values in field 1.
    private static func append(
        event: ArraySlice<UInt8>, to points: inout [MetricPoint], others: inout [String: Int]
    ) throws {
        var step = 0
        var summaries: [ArraySlice<UInt8>] = []
        try ProtocolBuffer.read(event) { field, value in
            switch (field, value) {
            case (2, .variable(let number)): step = Int(Int64(bitPattern: number))
            case (5, .bytes(let summary)): summaries.append(summary)
            default: break
            }
        }
        for summary in summaries {
            try ProtocolBuffer.read(summary) { field, value in
                guard field == 1, case .bytes(let entry) = value else { return }
                let (tag, number) = try scalar(entry)
                if let number {
                    points.append(MetricPoint(name: tag, step: step, value: number))
                } else {
                    others[tag, default: 0] += 1
                }
            }
        }
    }

    /// `Summary.Value`: tag is field 1, simple_value field 2, tensor field 8.
    private static func scalar(
        _ bytes: ArraySlice<UInt8>
    ) throws -> (tag: String, number: Double?) {
        var tag = ""
        var number: Double?
        try ProtocolBuffer.read(bytes) { field, value in
            switch (field, value) {
            case (1, .bytes(let text)): tag = String(decoding: text, as: UTF8.self)
            case (2, .fixed32(let bits)): number = Double(Float(bitPattern: bits))
            case (8, .bytes(let tensor)): number = try scalarTensor(tensor) ?? number
            default: break
            }
        }
        return (tag, tag.isEmpty ? nil : number)
    }

    /// `TensorProto`: dtype 1, content 4, float_val 5, double_val 6; nil unless one real number.
    private static func scalarTensor(_ bytes: ArraySlice<UInt8>) throws -> Double? {
        var type: UInt64 = 0
        var numbers: [Double] = []
        var content: ArraySlice<UInt8> = []
        try ProtocolBuffer.read(bytes) { field, value in
            switch (field, value) {
            case (1, .variable(let number)): type = number
            case (4, .bytes(let raw)): content = raw
            case (5, .fixed32(let bits)): numbers.append(Double(Float(bitPattern: bits)))
            case (5, .bytes(let packed)) where packed.count == 4: content = packed
            case (6, .fixed64(let bits)): numbers.append(Double(bitPattern: bits))
            case (6, .bytes(let packed)) where packed.count == 8: content = packed
            default: break
            }
        }
        var cursor = ByteCursor(Array(content))
        if type == 1, content.count == 4 {
            numbers.append(Double(Float(bitPattern: try cursor.number(UInt32.self))))
        } else if type == 2, content.count == 8 {
            numbers.append(Double(bitPattern: try cursor.number(UInt64.self)))
        }
        return numbers.count == 1 ? numbers[0] : nil
    }
}

/// The wire format of protocol buffers, field by field.
enum ProtocolBuffer {
    enum Field {
        case variable(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
    }

    /// Hands over each field with its number; throws `ByteCursor.Ended` for anything malformed.
    static func read(
        _ bytes: ArraySlice<UInt8>, field: (_ number: UInt64, _ value: Field) throws -> Void
    ) throws {
        var cursor = ByteCursor(Array(bytes))
        while cursor.remaining > 0 {
            let key = try variable(&cursor)
            let value: Field
            switch key & 7 {
            case 0: value = .variable(try variable(&cursor))
            case 1: value = .fixed64(try cursor.number(UInt64.self))
            case 2:
                guard let count = Int(exactly: try variable(&cursor)) else {
                    throw ByteCursor.Ended(position: cursor.position)
                }
                value = .bytes(try cursor.take(count))
            case 5: value = .fixed32(try cursor.number(UInt32.self))
            default: throw ByteCursor.Ended(position: cursor.position)
            }
            try field(key >> 3, value)
        }
    }

    private static func variable(_ cursor: inout ByteCursor) throws -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            let byte = try cursor.byte()
            number |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return number }
        }
        throw ByteCursor.Ended(position: cursor.position)
    }
}

/// The checksum of Castagnoli, as event files use it.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1
        }
    }

    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { table[Int(($0 ^ UInt32($1)) & 0xff)] ^ $0 >> 8 }
    }

    /// The checksum turned by 15 bits plus a constant, so that checksums of checksums stay odd.
    static func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let sum = checksum(bytes)
        return (sum >> 15 | sum << 17) &+ 0xa282_ead8
    }
}
