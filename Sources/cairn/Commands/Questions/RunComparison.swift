internal import Analysis
internal import ArchiveQueries
internal import Checkpoints

/// What is different about some runs, one value a run for each quantity.
struct RunComparison {
    /// A quantity and its value for each run.
    struct Line {
        let name: String
        var values: [ScalarValue]

        var differs: Bool { values.contains { $0 != values[0] } }
    }

    private let ids: [String]
    private let names: [String]
    /// Facts and settings that differ, times, final values.
    let lines: [Line]
    private let sameSettingCount: Int
    /// Runs whose last stored weights are the same, by name.
    private let twins: [[String]]

    init(of ids: [String], in session: SQLSession) throws {
        self.ids = ids
        let parameters = ["runs": ScalarValue.text(JSONValue.array(ids.map(JSONValue.text)).json())]
        /// The rows of a statement by run; its first column is the run.
        func byRun(
            _ statement: String
        ) throws -> (columns: [String], rows: [String: [[ScalarValue]]]) {
            let cursor = try session.cursor(statement, parameters: parameters)
            var rows: [String: [[ScalarValue]]] = [:]
            while let row = try cursor.next() {
                rows[row[0].string ?? "", default: []].append(Array(row.dropFirst()))
            }
            return (Array(cursor.columns.dropFirst()), rows)
        }
        /// Lines of statements with one row a run.
        func lines(of statement: String) throws -> [Line] {
            let (columns, rows) = try byRun(statement)
            return columns.indices.map { column in
                Line(
                    name: columns[column],
                    values: ids.map { rows[$0]?.first.map { $0[column] } ?? .null })
            }
        }
        /// Lines of statements with a name and a value in each row, in the order of the first run.
        func named(_ statement: String, prefix: String = "") throws -> [Line] {
            let rows = try byRun(statement).rows
            var order: [String] = []
            var values: [String: [String: ScalarValue]] = [:]
            for id in ids {
                for row in rows[id] ?? [] {
                    let name = row[0].string ?? ""
                    if values[name] == nil { order.append(name) }
                    values[name, default: [:]][id] = row[1]
                }
            }
            return order.map { name in
                Line(name: prefix + name, values: ids.map { values[name]?[$0] ?? .null })
            }
        }
        let facts = try lines(of: RunComparison.factsStatement)
        names = facts.first { $0.name == "name" }?.values.map(\.written) ?? ids
        let settings = try named(RunComparison.settingsStatement)
        let told = facts.filter { $0.name != "name" && $0.name != "digest" && $0.differs }
        self.lines =
            try told + settings.filter(\.differs) + lines(of: RunComparison.timesStatement)
            + named(RunComparison.finalsStatement, prefix: "last_")
        sameSettingCount = settings.filter { !$0.differs }.count
        let digests = facts.first { $0.name == "digest" }?.values ?? []
        let groups = Dictionary(grouping: ids.indices) { digests[$0].written }
        let labels = RunComparison.labels(ids, names)
        twins = groups.filter { $0.key != "" && $0.value.count > 1 }.values
            .sorted { $0[0] < $1[0] }.map { $0.map { labels[$0] } }
    }

    /// Names where they tell the runs apart, else ids.
    private static func labels(_ ids: [String], _ names: [String]) -> [String] {
        Set(names).count == names.count && !names.contains("") ? names : ids
    }

    /// Rows for programs: one a run; for people: one a quantity, as long as the runs fit.
    func write(to rows: RowOptions) throws {
        let labels = RunComparison.labels(ids, names)
        let isForPeople = rows.format == .table || rows.format == .markdown
        let beside: [[String]] =
            [[""] + labels] + lines.map { [$0.name] + $0.values.map(\.rounded.written) }
        let width = beside[0].indices.reduce(-2) { sum, column in
            sum + 2 + (beside.map { DisplayWidth.of($0[column]) }.max() ?? 0)
        }
        let room = Terminal.output.isInteractive ? Terminal.output.columnCount : 80
        if isForPeople, width <= room || lines.isEmpty {
            return try rows.writer().write(
                columns: ["run"] + labels,
                rows: lines.map { [.text($0.name)] + $0.values })
        }
        // The label and the times matter more than what happens to be the same for all.
        let differing = lines.filter(\.differs).map(\.name)
        let writer = rows.writer(
            importance: ["label", "generalisation_step"] + differing.filter { $0 != "label" })
        try writer.write(
            columns: isForPeople
                ? ["run"] + lines.map(\.name) : ["run", "name"] + lines.map(\.name),
            rows: ids.indices.map { index in
                let known: [ScalarValue] =
                    isForPeople ? [.text(labels[index])] : [.text(ids[index]), .text(names[index])]
                return known + lines.map { $0.values[index] }
            })
    }

    /// What the table leaves out, for the person at the terminal.
    func remark(to common: CommonOptions) {
        common.note("\(sameSettingCount) settings are the same for all.")
        for group in twins {
            common.note(
                "The same weights at the last step: \(group.joined(separator: ", ")).")
        }
        GrokkingLabel.remark(
            on: lines.first { $0.name == "label" }?.values.compactMap(\.string) ?? [])
    }

    private static let factsStatement = """
        SELECT r.run, r.name, r.status, r.task, r.network, r.last_step AS steps, r.parameter_count,
            c.digest
        FROM json_each(:runs) AS j JOIN runs AS r ON r.run = j.value
        LEFT JOIN checkpoints AS c ON c.run = r.run AND c.step = r.last_step
        """

    private static let settingsStatement = """
        SELECT h.run, h.name,
            CASE WHEN h.type = 'boolean' THEN iif(h.value, 'true', 'false') ELSE h.value END
        FROM json_each(:runs) AS j JOIN hyperparameters AS h ON h.run = j.value
        ORDER BY j.key, h.position
        """

    /// By the sustained crossing of the highest threshold, the one with the label.
    private static let timesStatement = """
        SELECT j.value, g.label, g.memorisation_step, g.generalisation_step, g.gap, g.midpoint_step
        FROM json_each(:runs) AS j, grokking(j.value) AS g
        WHERE g.rule = 'sustained'
        ORDER BY g.label IS NULL, g.threshold DESC
        """

    private static let finalsStatement = """
        SELECT s.run, s.name, s.last_value
        FROM json_each(:runs) AS j JOIN metric_summaries AS s ON s.run = j.value
        ORDER BY j.key, s.name
        """
}
