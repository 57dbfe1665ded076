internal import Analysis
internal import ArchiveQueries
internal import Checkpoints
internal import Foundation

/// The stored answers to some questions of one kind.
struct AnalysisResults {
    private let kind: AnalysisKind
    /// The view that is printed: the analyses' own, or the one of all measures of curvature.
    private let view: String
    private let questions: [Question]
    private let steps: [String: [Int]]
    private let archivePath: String

    /// More rows than fit a screen are not shown to people unasked.
    private static let longestTable = 24

    /// The answers of the runs and steps that a report tells of.
    init(_ analyses: [any LedgerAnalysis], _ report: AnalysisReport, archivePath: String) {
        let views = Set(analyses.map(\.question.view))
        view = views.count == 1 ? views.first ?? "" : "curvature_measures"
        kind = analyses.first.map { type(of: $0).kind } ?? .norms
        questions = analyses.map(\.question)
        steps = report.steps
        self.archivePath = archivePath
    }

    /// Prints the results, by run and step.
    ///
    /// A long table for people holds the last analysed checkpoint of each run alone, and says so.
    func write(to rows: RowOptions, everyRow: Bool) throws {
        let session = try SQLSession(
            index: archivePath + "/index.sqlite", interruption: StopSignals.interruption)
        let cursor = try cursor(in: session)
        guard rows.format == .table || rows.format == .markdown else {
            return try cursor.print(with: rows.writer())
        }
        try writeForPeople(cursor, to: rows, everyRow: everyRow)
    }

    /// The rows of the view that answer the questions.
    private func cursor(in session: SQLSession) throws -> SQLCursor {
        let columns = try session.cursor("SELECT * FROM \(SQLSession.quoted(view)) LIMIT 0").columns
        let hasSteps = columns.contains("step")
        let pairs = steps.flatMap { run, steps in
            steps.map { JSONValue.array([.text(run), .integer($0)]) }
        }
        let asked = questions.map { question in
            JSONValue.array([
                .text(question.parameters), .text(question.split), .text(question.dtype),
                .integer(question.seed),
            ])
        }
        let parameters: [String: ScalarValue] = [
            "kind": .text(kind.rawValue),
            "runs": .text(JSONValue.array(steps.keys.sorted().map(JSONValue.text)).json()),
            "steps": .text(JSONValue.array(pairs).json()),
            "questions": .text(JSONValue.array(asked).json()),
        ]
        return try session.cursor(
            statement(hasSteps: hasSteps),
            parameters: hasSteps ? parameters : parameters.filter { $0.key != "steps" })
    }

    private func writeForPeople(_ cursor: SQLCursor, to rows: RowOptions, everyRow: Bool) throws {
        let hidden: Set = ["analysis", "source"]
        let shown = cursor.columns.indices.filter { !hidden.contains(cursor.columns[$0]) }
        let runColumn = cursor.columns.firstIndex(of: "run")
        let stepColumn = cursor.columns.firstIndex(of: "step")
        var cells: [[ScalarValue]] = []
        while let row = try cursor.next() { cells.append(row) }
        if kind == .grokking, !everyRow {
            return try writeTimes(columns: cursor.columns, cells, to: rows)
        }
        let total = cells.count
        if total > AnalysisResults.longestTable, !everyRow, let runColumn, let stepColumn {
            var last: [String: Int] = [:]
            for row in cells {
                guard let run = row[runColumn].string, let step = row[stepColumn].integer else {
                    continue
                }
                last[run] = max(last[run] ?? step, step)
            }
            cells = cells.filter { row in
                row[runColumn].string.flatMap { last[$0] } == row[stepColumn].integer
            }
        }
        let wasCut = cells.count > AnalysisResults.longestTable && !everyRow
        if wasCut { cells = Array(cells.prefix(AnalysisResults.longestTable)) }
        try rows.writer().write(
            columns: shown.map { cursor.columns[$0] },
            rows: cells.map { row in shown.map { row[$0].rounded } })
        try Output.standard.flush()
        if cells.count < total {
            let what =
                wasCut ? "the beginning of the last step of each run" : "the last step of each run"
            Output.error.remark(
                "\(cells.count) of \(NumberText.grouped(total)) rows: \(what); "
                    + "--rows and --json show all, cairn sql \"SELECT * FROM \(view)\" too.")
        }
    }

    /// Times for people: one line a run, by the sustained crossing of the highest threshold.
    private func writeTimes(columns: [String], _ cells: [[ScalarValue]], to rows: RowOptions) throws
    {
        let shown = [
            "run", "label", "metric", "threshold", "memorisation_step", "generalisation_step",
            "gap", "midpoint_step", "midpoint_low", "midpoint_high", "width_decades", "fit",
        ].compactMap { columns.firstIndex(of: $0) }
        let rule = columns.firstIndex(of: "rule")
        let label = columns.firstIndex(of: "label")
        let main = cells.filter { row in
            rule.map { row[$0] == .text("sustained") } ?? true
                && label.map { row[$0] != .null } ?? true
        }
        try rows.writer().write(
            columns: shown.map { columns[$0] },
            rows: main.map { row in shown.map { row[$0].rounded } })
        try Output.standard.flush()
        GrokkingLabel.remark(on: main.compactMap { row in label.flatMap { row[$0].string } })
        if main.count < cells.count {
            Output.error.remark(
                "Other rules and thresholds: --rows, --json, or cairn sql "
                    + "\"SELECT * FROM \(view)\".")
        }
    }

    private func statement(hasSteps: Bool) -> String {
        let ofSteps = """
            AND (v.step IS NULL OR (v.run, v.step) IN (
                SELECT value ->> 0, value ->> 1 FROM json_each(:steps)))
            """
        return """
            SELECT v.* FROM \(SQLSession.quoted(view)) AS v
            JOIN runs AS r ON r.run = v.run
            WHERE v.run IN (SELECT value FROM json_each(:runs))
                AND v.analysis IN (
                    SELECT a.analysis FROM analyses AS a JOIN json_each(:questions) AS q
                    WHERE a.kind = :kind AND a.source = 'computed'
                        AND a.parameters = q.value ->> 0 AND a.split IS q.value ->> 1
                        AND a.dtype IS q.value ->> 2 AND a.seed IS q.value ->> 3)
                \(hasSteps ? ofSteps : "")
            ORDER BY r.created_at, v.run\(hasSteps ? ", v.step" : ""), v.analysis
            """
    }
}
