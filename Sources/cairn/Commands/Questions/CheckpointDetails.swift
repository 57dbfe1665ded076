internal import ArchiveQueries
internal import Checkpoints
internal import Foundation

/// What the index says about one checkpoint: where it is, its tensors, and every result of its
/// weights.
struct CheckpointDetails {
    let columns: [String]
    let row: [ScalarValue]
    private let tensors: [[ScalarValue]]
    private let results: [ViewRows]
    private let run: String
    private let step: Int

    /// The rows that one view of results has for the checkpoint.
    private struct ViewRows {
        let view: String
        let columns: [String]
        let rows: [[ScalarValue]]
    }

    /// More rows of a view than this are not shown to people unasked.
    private static let longestTable = 12

    init(_ run: RunDetails, step: Int) throws {
        self.run = run.id
        self.step = step
        let parameters: [String: ScalarValue] = ["run": .text(run.id), "step": .integer(step)]
        let cursor = try run.session.cursor(
            CheckpointDetails.checkpointStatement, parameters: parameters)
        columns = cursor.columns
        row = try cursor.next() ?? []
        tensors = try run.session.rows(
            CheckpointDetails.tensorsStatement, parameters: parameters
        ).map { $0 }
        try CheckpointDetails.require(columns, row, of: tensors, run.id, step)
        let views = try run.session.rows(CheckpointDetails.viewsStatement).compactMap {
            $0[0].string
        }
        results = try views.compactMap { view in
            let cursor = try run.session.cursor(
                "SELECT * FROM \(SQLSession.quoted(view)) WHERE run = :run AND step = :step",
                parameters: parameters)
            // What is the same in every row, or leads to the ledger, is not repeated.
            let hidden: Set = ["run", "step", "analysis", "source"]
            let shown = cursor.columns.indices.filter { !hidden.contains(cursor.columns[$0]) }
            var rows: [[ScalarValue]] = []
            while let row = try cursor.next() { rows.append(shown.map { row[$0] }) }
            return rows.isEmpty
                ? nil
                : ViewRows(view: view, columns: shown.map { cursor.columns[$0] }, rows: rows)
        }
    }

    /// Refuses a digest that does not follow from the tensors' names, types, shapes and digests.
    private static func require(
        _ columns: [String], _ row: [ScalarValue], of tensors: [[ScalarValue]], _ run: String,
        _ step: Int
    ) throws {
        let parts = try tensors.map { cells in
            guard let name = cells[0].string, let shape = cells[1].string,
                let type = cells[2].string.flatMap(ElementType.init(rawValue:)),
                let extents = try? JSONDecoder().decode([Int].self, from: Data(shape.utf8)),
                let digest = cells[3].string.flatMap(Digest.init(hexadecimal:))
            else { throw contradiction(run, step) }
            return Digest.Part(name: name, elementType: type, shape: extents, digest: digest)
        }
        let told = columns.firstIndex(of: "digest").flatMap { row[$0].string }
        guard told == Digest(parts: parts).description else { throw contradiction(run, step) }
    }

    private static func contradiction(_ run: String, _ step: Int) -> UserError {
        .integrity(
            subject: "index.sqlite, run \(run), step \(step)",
            cause: "the digest is not that of the tensors", advice: "run `cairn reindex`")
    }

    var json: JSONValue {
        var json = JSONValue(columns, row)
        json["tensors"] = .array(
            tensors.map { JSONValue(["name", "shape", "dtype", "digest"], $0) })
        json["results"] = .object(
            results.map { result in
                .init(result.view, .array(result.rows.map { JSONValue(result.columns, $0) }))
            })
        return json
    }

    func printReport(with writer: (Output) -> any RowWriter) throws {
        let facts = zip(columns, row).map {
            [ScalarValue.text($0), .text(CheckpointDetails.text($1))]
        }
        try writer(.standard).write(columns: ["checkpoint", ""], rows: facts)
        try Output.standard.write("\n")
        try writer(.standard).write(columns: ["tensor", "shape", "type", "SHA-256"], rows: tensors)
        for result in results {
            try Output.standard.write("\n\(result.view)\n")
            let shown = result.rows.prefix(CheckpointDetails.longestTable)
            try writer(.standard).write(
                columns: result.columns, rows: shown.map { $0.map(\.rounded) })
            if shown.count < result.rows.count {
                try Output.standard.flush()
                Output.error.note(
                    "\(shown.count) of \(NumberText.grouped(result.rows.count)) rows; all: cairn sql "
                        + "\"SELECT * FROM \(result.view) WHERE run = '\(run)' AND step = \(step)\""
                )
            }
        }
    }

    private static func text(_ cell: ScalarValue) -> String {
        cell.string ?? cell.integer.map(String.init) ?? ""
    }

    private static let checkpointStatement = """
        SELECT * FROM checkpoints WHERE run = :run AND step = :step
        """

    private static let tensorsStatement = """
        SELECT t.name, t.shape, t.dtype, d.digest
        FROM tensor_digests AS d
        JOIN tensors AS t ON t.run = d.run AND t.name = d.tensor
        WHERE d.run = :run AND d.step = :step
        ORDER BY t.name
        """

    /// The views of results about checkpoints, whatever kinds there are: those with a run, a step
    /// and the analysis that they come from.
    private static let viewsStatement = """
        SELECT v.name
        FROM sqlite_schema AS v, pragma_table_info(v.name) AS c
        WHERE v.type = 'view' AND c.name IN ('run', 'step', 'analysis') AND v.name <> 'analyses'
        GROUP BY v.name
        HAVING count(*) = 3
        ORDER BY v.name
        """
}
