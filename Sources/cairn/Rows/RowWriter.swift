internal import ArgumentParser
internal import Checkpoints
internal import Foundation

/// Prints rows as they come.
///
/// Calls come in order: `begin` once, `row` for each row, `end` once.
protocol RowWriter: AnyObject {
    func begin(columns: [String]) throws
    func row(_ cells: [ScalarValue]) throws
    func end() throws
}

extension RowWriter {
    /// Prints rows that are all there already.
    func write(columns: [String], rows: some Sequence<[ScalarValue]>) throws {
        try begin(columns: columns)
        for cells in rows { try row(cells) }
        try end()
    }
}

/// The ways to print rows.
enum RowFormat: String, EnumerableFlag {
    case table
    case json
    case nl
    case csv
    case markdown

    static func help(for value: RowFormat) -> ArgumentHelp? {
        switch value {
        case .table: "An aligned table."
        case .json: "One JSON array of objects."
        case .nl: "One JSON object a line."
        case .csv: "Comma-separated values; text like a formula gets a ' before it."
        case .markdown: "A Markdown table."
        }
    }

    /// A writer; `importance` names the columns of a table that are left out last.
    func writer(
        to output: Output, terminal: Terminal, importance: [String] = [], isWide: Bool = false
    ) -> any RowWriter {
        switch self {
        case .table:
            TableWriter(
                output: output, terminal: terminal, style: .plain, importance: importance,
                isWide: isWide)
        case .markdown: TableWriter(output: output, terminal: terminal, style: .markdown)
        case .json: JSONWriter(output: output, isArray: true)
        case .nl: JSONWriter(output: output, isArray: false)
        case .csv: CSVWriter(output: output)
        }
    }
}

/// The names of a result's columns.
enum ColumnNames {
    /// Two columns of one name would make one of them unreadable: later ones are numbered.
    static func distinct(_ columns: [String]) -> [String] {
        var used: Set<String> = []
        return columns.map { column in
            var name = column
            var number = 2
            while !used.insert(name).inserted {
                name = "\(column)_\(number)"
                number += 1
            }
            return name
        }
    }
}

/// Rows as JSON objects: one array, or one object a line.
final class JSONWriter: RowWriter {
    private let output: Output
    private let isArray: Bool
    private var keys: [String] = []
    private var rowCount = 0

    init(output: Output, isArray: Bool) {
        self.output = output
        self.isArray = isArray
    }

    func begin(columns: [String]) throws {
        keys = ColumnNames.distinct(columns).map(JSONValue.quoted)
    }

    func row(_ cells: [ScalarValue]) throws {
        let members = zip(keys, cells).map { "\($0): \($1.json)" }
        let object = "{" + members.joined(separator: ", ") + "}"
        if isArray {
            try output.write((rowCount == 0 ? "[" : ",\n ") + object)
        } else {
            try output.write(object + "\n")
        }
        rowCount += 1
    }

    func end() throws {
        if isArray { try output.write(rowCount == 0 ? "[]\n" : "]\n") }
    }
}

/// Rows as comma-separated values (RFC 4180 with LF line ends).
///
/// NULL is an empty field and empty text is `""`; numbers that are none are `nan`, `inf`, `-inf`;
/// BLOBs are base64. Text that a spreadsheet would compute, as `=1+1`, gets an apostrophe before it.
final class CSVWriter: RowWriter {
    private let output: Output

    init(output: Output) { self.output = output }

    func begin(columns: [String]) throws {
        try output.write(
            columns.map { CSVWriter.quoted(SpreadsheetText.harmless($0)) }.joined(separator: ",")
                + "\n")
    }

    func row(_ cells: [ScalarValue]) throws {
        try output.write(cells.map(CSVWriter.field).joined(separator: ",") + "\n")
    }

    func end() throws {}

    private static func field(_ cell: ScalarValue) -> String {
        if case .text(let value) = cell {
            quoted(SpreadsheetText.harmless(value))
        } else {
            cell.written
        }
    }

    private static func quoted(_ text: String) -> String {
        let special = text.utf8.contains { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }
        let needsQuotes = special || text.isEmpty || text.hasPrefix(" ") || text.hasSuffix(" ")
        return needsQuotes
            ? "\""
                + text.split(separator: "\"", omittingEmptySubsequences: false)
                .joined(separator: "\"\"") + "\"" : text
    }
}
