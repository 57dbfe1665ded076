internal import Analysis
internal import ArchiveQueries
internal import Checkpoints
internal import Figures
internal import Foundation

/// What the analyses of one run say, as text for people; every number comes from the archive.
struct GrokkingReport {
    private let run: RunDetails
    private let terminal: Terminal

    init(_ run: RunDetails, terminal: Terminal) {
        self.run = run
        self.terminal = terminal
    }

    /// All sections, with an empty line between them.
    var lines: [String] {
        get throws {
            let sections = try [
                times, weightNorms, keyFrequencies, eigenvalues, plots,
            ].filter { !$0.isEmpty }
            return Array(sections.joined(separator: [""]))
        }
    }

    // MARK: Times

    private var grokking: [String: ScalarValue] {
        get throws {
            let cursor = try run.session.cursor(
                GrokkingReport.timesStatement, parameters: ["run": .text(run.id)])
            guard let row = try cursor.next() else { return [:] }
            return Dictionary(
                zip(cursor.columns, row), uniquingKeysWith: { first, _ in first })
        }
    }

    private var times: [String] {
        get throws {
            let row = try grokking
            guard !row.isEmpty else { return [] }
            let threshold = NumberText.rounded(row["threshold"]?.real ?? 0)
            let metric =
                (row["metric"]?.string ?? "accuracy").hasSuffix("loss") ? "loss" : "accuracy"
            let sign = metric == "loss" ? "<" : "≥"
            func step(_ name: String) -> String {
                row[name]?.integer.map { "step " + NumberText.grouped($0) } ?? "not reached"
            }
            var lines = ["Grokking: \(row["label"]?.string ?? "no label")"]
            lines.append(
                "  memorised    \(step("memorisation_step")), training \(metric) \(sign) \(threshold)"
            )
            lines.append(
                "  generalised  \(step("generalisation_step")), test \(metric) \(sign) \(threshold)"
            )
            if let gap = row["gap"]?.integer {
                lines.append("  gap          \(NumberText.grouped(gap)) steps")
            }
            lines.append("  sigmoid fit  \(fit(row))")
            return lines
        }
    }

    private func fit(_ row: [String: ScalarValue]) -> String {
        guard let middle = row["midpoint_step"]?.real else {
            let reason = row["fit"]?.string.map { " (\($0))" } ?? ""
            return "no fit\(reason)"
        }
        func whole(_ value: Double?) -> String? {
            value.flatMap { Int(exactly: $0.rounded()) }.map { NumberText.grouped($0) }
        }
        var text = "midpoint at step \(whole(middle) ?? "?")"
        if let low = whole(row["midpoint_low"]?.real), let high = whole(row["midpoint_high"]?.real)
        {
            text += ", 95 % interval \(low) to \(high)"
        }
        if let width = row["width_decades"]?.real {
            text += ", 10 % to 90 % within \(NumberText.rounded(width, digits: 2)) decades"
        }
        return text
    }

    /// The steps that mark the phases: start, memorisation, transition, end.
    private var landmarks: [(name: String, step: Int)] {
        get throws {
            let row = try grokking
            let steps = try run.steps
            guard let first = steps.first, let last = steps.last else { return [] }
            var marks = [(name: "start", step: first)]
            if let step = row["memorisation_step"]?.integer {
                marks.append(("memorisation", nearest(to: step, among: steps)))
            }
            if let step = row["midpoint_step"]?.real.flatMap({ Int(exactly: $0.rounded()) })
                ?? row["generalisation_step"]?.integer
            {
                marks.append(("transition", nearest(to: step, among: steps)))
            }
            marks.append(("end", last))
            return marks
        }
    }

    private func nearest(to step: Int, among steps: [Int]) -> Int {
        steps.min { abs(Double($0) - Double(step)) < abs(Double($1) - Double(step)) } ?? step
    }

    /// The stored steps at memorisation, transition and end: where the demo looks at curvature.
    var curvatureSteps: [Int] {
        get throws {
            var steps: [Int] = []
            for mark in try landmarks.dropFirst() where !steps.contains(mark.step) {
                steps.append(mark.step)
            }
            return steps
        }
    }

    // MARK: Norms

    private var weightNorms: [String] {
        get throws {
            let norms = Dictionary(
                try run.rows(GrokkingReport.normsStatement).compactMap { cells in
                    cells[0].integer.flatMap { step in cells[1].real.map { (step, $0) } }
                }, uniquingKeysWith: { first, _ in first })
            let found = try landmarks.compactMap { mark in
                norms[mark.step].map { (mark.name, mark.step, $0) }
            }
            guard !found.isEmpty else { return [] }
            return ["Weight norm (Euclidean, all weights)"]
                + found.map { name, step, norm in
                    "  " + GrokkingReport.padded(name, 14)
                        + GrokkingReport.padded("step " + NumberText.grouped(step), 12)
                        + NumberText.rounded(norm)
                }
        }
    }

    // MARK: Frequencies

    private var keyFrequencies: [String] {
        get throws {
            let marks = try landmarks
            let early = marks.first { $0.name == "memorisation" } ?? marks.first
            let lines = try [("early", early), ("late", marks.last)].compactMap { name, mark in
                try mark.flatMap { try frequencyLine(name, at: $0.step) }
            }
            guard !lines.isEmpty else { return [] }
            let rule = "norm above a quarter of the largest"
            return ["Key frequencies of the embedding (\(rule)) and their share of its power"]
                + lines
        }
    }

    private func frequencyLine(_ name: String, at step: Int) throws -> String? {
        let rows = try run.session.rows(
            GrokkingReport.spectrumStatement,
            parameters: ["run": .text(run.id), "step": .integer(step)])
        let powers = rows.map { $0[1].real ?? .nan }
        guard powers.count > 1 else { return nil }
        let spectrum = FourierSpectrum(
            basis: "cyclic", components: powers.indices.map(String.init), power: powers)
        let total = powers.dropFirst().reduce(0, +)
        let keys = spectrum.keyComponents()
        let shown = keys.prefix(8).map { key in
            "\(key) (\(NumberText.rounded(100 * powers[key] / total, digits: 2)) %)"
        }
        let together = keys.reduce(0) { $0 + powers[$1] } / total
        let share = NumberText.rounded(100 * together, digits: 3)
        let more = keys.count > shown.count ? ", … (\(keys.count) in all)" : ""
        return "  " + GrokkingReport.padded(name, 7)
            + GrokkingReport.padded("step " + NumberText.grouped(step), 12)
            + shown.joined(separator: ", ") + more + "; together \(share) %"
    }

    // MARK: Curvature

    private var eigenvalues: [String] {
        get throws {
            let rows = try run.rows(GrokkingReport.eigenvaluesStatement)
            guard !rows.isEmpty else { return [] }
            var byStep: [(step: Int, values: [String])] = []
            for row in rows {
                guard let step = row[0].integer, let value = row[2].real else { continue }
                let mark = row[3].integer == 0 ? "?" : ""
                if byStep.last?.step != step { byStep.append((step, [])) }
                byStep[byStep.count - 1].values.append(NumberText.rounded(value) + mark)
            }
            return ["Largest Hessian eigenvalues of the training loss"]
                + byStep.map { step, values in
                    "  " + GrokkingReport.padded("step " + NumberText.grouped(step), 12)
                        + values.map { GrokkingReport.padded($0, 11) }.joined()
                        .trimmingCharacters(in: .whitespaces)
                }
        }
    }

    // MARK: Plots

    private var plots: [String] {
        get throws {
            let accuracies = try ["train", "test"].enumerated().map { index, split in
                curve(split, index, try points(of: split + "_accuracy"))
            }.filter { !$0.x.isEmpty }
            let norms = try run.rows(GrokkingReport.normsStatement)
                .compactMap { cells in cells[0].real.flatMap { x in cells[1].real.map { (x, $0) } }
                }
            var lines: [String] = []
            if !accuracies.isEmpty {
                lines += drawn("Accuracy", accuracies, from: 0, to: 1, rows: 10)
            }
            if !norms.isEmpty {
                lines += drawn("Weight norm", [curve(nil, 0, norms)], rows: 6)
            }
            return lines
        }
    }

    private func curve(_ name: String?, _ index: Int, _ points: [(Double, Double)]) -> Mark {
        var mark = Mark(.line, name: name, color: .series(index))
        mark.x = points.map(\.0)
        mark.y = points.map(\.1)
        return mark
    }

    private func drawn(
        _ title: String, _ marks: [Mark], from lower: Double? = nil, to upper: Double? = nil,
        rows: Int
    ) -> [String] {
        let figure = Figure(
            title: title, x: .init("step", .symmetricLogarithmic(unit: 1)),
            y: .init("", lower: lower, upper: upper), panels: [.init(marks: marks)])
        return TerminalDrawing(figure, style: TerminalStyle(terminal, rowCount: rows)).lines
    }

    private func points(of metric: String) throws -> [(Double, Double)] {
        try run.session.rows(
            GrokkingReport.curveStatement,
            parameters: ["run": .text(run.id), "name": .text(metric)]
        ).compactMap { row in
            row[0].real.flatMap { step in row[1].real.map { (step, $0) } }
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - DisplayWidth.of(text)))
    }

    // MARK: Statements

    private static let timesStatement = """
        SELECT * FROM grokking_times WHERE run = :run AND source = 'computed'
        ORDER BY rule = 'sustained' DESC, abs(threshold - 0.99) LIMIT 1
        """

    private static let normsStatement = """
        SELECT step, l2 FROM weight_norms WHERE run = :run AND tensor = 'total' ORDER BY step
        """

    private static let spectrumStatement = """
        SELECT frequency, power FROM fourier_spectra
        WHERE run = :run AND step = :step AND tensor LIKE '%embedding' AND tensor NOT LIKE 'un%'
        ORDER BY tensor, frequency
        """

    private static let eigenvaluesStatement = """
        SELECT step, rank, eigenvalue, converged FROM hessian_eigenvalues
        WHERE run = :run AND operator = 'hessian' AND side = 'top' AND split = 'train' AND rank <= 5
        ORDER BY step, rank
        """

    private static let curveStatement = """
        SELECT step, value FROM metrics WHERE run = :run AND name = :name ORDER BY step
        """
}
