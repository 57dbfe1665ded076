internal import ArchiveQueries
internal import Checkpoints
internal import Foundation

/// What the index says about one checkpoint: where it is, its tensors, and every result of its
/// weights.
struct CheckpointDetails {
    let columns: [String]
    let row: [ScalarValue]
    /// Name, shape, number type and digest of each tensor.
    let tensors: [[ScalarValue]]
    let results: [ViewRows]
    /// The values of the curves at this step.
    let metrics: [[ScalarValue]]
    let run: String
    let name: String
    let step: Int

    /// The rows that one view of results has for the checkpoint.
    struct ViewRows {
        let view: String
        let columns: [String]
        let rows: [[ScalarValue]]

        /// The rows with some columns alone, and those where one of them has a value alone.
        func cells(
            _ names: [String], where column: String? = nil, is value: String = ""
        )
            -> [[ScalarValue]]
        {
            let positions = names.map { columns.firstIndex(of: $0) }
            let condition = column.flatMap { columns.firstIndex(of: $0) }
            return rows.filter { row in condition.map { row[$0] == .text(value) } ?? true }
                .map { row in positions.map { $0.map { row[$0] } ?? .null } }
        }
    }

    init(_ run: RunDetails, step: Int) throws {
        self.run = run.id
        name = run.cell("name").string ?? run.id
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
        metrics = try run.session.rows(CheckpointDetails.metricsStatement, parameters: parameters)
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

    func cell(_ column: String) -> ScalarValue {
        columns.firstIndex(of: column).map { row[$0] } ?? .null
    }

    func result(_ view: String) -> ViewRows? { results.first { $0.view == view } }

    private static let metricsStatement = """
        SELECT name, value FROM metrics WHERE run = :run AND step = :step ORDER BY name
        """

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
