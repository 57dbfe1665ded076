internal import Checkpoints

/// Tables that Weights & Biases exports: the chart of one metric of many runs, and the table of runs.
enum ExportedTable {
    /// The runs of such a table; nil for any other table.
    static func parts(_ table: RowTable) -> [RowTable.Part]? {
        chart(table) ?? runs(table)
    }

    /// `Step`, then for each run `RUN - METRIC`, with `__MIN` and `__MAX` of the values that were drawn
    /// together.
    private static func chart(_ table: RowTable) -> [RowTable.Part]? {
        guard table.names.count > 1, table.names.contains(where: { $0.hasSuffix("__MIN") }),
            table.names.dropFirst().allSatisfy({ $0.contains(" - ") })
        else { return nil }
        var columns: [String: [(position: Int, metric: String)]] = [:]
        var order: [String] = []
        for (position, name) in table.names.enumerated().dropFirst() {
            guard let place = name.ranges(of: " - ").last else { return nil }
            let run = String(name[..<place.lowerBound])
            if columns[run] == nil { order.append(run) }
            columns[run, default: []].append((position, String(name[place.upperBound...])))
        }
        return order.map { run in
            var narrow = RowTable(columns: [table.names[0]] + (columns[run] ?? []).map(\.metric))
            for row in 0..<table.rowCount {
                let cells = (columns[run] ?? []).map { table.cell($0.position, row: row) }
                guard cells.contains(where: { $0 != .missing }) else { continue }
                narrow.append([table.cell(0, row: row)] + cells)
            }
            return RowTable.Part(
                identity: [.init(key: .text("run_name"), value: .text(run))],
                items: narrow.curves(prefix: ""), name: run)
        }
    }

    /// One row per run: `Name`, `State`, then settings and the last values of curves.
    private static func runs(_ table: RowTable) -> [RowTable.Part]? {
        guard let name = table.names.firstIndex(of: "Name"), table.names.contains("State"),
            table.rowCount > 0
        else { return nil }
        return (0..<table.rowCount).map { row in
            var part = RowTable.Part()
            let step = table.names.firstIndex { ["_step", "Step", "step"].contains($0) }
                .flatMap { table.cell($0, row: row).number }.flatMap { Int(exactly: $0) }
            for (position, column) in table.names.enumerated() {
                let cell = table.cell(position, row: row)
                let isMeasured =
                    ContentWords.isMeasured(column)
                    && !Self.settings.contains(column.lowercased())
                switch cell {
                case .missing: continue
                case .number(let number) where isMeasured && step != nil:
                    let curve = FoundCurve(
                        name: CurveName.any(column), axis: .updates, steps: [step ?? 0],
                        values: [number])
                    part.items.append(FoundItem(column, .curve(curve)))
                default:
                    guard let value = cell.value else { continue }
                    let key = position == name ? "run_name" : column
                    part.identity.append(.init(key: .text(key), value: value))
                    part.items.append(FoundItem(key, .setting(value)))
                }
            }
            part.name = table.cell(name, row: row).value?.textual
            return part
        }
    }

    /// What a run has once, though it may be drawn as a curve.
    private static let settings: Set<String> = ["lr", "learning_rate", "optimizer.lr"]
}
