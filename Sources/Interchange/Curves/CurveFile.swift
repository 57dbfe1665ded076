internal import Checkpoints
internal import Foundation

/// Curves from files of text: comma-separated values, or one JSON object per line; and from event
/// files.
enum CurveFile {
    /// Whether a file is of a kind that holds curves, by its name.
    static func holdsCurves(_ name: String) -> Bool {
        let suffix = (name as NSString).pathExtension.lowercased()
        return ["csv", "tsv", "jsonl", "ndjson"].contains(suffix) || EventFile.isEventFile(name)
            || WandbFile.isWandbFile(name)
    }

    /// The runs that a file tells apart, each with its curves; nil where the file is a table of
    /// something else.
    static func read(_ path: String) throws -> [RowTable.Part]? { try read(SourceFile(path: path)) }

    static func read(_ file: SourceFile) throws -> [RowTable.Part]? {
        let name = (file.path as NSString).lastPathComponent
        if EventFile.isEventFile(name) {
            return [RowTable.Part(items: try EventFile.items(file))]
        }
        if WandbFile.isWandbFile(name) { return [try WandbFile.part(file)] }
        let bytes = try file.read(at: 0, count: file.byteCount)
        let suffix = (name as NSString).pathExtension.lowercased()
        if suffix == "csv" || suffix == "tsv" {
            return try commaSeparated(
                bytes, separator: UInt8(ascii: suffix == "csv" ? "," : "\t"), path: file.path)
        }
        return try jsonLines(bytes, path: file.path)
    }

    private static func commaSeparated(
        _ bytes: [UInt8], separator: UInt8, path: String
    ) throws -> [RowTable.Part]? {
        var rows = CommaSeparatedRows(bytes, separator: separator)
        guard let header = try rows.next(in: path) else {
            throw UserError.unreadable(path, "it is empty")
        }
        // pandas writes its index without a name.
        let names = header.enumerated().map {
            $1.isEmpty ? "column \($0 + 1)" : SpreadsheetText.original($1)
        }
        if let twice = Dictionary(grouping: names, by: { $0 }).filter({ $0.value.count > 1 })
            .keys.min()
        {
            throw UserError.unreadable(path, "it has two columns named \(twice)")
        }
        var table = RowTable(columns: names)
        var line = 1
        while let row = try rows.next(in: path) {
            line += 1
            guard row.count == header.count else {
                throw UserError.unreadable(
                    path, "row \(line) has \(row.count) fields, the first row has \(header.count)")
            }
            table.append(row.map(cell))
        }
        if let parts = ExportedTable.parts(table) { return parts }
        return table.holdsCurves ? table.parts() : nil
    }

    private static func cell(_ field: String) -> RowTable.Cell {
        if field.isEmpty { return .missing }
        if let number = Double(field) { return .number(number) }
        return .text(SpreadsheetText.original(field))
    }

    private static func jsonLines(_ bytes: [UInt8], path: String) throws -> [RowTable.Part]? {
        var table = RowTable()
        var settings: [FoundItem] = []
        var others = 0
        var line = 0
        for text in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            guard text.contains(where: { $0 > 0x20 }) else { continue }
            let mark: [UInt8] = [0xef, 0xbb, 0xbf]
            let own = line == 1 && text.starts(with: mark) ? text.dropFirst(3) : text
            let value: Value
            do {
                value = Value(try JSONValue(parsing: own))
            } catch let problem as JSONValue.Problem {
                throw UserError.unreadable(path, "line \(line) is not JSON: \(problem.cause)")
            }
            guard let entries = value.entries else {
                others += 1
                continue
            }
            if Self.areSettings(entries) {
                settings += try ContentSorter(settings: value, source: path).items
            } else {
                table.append(entries)
            }
        }
        guard table.holdsCurves else { return nil }
        var parts = table.parts()
        if parts.count == 1 {
            parts[0].items += settings
        } else if !parts.isEmpty {
            parts[0].items += settings.map {
                FoundItem(
                    $0.name, .leftOut("it is not certain of which run it is a setting"),
                    count: $0.count)
            }
        }
        if others > 0, !parts.isEmpty {
            parts[0].items.append(
                FoundItem("", .leftOut("a line that is no object"), count: others))
        }
        return parts
    }

    /// Whether a line has nothing but settings: `{"config": {…}}`.
    private static func areSettings(_ entries: [Value.Entry]) -> Bool {
        !entries.isEmpty
            && entries.allSatisfy {
                ContentWords.settings.contains($0.key.label.lowercased()) && $0.value.entries != nil
            }
    }

    /// The numbers of an object as points of curves.
    static func points(_ entries: [Value.Entry], step: Int) -> [MetricPoint] {
        entries.compactMap { entry in
            let name = entry.key.label
            guard !ContentWords.updates.contains(name.lowercased()),
                !ContentWords.epochs.contains(name.lowercased())
            else { return nil }
            let value: Double? =
                switch entry.value {
                case .real, .integer: entry.value.number
                case .text(let text): Double.written(text)
                default: nil
                }
            return value.map { MetricPoint(name: CurveName.any(name), step: step, value: $0) }
        }
    }
}
