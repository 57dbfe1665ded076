package import Checkpoints

/// A column of an Arrow stream.
package struct ArrowField: Sendable, Equatable {
    package let name: String
    package let type: ArrowType

    package init(name: String, type: ArrowType) {
        self.name = name
        self.type = type
    }
}

/// Writes rows as an Arrow IPC stream: the schema, then batches of up to 65,536 rows, each after the
/// dictionaries that it uses, then the mark of the end.
///
/// Dictionaries are replaced batch by batch and not extended, because not every reader extends them.
/// Source: the Arrow columnar format, version 1.5, with the messages of `Schema.fbs` and `Message.fbs`.
package struct ArrowStream {
    private static let batchRowCount = 65_536
    /// Beyond this many bytes in one column a batch ends early.
    private static let batchByteCount = 64 << 20

    private let fields: [ArrowField]
    private let write: ([UInt8]) throws -> Void
    private var columns: [ArrowColumn]
    private var rowCount = 0

    /// Writes the schema at once, so that a reader knows the types before the first row.
    package init(_ fields: [ArrowField], write: @escaping ([UInt8]) throws -> Void) throws {
        self.fields = fields
        self.write = write
        columns = fields.map { ArrowColumn($0.type) }
        try send(header: 1, schema, body: [])
    }

    /// Errors: a cell is not of its column's type.
    package mutating func append(_ cells: [ScalarValue]) throws {
        for index in columns.indices {
            let cell = index < cells.count ? cells[index] : .null
            do {
                try columns[index].append(cell)
            } catch is ArrowMismatch {
                throw UserError(
                    .failure, subject: "column \(fields[index].name), row \(rowCount + 1)",
                    cause:
                        "\(ArrowStream.described(cell)) is not \(columns[index].type.described), "
                        + "as the column is declared",
                    advice:
                        "change its type in the statement, as in CAST(\(fields[index].name) AS TEXT)"
                )
            }
        }
        rowCount += 1
        let isFull =
            rowCount % ArrowStream.batchRowCount == 0
            || columns.contains { $0.byteCount >= ArrowStream.batchByteCount }
        if isFull { try sendBatch() }
    }

    package mutating func end() throws {
        if columns.contains(where: { $0.count > 0 }) { try sendBatch() }
        try write(ArrowStream.continuation + [0, 0, 0, 0])
    }

    private mutating func sendBatch() throws {
        for (index, column) in columns.enumerated() {
            guard let dictionary = try column.dictionary() else { continue }
            var batch = ArrowBatch()
            dictionary.add(to: &batch)
            try send(
                header: 2,
                [.long(Int64(index)), .table(ArrowStream.record(batch, count: dictionary.count))],
                body: batch.body)
        }
        var batch = ArrowBatch()
        for column in columns { column.add(to: &batch) }
        try send(
            header: 3, ArrowStream.record(batch, count: columns.first?.count ?? 0),
            body: batch.body)
        for index in columns.indices { columns[index].removeAll() }
    }

    /// Every message begins with this, so that a length is never taken for one of the oldest format.
    private static let continuation: [UInt8] = [0xff, 0xff, 0xff, 0xff]
    /// Version 5 of the metadata, in which this is written since Arrow 1.0.
    private static let metadataVersion: Int16 = 4

    private func send(header: UInt8, _ fields: [FlatValue?], body: [UInt8]) throws {
        var metadata = FlatBuffer(root: [
            .short(ArrowStream.metadataVersion), .byte(header), .table(fields),
            .long(Int64(body.count)),
        ]).bytes
        while metadata.count % 8 != 0 { metadata.append(0) }
        try write(
            ArrowStream.continuation + ArrowBatch.bytes(Int32(metadata.count)) + metadata + body)
    }

    private static func record(_ batch: ArrowBatch, count: Int) -> [FlatValue?] {
        [.long(Int64(count)), .structs(batch.nodes), .structs(batch.buffers)]
    }

    private var schema: [FlatValue?] {
        // The order of bytes: 0 is little-endian, as everything here is written.
        [
            .short(0),
            .tables(
                fields.enumerated().map { index, field in
                    ArrowStream.described(field.name, field.type, dictionary: Int64(index))
                }),
        ]
    }

    private static func described(
        _ name: String, _ type: ArrowType, dictionary: Int64
    ) -> [FlatValue?] {
        let children: [[FlatValue?]] =
            type == .integers ? [described("item", .integer, dictionary: dictionary)] : []
        let coding: FlatValue? =
            type == .codedText
            ? .table([.long(dictionary), .table([.int(32), .boolean(true)]), .boolean(false)]) : nil
        let (number, parameters) = type.metadata
        return [
            .string(name), .boolean(true), .byte(number), .table(parameters), coding,
            .tables(children),
        ]
    }

    private static func described(_ cell: ScalarValue) -> String {
        switch cell {
        case .null: "NULL"
        case .boolean, .integer, .real: cell.written
        case .text(let text): "the text '\(text.prefix(40))'"
        case .blob(let bytes): "a BLOB of \(bytes.count) bytes"
        }
    }
}

extension ArrowType {
    /// The number of the type in Arrow's union of types, and its table.
    fileprivate var metadata: (UInt8, [FlatValue?]) {
        switch self {
        case .null: (1, [])
        case .integer: (2, [.int(64), .boolean(true)])
        case .real: (3, [.short(2)])
        case .bytes: (4, [])
        case .text, .codedText: (5, [])
        case .boolean: (6, [])
        case .integers: (12, [])
        }
    }

    fileprivate var described: String {
        switch self {
        case .null: "NULL"
        case .boolean: "true or false"
        case .integer: "a whole number"
        case .real: "a number that a real holds exactly"
        case .text, .codedText: "text"
        case .bytes: "a BLOB"
        case .integers: "a JSON array of whole numbers"
        }
    }
}
