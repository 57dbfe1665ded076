internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// Where an imported run comes from, and what became of everything that was found there.
struct RunOrigin {
    private let json: JSONValue
    private let content: Content
    private let origin: RunDescription.Origin?

    private struct Content: Decodable {
        struct Item: Decodable {
            let file: String
            let kind: String
            let outcome: String
            let reason: String?
            let values: Int
            let names: [String]
            let firstStep: Int?
            let lastStep: Int?
        }
        let found: Int
        let stored: Int
        let same: Int
        let leftOut: Int
        let refused: Int
        let assumptions: [String]
        let items: [Item]
    }

    /// The origin of a run.
    ///
    /// Errors: nothing is kept about it.
    init(of run: StoredRun, in archive: Archive) throws {
        guard let text = try archive.note(.origin, of: run.id) else {
            throw UserError.missing(
                subject: "run \(run.name)", cause: "it keeps no plan of an import",
                advice: "cairn show \(run.name) says all that is known of it")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        content = try decoder.decode(Content.self, from: Data(text.utf8))
        origin = try run.run.origin
        var json = try JSONValue(parsing: Array(text.utf8))
        json["path"] = origin.map { .text($0.path) }
        json["digest"] = origin.map { .text($0.digest) }
        json["layout"] = origin.map { .text($0.layout) }
        self.json = json
    }

    func write(to rows: RowOptions) throws {
        switch rows.format {
        case .json: try Output.standard.write(json.pretty + "\n")
        case .nl: try Output.standard.write(json.json(spaced: true) + "\n")
        case .csv: try rows.writer().write(columns: Self.columns, rows: items)
        case .table, .markdown:
            try rows.writer().write(columns: ["origin", ""], rows: facts)
            try Output.standard.write("\n")
            try rows.writer().write(columns: Self.columns, rows: items)
            guard !content.assumptions.isEmpty else { return }
            try Output.standard.write("\n")
            try rows.writer().write(
                columns: ["assumed"], rows: content.assumptions.map { [.text($0)] })
        }
    }

    private var facts: [[ScalarValue]] {
        [
            [.text("path"), ScalarValue(origin?.path)],
            [.text("SHA-256"), ScalarValue(origin?.digest)],
            [.text("layout"), ScalarValue(origin?.layout)],
            [.text("values found"), ScalarValue(content.found)],
            [.text("stored"), ScalarValue(content.stored)],
            [.text("the same as others"), ScalarValue(content.same)],
            [.text("left out"), ScalarValue(content.leftOut)],
            [.text("refused"), ScalarValue(content.refused)],
        ]
    }

    private static let columns = [
        "file", "kind", "outcome", "values", "first_step", "last_step", "names", "reason",
    ]

    private var items: [[ScalarValue]] {
        content.items.map { item in
            [
                .text(item.file), .text(item.kind), .text(item.outcome), ScalarValue(item.values),
                ScalarValue(item.firstStep), ScalarValue(item.lastStep),
                .text(item.names.joined(separator: ", ")), .text(item.reason ?? ""),
            ]
        }
    }
}
