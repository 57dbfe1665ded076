internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints
internal import Interchange

/// The option that prints the rows of a statement as an Arrow stream.
struct ArrowOptions: ParsableArguments {
    @Flag(help: "An Arrow IPC stream, typed as the views declare their columns.")
    var arrow = false

    /// Errors: a format of rows is asked for too, or a person would see the bytes.
    func check(beside rows: RowOptions) throws {
        guard arrow else { return }
        guard rows.format == .table else {
            throw UserError.usage(
                subject: "--arrow", cause: "--\(rows.format.rawValue) contradicts it",
                advice: "give one of them")
        }
        guard !Terminal.output.isInteractive else {
            throw UserError.usage(
                subject: "--arrow", cause: "a terminal cannot show its bytes",
                advice: "write it into a file with > or pipe it into a program")
        }
    }

    /// Prints the rows of a statement in the way that was asked for.
    func print(
        _ cursor: SQLCursor, of session: SQLSession, _ rows: RowOptions, _ common: CommonOptions
    ) throws {
        guard arrow else { return try cursor.print(with: rows.writer()) }
        try ArrowOutput(cursor, of: session, columns: rows.chosenColumns, note: common.note).write()
    }
}

/// Rows of a statement as an Arrow stream on standard output.
///
/// Where every column is declared, rows are written as they come. A column that the statement computes
/// has no declared type: then all rows are read first, and the type is the narrowest that holds each of
/// its values.
struct ArrowOutput {
    private let cursor: SQLCursor
    private let positions: [Int]
    private let names: [String]
    private let types: [ColumnType?]
    private let note: (String) -> Void

    init(
        _ cursor: SQLCursor, of session: SQLSession, columns: [String]?,
        note: @escaping (String) -> Void
    ) throws {
        self.cursor = cursor
        self.note = note
        positions =
            try columns.map { try ChosenColumns.positions(of: $0, in: cursor.columns) }
            ?? Array(cursor.columns.indices)
        let declared = try cursor.columnTypes(in: session)
        types = positions.map { declared[$0] }
        names = ColumnNames.distinct(positions.map { cursor.columns[$0] })
    }

    func write() throws {
        if types.allSatisfy({ $0 != nil }) {
            var stream = try begin(types.map { ArrowType($0) })
            while let row = try cursor.next() { try stream.append(positions.map { row[$0] }) }
            return try stream.end()
        }
        var rows: [[ScalarValue]] = []
        while let row = try cursor.next() { rows.append(positions.map { row[$0] }) }
        let found = types.indices.map { index in
            types[index].map { ArrowType($0) } ?? narrowest(of: rows.lazy.map { $0[index] }, index)
        }
        var stream = try begin(found)
        for row in rows {
            try stream.append(
                zip(row, found).enumerated().map { index, pair in
                    types[index] == nil && pair.1 == .text ? pair.0.asText : pair.0
                })
        }
        try stream.end()
    }

    private func begin(_ types: [ArrowType]) throws -> ArrowStream {
        try ArrowStream(zip(names, types).map { ArrowField(name: $0, type: $1) }) {
            try Output.standard.write(bytes: $0)
        }
    }

    /// The type of a computed column; numbers beside text become text, which is said.
    private func narrowest(of values: some Sequence<ScalarValue>, _ index: Int) -> ArrowType {
        if let type = ColumnType.holding(values) {
            let isExact = values.allSatisfy {
                $0.integer.map { Double(exactly: $0) != nil } ?? true
            }
            if type != .real || isExact { return ArrowType(type) }
        } else if values.allSatisfy({ $0 == .null }) {
            return .null
        }
        note("Column \(names[index]) holds values of several types; in Arrow all are text.")
        return .text
    }
}

extension ArrowType {
    init(_ type: ColumnType?) {
        self =
            switch type {
            case nil: .null
            case .boolean?: .boolean
            case .integer?: .integer
            case .real?: .real
            case .text?: .text
            case .name?: .codedText
            case .bytes?: .bytes
            case .shape?: .integers
            }
    }
}

extension ScalarValue {
    /// The value as text, as SQL's CAST writes it; NULL stays.
    fileprivate var asText: ScalarValue {
        switch self {
        case .null, .text: self
        case .boolean, .integer, .real, .blob: .text(written)
        }
    }
}
