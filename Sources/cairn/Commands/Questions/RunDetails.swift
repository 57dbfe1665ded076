internal import ArchiveQueries
internal import Checkpoints
internal import Foundation

/// What the index says about one run.
struct RunDetails {
    let session: SQLSession
    let id: String
    let columns: [String]
    let row: [ScalarValue]
    let configuration: String
    let hyperparameters: [(name: String, value: ScalarValue)]

    /// The run that a person means by a text.
    init(_ session: SQLSession, matching text: String) throws {
        self.session = session
        let id = try session.runID(matching: text)
        self.id = id
        let cursor = try session.cursor(RunDetails.runStatement, parameters: ["run": .text(id)])
        columns = cursor.columns
        row = try cursor.next() ?? []
        let documents = try session.rows(
            RunDetails.documentStatement, parameters: ["run": .text(id)])
        configuration = documents.first.flatMap { $0[0].string } ?? "{}"
        hyperparameters = try session.rows(
            RunDetails.settingsStatement, parameters: ["run": .text(id)]
        ).map { ($0[0].string ?? "", $0[1]) }
    }

    func cell(_ column: String) -> ScalarValue {
        columns.firstIndex(of: column).map { row[$0] } ?? .null
    }

    /// The stored steps, rising.
    var steps: [Int] {
        get throws {
            try rows(RunDetails.stepsStatement).compactMap { $0[0].integer }
        }
    }

    func rows(_ statement: String) throws -> [[ScalarValue]] {
        try session.rows(statement, parameters: ["run": .text(id)])
    }

    /// One stored checkpoint of this run.
    func checkpoint(_ reference: CheckpointReference) throws -> CheckpointDetails {
        try CheckpointDetails(self, step: reference.step(among: steps))
    }

    /// Everything as one JSON object, with the notes of how the run came in.
    func json(account: RunAccount?, check: NetworkCheck?) throws -> JSONValue {
        var json = JSONValue(columns, row)
        json["hyperparameters"] = .object(
            hyperparameters.map { .init($0.name, .scalar($0.value)) })
        json["metrics"] = try objects(RunDetails.curvesStatement)
        json["tensors"] = try objects(RunDetails.tensorsStatement)
        if let account { json["account"] = account.json }
        if let check { json["check"] = try JSONValue(parsing: Array(check.json.utf8)) }
        return json
    }

    private func objects(_ statement: String) throws -> JSONValue {
        let cursor = try session.cursor(statement, parameters: ["run": .text(id)])
        var objects: [JSONValue] = []
        while let row = try cursor.next() {
            objects.append(JSONValue(cursor.columns, row))
        }
        return .array(objects)
    }

    /// A short text for people: facts, curves, tensors.
    func printReport(with writer: (Output) -> any RowWriter) throws {
        try writer(.standard).write(columns: ["run", id], rows: facts)
        let curves = try rows(RunDetails.curvesStatement)
        if !curves.isEmpty {
            try Output.standard.write("\n")
            try writer(.standard).write(
                columns: ["curve", "points", "first step", "last step", "last", "least", "most"],
                rows: curves.map { $0.map(\.rounded) })
        }
        let tensors = try rows(RunDetails.tensorsStatement)
        if !tensors.isEmpty {
            try Output.standard.write("\n")
            try writer(.standard).write(
                columns: ["tensor", "shape", "type", "elements", "role"], rows: tensors)
        }
    }

    /// How many numbers are trained, and how many are kept beside them.
    private var parameters: String? {
        cell("parameter_count").integer.map { count in
            let buffers = cell("buffer_count").integer ?? 0
            return NumberText.grouped(count)
                + (buffers > 0 ? ", and \(NumberText.grouped(buffers)) in buffers" : "")
        }
    }

    private var facts: [[ScalarValue]] {
        func fact(_ name: String, _ text: String?) -> [ScalarValue]? {
            guard let text, !text.isEmpty else { return nil }
            return [.text(name), .text(text)]
        }
        func integer(_ column: String) -> Int? { cell(column).integer }
        let stored = integer("checkpoint_count").map { count in
            "\(NumberText.grouped(count)) checkpoints"
                + (integer("first_step").flatMap { first in
                    integer("last_step").map {
                        ", steps \(NumberText.grouped(first)) to \(NumberText.grouped($0))"
                    }
                } ?? "") + ", " + NumberText.bytes(integer("weight_bytes") ?? 0) + " of weights"
        }
        let parent = cell("parent_run").string.map { parent in
            parent + (integer("parent_step").map { "@\($0)" } ?? "")
        }
        return [
            fact("name", cell("name").string), fact("status", cell("status").string),
            fact("task", cell("task").string), fact("network", cell("network").string),
            fact("parameters", parameters),
            fact("seed", integer("seed").map(String.init)), fact("forked from", parent),
            fact("stored", stored), fact("began", cell("created_at").real.map(DateText.local)),
            fact("ended", cell("finished_at").real.map(DateText.local)),
        ].compactMap { $0 }
    }

    private static let runStatement = "SELECT * FROM runs WHERE run = :run"

    private static let documentStatement = """
        SELECT configuration FROM configurations WHERE run = :run
        """

    private static let settingsStatement = """
        SELECT name, CASE WHEN type = 'boolean' THEN iif(value, 'true', 'false') ELSE value END
        FROM hyperparameters WHERE run = :run ORDER BY position
        """

    private static let stepsStatement = """
        SELECT step FROM checkpoints WHERE run = :run ORDER BY step
        """

    private static let curvesStatement = """
        SELECT name, point_count, first_step, last_step, last_value, smallest, largest
        FROM metric_summaries WHERE run = :run ORDER BY name
        """

    private static let tensorsStatement = """
        SELECT name, shape, dtype, element_count, role FROM tensors WHERE run = :run ORDER BY name
        """
}
