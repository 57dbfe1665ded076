internal import ArchiveQueries
internal import Checkpoints
internal import Foundation

/// The stored results of one kind of analysis.
struct AnalysisResults {
    let kind: AnalysisKind
    /// The view that is printed.
    let view: String
    let archivePath: String

    /// More rows than this are not shown to people unasked.
    private static let longestTable = 200

    /// Prints the results of the runs and steps that were asked for.
    ///
    /// A long table for people holds the last analysed checkpoint of each run alone, and says so.
    func write(runs: [String]?, steps: StepSelection?, to rows: RowOptions) throws {
        let session = try SQLSession(
            index: archivePath + "/index.sqlite", interruption: StopSignals.interruption)
        let parameters: [String: ScalarValue] = [
            "runs": .text(AnalysisResults.json(runs)),
            "kind": .text(kind.rawValue), "all_runs": .integer(runs == nil ? 1 : 0),
        ]
        let cursor = try session.cursor(statement, parameters: parameters)
        guard rows.format == .table || rows.format == .markdown else {
            return try cursor.print(with: rows.writer())
        }
        try writeForPeople(cursor, to: rows)
    }

    private func writeForPeople(_ cursor: SQLCursor, to rows: RowOptions) throws {
        let hidden: Set = ["analysis", "source"]
        let shown = cursor.columns.indices.filter { !hidden.contains(cursor.columns[$0]) }
        let runColumn = cursor.columns.firstIndex(of: "run")
        let stepColumn = cursor.columns.firstIndex(of: "step")
        var cells: [[ScalarValue]] = []
        while let row = try cursor.next() { cells.append(row) }
        if kind == .grokking {
            return try writeTimes(columns: cursor.columns, cells, to: rows)
        }
        let total = cells.count
        if total > AnalysisResults.longestTable, let runColumn, let stepColumn {
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
        try rows.writer().write(
            columns: shown.map { cursor.columns[$0] },
            rows: cells.map { row in shown.map { row[$0].rounded } })
        try Output.standard.flush()
        if cells.count < total {
            Output.error.note(
                "\(cells.count) of \(NumberText.grouped(total)) rows: the last step of each run; "
                    + "--json shows all, cairn sql \"SELECT * FROM \(view)\" too.")
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
        if main.count < cells.count {
            Output.error.note(
                "Other rules and thresholds: --json, or cairn sql \"SELECT * FROM \(view)\".")
        }
    }

    private var statement: String {
        """
        SELECT * FROM \(SQLSession.quoted(view))
        WHERE (:all_runs OR run IN (SELECT value FROM json_each(:runs)))
            AND analysis IN (SELECT analysis FROM analyses WHERE kind = :kind)
        """
    }

    private static func json(_ runs: [String]?) -> String {
        JSONValue.array((runs ?? []).map(JSONValue.text)).json()
    }
}
