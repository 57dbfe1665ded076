internal import Checkpoints
internal import Foundation

/// Curves from files of text: comma-separated values, or one JSON object per line.
enum CurveFile {
    /// What a file of curves holds.
    struct Content {
        var points: [MetricPoint] = []
        var notes: [String] = []
    }

    /// The columns that may count the steps, in the order of preference.
    private static let stepNames = [
        "step", "global_step", "update", "iteration", "iter", "epoch", "_step",
    ]

    /// Whether a file is of a kind that holds curves, by its name.
    static func holdsCurves(_ name: String) -> Bool {
        let suffix = (name as NSString).pathExtension.lowercased()
        return ["csv", "jsonl", "ndjson"].contains(suffix) || EventFile.isEventFile(name)
    }

    /// Reads the curves of a file of any of these kinds.
    static func read(_ path: String) throws -> Content {
        try read(SourceFile(path: path))
    }

    static func read(_ file: SourceFile) throws -> Content {
        let path = file.path
        let name = (path as NSString).lastPathComponent
        if EventFile.isEventFile(name) { return Content(points: try EventFile.read(file)) }
        let bytes = try file.read(at: 0, count: file.byteCount)
        return name.lowercased().hasSuffix(".csv")
            ? try commaSeparated(bytes, path: path)
            : try jsonLines(bytes, path: path)
    }

    private static func commaSeparated(
        _ bytes: [UInt8], path: String
    ) throws -> Content {
        var rows = CommaSeparatedRows(bytes)
        guard let header = try rows.next(in: path) else {
            throw UserError.unreadable(path, "it is empty")
        }
        guard
            let stepColumn = stepNames.lazy.compactMap({ name in
                header.firstIndex { $0.lowercased() == name }
            }).first
        else {
            throw UserError.unreadable(
                path, "it has no column named \(stepNames.joined(separator: ", "))",
                advice: "name the column that counts updates step")
        }
        if let twice = Dictionary(grouping: header.filter { !$0.isEmpty }, by: { $0 })
            .filter({ $0.value.count > 1 }).keys.min()
        {
            throw UserError.unreadable(path, "it has two columns named \(twice)")
        }
        // Where a file has a standard curve under Cairn's own name, others keep theirs.
        let names = header.map { name in
            let standard = CurveName.any(name)
            return header.contains(standard) ? name : standard
        }
        var content = Content()
        var unread: Set<String> = []
        var line = 1
        while let row = try rows.next(in: path) {
            line += 1
            guard row.count == header.count else {
                throw UserError.unreadable(
                    path, "row \(line) has \(row.count) fields, the first row has \(header.count)")
            }
            guard let step = wholeNumber(row[stepColumn]) else {
                throw UserError.unreadable(
                    path,
                    "row \(line) has the \(header[stepColumn]) \(row[stepColumn]), "
                        + "which is not a whole number")
            }
            for (column, field) in row.enumerated()
            where column != stepColumn && !field.isEmpty && !header[column].isEmpty {
                guard !stepNames.contains(header[column].lowercased()) else { continue }
                if let value = Double(field) {
                    content.points.append(
                        MetricPoint(
                            name: names[column], step: step, value: value))
                } else {
                    unread.insert(header[column])
                }
            }
        }
        content.notes = unread.sorted().map { "column \($0) is not a number and was left out" }
        return content
    }

    /// A whole number, also where it is written as 12.0.
    private static func wholeNumber(_ text: String) -> Int? {
        Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }

    private static func jsonLines(_ bytes: [UInt8], path: String) throws -> Content {
        var content = Content()
        var line = 0
        for text in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            guard text.contains(where: { $0 > 0x20 }) else { continue }
            let value: Value
            do {
                value = Value(try JSONValue(parsing: text))
            } catch let problem as JSONValue.Problem {
                throw UserError.unreadable(path, "line \(line) is not JSON: \(problem.cause)")
            }
            guard let entries = value.entries else {
                throw UserError.unreadable(path, "line \(line) is not an object")
            }
            guard let step = stepNames.lazy.compactMap({ value[$0]?.wholeStep }).first else {
                continue
            }
            content.points += points(entries, step: step)
        }
        return content
    }

    /// The numbers of an object as points of curves.
    static func points(_ entries: [Value.Entry], step: Int) -> [MetricPoint] {
        entries.compactMap { entry in
            let name = entry.key.label
            guard !stepNames.contains(name.lowercased()) else { return nil }
            switch entry.value {
            case .real, .integer:
                return entry.value.number.map {
                    MetricPoint(name: CurveName.any(name), step: step, value: $0)
                }
            case .text("NaN"):
                return MetricPoint(name: CurveName.any(name), step: step, value: .nan)
            case .text("Infinity"):
                return MetricPoint(name: CurveName.any(name), step: step, value: .infinity)
            case .text("-Infinity"):
                return MetricPoint(name: CurveName.any(name), step: step, value: -.infinity)
            default: return nil
            }
        }
    }
}

extension Value {
    /// A whole number, also where it is written as 12.0.
    fileprivate var wholeStep: Int? { whole ?? number.flatMap { Int(exactly: $0) } }
}

/// The rows of comma-separated text, with quoted fields as spreadsheets write them.
struct CommaSeparatedRows {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
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
            case UInt8(ascii: ",") where !isQuoted:
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
