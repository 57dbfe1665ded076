internal import Checkpoints

/// Some columns of rows, in the order in which they were asked for.
final class ChosenColumns: RowWriter {
    private let names: [String]
    private let writer: any RowWriter
    private var positions: [Int] = []

    init(_ names: [String], of writer: any RowWriter) {
        self.names = names
        self.writer = writer
    }

    /// Errors: there is no such column.
    func begin(columns: [String]) throws {
        positions = try ChosenColumns.positions(of: names, in: columns)
        try writer.begin(columns: names)
    }

    /// Errors: there is no such column.
    static func positions(of names: [String], in columns: [String]) throws -> [Int] {
        try names.map { name in
            if let position = columns.firstIndex(of: name) { return position }
            let near = NearNames.nearest(to: name, in: columns).first
            throw UserError.usage(
                subject: "--columns \(name)", cause: "there is no such column",
                advice: near.map { "did you mean \($0)?" }
                    ?? "choose from \(columns.joined(separator: ", "))")
        }
    }

    func row(_ cells: [ScalarValue]) throws {
        try writer.row(positions.map { $0 < cells.count ? cells[$0] : .null })
    }

    func end() throws { try writer.end() }
}
