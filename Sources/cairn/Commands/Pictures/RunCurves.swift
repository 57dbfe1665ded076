internal import ArchiveQueries
internal import Checkpoints
internal import Figures

/// The curves of one run, small, as `cairn show` puts them below the numbers.
struct RunCurves {
    let run: RunDetails

    /// Accuracies in one picture and losses in another; the first curves of runs that have neither.
    func figures() throws -> [Figure] {
        let names = try run.rows(Self.namesStatement).compactMap { $0[0].string }
        let accuracies = names.filter { $0.hasSuffix("accuracy") }
        let losses = names.filter { $0.hasSuffix("loss") }
        var groups = [("accuracy", accuracies), ("loss (nats)", losses)].filter { !$0.1.isEmpty }
        if groups.isEmpty { groups = names.prefix(3).map { ($0, [$0]) } }
        return try groups.map { try figure($0.0, of: $0.1) }
    }

    private func figure(_ label: String, of names: [String]) throws -> Figure {
        var marks: [Mark] = []
        for (index, name) in names.prefix(6).enumerated() {
            var mark = Mark(.line, color: .series(index))
            mark.name = names.count > 1 ? name : nil
            let rows = try run.session.rows(
                Self.curveStatement, parameters: ["run": .text(run.id), "name": .text(name)])
            for row in rows {
                mark.x.append(row[0].real ?? .nan)
                mark.y.append(row[1].real ?? .nan)
            }
            marks.append(mark)
        }
        let isAccuracy = label == "accuracy"
        let isPositive = marks.allSatisfy { mark in mark.y.allSatisfy { !($0 <= 0) } }
        let isLoss = label.hasPrefix("loss")
        return Figure(
            title: "", x: .init("step", .symmetricLogarithmic(unit: 1)),
            y: .init(
                label, isLoss && isPositive ? .logarithmic : .linear,
                lower: isAccuracy ? 0 : nil, upper: isAccuracy ? 1 : nil),
            panels: [.init(marks: marks)])
    }

    private static let namesStatement = """
        SELECT name FROM metric_summaries WHERE run = :run AND point_count > 1
        ORDER BY name LIKE 'test%', name
        """

    private static let curveStatement = """
        SELECT step, value FROM metrics WHERE run = :run AND name = :name ORDER BY step
        """
}
