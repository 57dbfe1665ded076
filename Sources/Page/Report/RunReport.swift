package import ArchiveQueries
internal import ArchiveSchema
internal import Checkpoints
internal import Figures

/// A document about some runs: one file that opens without a network and prints well.
package struct RunReport {
    private let data: ReportData
    private let runs: [String]
    private let version: String

    /// A report on runs, by their full ids.
    package init(of runs: [String], in session: SQLSession, version: String) {
        self.runs = runs
        self.version = version
        data = ReportData(session: session, list: Picture.list(runs))
    }

    /// The whole document.
    package func html() throws -> String {
        var out = HTMLText()
        let table = try data.table(ReportData.runs)
        let title =
            runs.count == 1
            ? "Run \(table.column("name").first?.written ?? runs[0])" : "\(runs.count) runs"
        out.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")
        out.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
        out.markup(
            "<meta http-equiv=\"Content-Security-Policy\" "
                + "content=\"default-src 'none'; style-src 'unsafe-inline'\">")
        out.element("title", title)
        out.markup("<style>\(Self.style)</style>\n</head>\n<body>\n<main>")
        out.element("h1", title)
        try settings(&out)
        out.element("h2", "Runs")
        out.table(table.columns, table.words)
        let times = try self.times(&out)
        try pictures(&out)
        try lineage(&out)
        try provenance(&out)
        commands(&out, hasTimes: times)
        out.markup("</main>\n</body>\n</html>")
        return out.text
    }

    private func settings(_ out: inout HTMLText) throws {
        let varied = try data.table(ReportData.varied)
        out.element("h2", "What varied")
        guard !varied.rows.isEmpty else {
            out.element("p", runs.count == 1 ? "One run." : "Nothing: all settings are equal.")
            return
        }
        out.table(varied.columns, varied.words)
    }

    private func times(_ out: inout HTMLText) throws -> Bool {
        let times = try data.table(ReportData.times)
        guard !times.rows.isEmpty else { return false }
        out.element("h2", "Times of learning")
        out.element(
            "p",
            "Memorised and generalised: the first step of three evaluations in a row at 0.99 or more "
                + "on training and on test pairs; for runs without accuracies, below the threshold of "
                + "the loss. Midpoint: of a sigmoid fitted to the test accuracy, with its 95 % "
                + "interval.")
        out.table(times.columns, times.words)
        let used = Set(times.column("label").map(\.written))
        let defined = Self.labels.filter { label in used.contains { $0.hasPrefix(label.name) } }
        if !defined.isEmpty {
            out.markup("<dl>")
            for label in defined {
                out.element("dt", label.name)
                out.element("dd", label.meaning)
            }
            out.markup("</dl>")
        }
        return true
    }

    /// What the labels of `grokking_times` mean; the first rule that matches wins.
    private static let labels: [(name: String, meaning: String)] = [
        (name: "no_fit", meaning: "Training never stays at or above the threshold."),
        ("memorised_only", "The final test accuracy is below chance + 0.05."),
        (
            "collapsed",
            "Generalised and lost it: the final test accuracy is below the threshold − 0.1."
        ),
        ("unstable", "At least two re-crossings and no stable time."),
        ("incomplete", "Above chance and rising, the threshold not kept by the end."),
        ("partial", "As incomplete, but flat."),
        ("concurrent", "Generalisation takes less than twice as long as memorisation."),
        ("delayed", "Between concurrent and grokked."),
        (
            "grokked",
            "At least ten times as long, a plateau at chance, a rise within half a decade."
        ),
    ]

    // MARK: Pictures

    /// A picture of the report: a saved one with its parameters.
    private struct Choice {
        let name: String
        var parameters: [String: ScalarValue] = [:]
    }

    private func choices() throws -> [Choice] {
        let metrics = Set(try data.table(ReportData.metrics).column("name").map(\.written))
        let numbers = try data.table(ReportData.numbers).column("name").map(\.written)
        var choices: [Choice] = []
        let hasAccuracy = metrics.contains("test_accuracy")
        if hasAccuracy || metrics.contains("test_loss") {
            if hasAccuracy, runs.count <= 12 { choices.append(Choice(name: "accuracy_curves")) }
            // Where accuracy means nothing, learning is read off the loss.
            let curve: [String: ScalarValue] =
                hasAccuracy ? [:] : ["metric": .text("test_loss")]
            let level: [String: ScalarValue] = hasAccuracy ? [:] : ["threshold": .real(0.01)]
            for setting in numbers {
                let values = curve.merging(["setting": .text(setting)]) { $1 }
                choices.append(Choice(name: "curves_by_setting", parameters: values))
                choices.append(Choice(name: "aligned_bands", parameters: values))
                choices.append(
                    Choice(name: "time_by_setting", parameters: values.merging(level) { $1 }))
            }
            if numbers.isEmpty && runs.count > 1 {
                choices.append(
                    Choice(
                        name: "curves_by_setting",
                        parameters: curve.merging(["setting": .text("seed")]) { $1 }))
            }
        }
        if runs.count <= 12 {
            choices.append(Choice(name: "loss_curves"))
            let tensor: ScalarValue = .text(runs.count == 1 ? "*" : "total")
            choices.append(Choice(name: "norm_curves", parameters: ["tensor": tensor]))
            choices.append(Choice(name: "norm_against_loss"))
            choices.append(Choice(name: "update_sizes", parameters: ["tensor": .text("total")]))
            choices.append(Choice(name: "phase_losses"))
            choices.append(Choice(name: "hessian_curves"))
        }
        if runs.count == 1 {
            for name in [
                "tensor_spectrum", "embedding_circles", "pair_spectrum", "hessian_density",
            ] {
                choices.append(Choice(name: name))
            }
        }
        return choices
    }

    private func pictures(_ out: inout HTMLText) throws {
        out.element("h2", "Pictures")
        var number = 0
        for choice in try choices() { try draw(choice, &number, &out) }
        if number == 0 { out.element("p", "Nothing to draw: no curves and no analyses.") }
    }

    private func draw(_ choice: Choice, _ number: inout Int, _ out: inout HTMLText) throws {
        let picture = try Picture.find(choice.name)
        let figure: Figure
        do {
            let values = try picture.values(
                runs: runs, given: choice.parameters, in: data.session)
            figure = try picture.figure(in: data.session, values: values)
        } catch is UserError {
            // What was not analysed is not in the report; the table of analyses shows what was.
            return
        }
        number += 1
        var style = SVGStyle(
            width: figure.panels.count > 2 ? SVGStyle.twoColumns : 120, height: nil)
        style.prefix = "p\(number)"
        out.markup("<figure>")
        out.drawing(SVGDrawing(figure, style: style).text)
        out.markup("<figcaption>")
        out.element("p", picture.query.question)
        if !picture.query.notes.isEmpty { out.element("p", picture.query.notes) }
        out.code([command(for: choice)])
        out.markup("</figcaption>\n</figure>")
    }

    private func command(for choice: Choice) -> String {
        let parameters = choice.parameters.sorted { $0.key < $1.key }.map {
            " -p \($0.key)='\($0.value.written)'"
        }.joined()
        return "cairn plot \(choice.name) \(runs.joined(separator: " "))\(parameters) --to "
            + "\(choice.name).svg"
    }

    // MARK: Where numbers come from

    private func lineage(_ out: inout HTMLText) throws {
        let lineage = try data.table(ReportData.lineage)
        guard !lineage.rows.isEmpty else { return }
        out.element("h2", "Lineage")
        out.table(lineage.columns, lineage.words)
        var number = 900
        try draw(Choice(name: "fork_tree"), &number, &out)
    }

    private func provenance(_ out: inout HTMLText) throws {
        out.element("h2", "How each number was obtained")
        out.element(
            "p",
            "Every number is computed from stored weights and curves by the analyses below, in the "
                + "version that is given; the digests name the weights of each run's last checkpoint."
        )
        let analyses = try data.table(ReportData.analyses)
        out.table(analyses.columns, analyses.words)
        let digests = try data.table(ReportData.digests)
        out.table(digests.columns, digests.words)
    }

    private func commands(_ out: inout HTMLText, hasTimes: Bool) {
        out.element("h2", "Commands that repeat it")
        var lines = runs.prefix(50).flatMap { run in
            [
                "cairn show \(run) --configuration > \(run).json",
                "cairn train --configuration \(run).json",
            ]
        }
        for kind in hasTimes ? ["grokking", "norms"] : ["norms"] {
            lines.append("cairn analyze \(kind) \(runs.joined(separator: " "))")
        }
        lines.append("cairn report \(runs.joined(separator: " ")) --to report.html")
        out.code(lines)
        out.element("p", "Made by Cairn \(version).")
    }

    private static let style = """
        body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0}
        main{max-width:60rem;margin:0 auto;padding:1rem}
        h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #ccc}
        .wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
        th,td{padding:.2rem .6rem;text-align:left;border-bottom:1px solid #e2e2e2;vertical-align:top}
        td.n{text-align:right;font-variant-numeric:tabular-nums}
        figure{margin:1.5rem 0;break-inside:avoid}figure svg{max-width:100%;height:auto}
        figcaption{font-size:.85rem;color:#444}pre{background:#f4f4f4;padding:.6rem;overflow-x:auto;
        white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem}dt{font-weight:bold}
        @media print{body{font-size:10pt}main{max-width:none;padding:0}a{color:inherit}
        tr{break-inside:avoid}.wide{overflow:visible}}
        """
}
