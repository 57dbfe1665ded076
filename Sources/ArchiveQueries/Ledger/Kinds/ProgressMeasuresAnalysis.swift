internal import Analysis
internal import ArrayMath
internal import Checkpoints
internal import GRDB
internal import Networks

/// Restricted and excluded losses and what belongs to them, and the phases of a run.
package struct ProgressMeasuresAnalysis: CheckpointAnalysis, RunAnalysis {
    package static let kind = AnalysisKind.progress
    package static let codeVersion = "5"
    package static let view = "progress_measures"

    /// The key frequencies or representations; nil for those of the final weights.
    package var keys: [String]?
    /// Also the losses after parts of the hidden layer are replaced.
    package var includesAblations = false
    /// For cyclic groups also the measures by representation.
    package var includesIrreps = false

    package init() {}

    package let defaultSteps = StepSelection.spaced(100)

    package var question: Question {
        let names = keys.map { "[" + $0.map(Question.json).joined(separator: ",") + "]" }
        return Question(
            .progress,
            [
                "ablations": "\(includesAblations)", "irreps": "\(includesIrreps)",
                "keys": names ?? "\"of the final weights\"",
            ])
    }

    package func check(_ run: AnalysedRun) throws {
        let grid = try GroupGrid(run.model.task)
        let known =
            grid.isCyclic
            ? (0...grid.order / 2).dropFirst().map(String.init)
            : grid.characters.components.dropFirst().map(\.name)
        for key in keys ?? [] where !known.contains(key) {
            throw UserError.missing(
                subject: "key \(key)", cause: "run \(run.id) has no such component",
                advice: "choose among " + known.prefix(6).joined(separator: ", ")
                    + (known.count > 6 ? ", …, \(known.last ?? "")" : ""))
        }
    }

    package func statement(of run: AnalysedRun) -> String? {
        guard let model = try? run.model, let grid = try? GroupGrid(model.task) else { return nil }
        let bytes = ProgressAnalysis.byteCount(model.configuration, on: grid)
        guard bytes >= 1e8 + Double(1 << 27) else { return nil }
        return "up to \(VectorMemory.gigabytes(bytes)) of memory for each checkpoint in work: the "
            + "logits and the hidden layer of \(grid.order * grid.order) pairs."
    }

    /// The final weights, which choose the keys.
    package func contextDigest(of step: Int, in run: AnalysedRun) throws -> String? {
        keys == nil ? run.steps.last.map { run.digest(ofSteps: [$0]) } : nil
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let model = try run.model
        var options = ProgressOptions()
        options.includesAblations = includesAblations
        options.includesIrreps = includesIrreps
        let (chosen, id) = (options, run.id)
        let components: KeyComponents
        if let names = keys {
            components = KeyComponents(names: names, rule: "given")
        } else {
            let last = run.steps.last ?? 0
            let analysis = try ProgressAnalysis(model.configuration, task: model.task)
            components = try analysis.keys(of: run.weights(at: last))
        }
        return CheckpointPlan { surroundings in
            let analysis = try ProgressAnalysis(
                model.configuration, task: model.task, threadCount: surroundings.threadCount)
            return { input in
                guard let total = weightNorm(of: input.weights) else {
                    throw UserError.missing(
                        subject: "run \(id)", cause: "its weights are not real numbers")
                }
                let all = try analysis.measures(
                    of: input.weights, keys: components, options: chosen)
                // Without a known split only what is about all pairs means something.
                let rows =
                    model.knowsSplit
                    ? all : all.filter { $0.split.isEmpty || $0.split == "all" }
                return rows.map { ProgressRow.of($0, on: analysis.grid) } + [
                    ProgressRow(measure: "weight_norm", value: total),
                    ProgressRow(measure: "sum_of_squared_weights", value: total * total),
                    MeasurementRow("key_rule", text: components.rule),
                ]
                    + (model.knowsSplit
                        ? []
                        : [
                            MeasurementRow(
                                "split_missing",
                                text:
                                    "nothing says which rows were trained on: no train or test losses"
                            )
                        ])
                    + components.names.enumerated().map { place, name in
                        MeasurementRow(
                            "key_component", position: place, value: Double(name), text: name)
                    }
            }
        }
    }

    // MARK: Phases

    /// The curves and the checkpoints' own answers.
    package func runDigest(of run: AnalysedRun) throws -> String {
        try run.digest(ofAnswersTo: question)
    }

    package func runRows(of run: AnalysedRun) throws -> [any ResultRow] {
        let model = try run.model
        let isCyclic = try GroupGrid(model.task).isCyclic
        let asked = question
        func curve(_ measure: String, _ variant: String, _ split: String) throws -> Curve {
            try run.read {
                try Ledger(database: $0).progress(measure, variant, split, asked, run.id)
            }
        }
        let kind = isCyclic ? "" : "total_logit_"
        let variant = isCyclic ? "sum" : ""
        func points(_ name: String) throws -> Curve {
            Curve(try run.points.filter { $0.name == name })
        }
        let phases = PhaseBoundaries(
            excludedTrainLoss: try curve("\(kind)excluded_loss", variant, "train"),
            restrictedLoss: try curve("\(kind)restricted_loss", variant, "all"),
            testLoss: try points(MetricName.testLoss),
            testAccuracy: try points(MetricName.testAccuracy),
            classCount: model.task.classCount)
        return phases.measurements(weightNorm: try curve("weight_norm", "", "")).measurementRows
    }
}

/// The Euclidean norm of all weights as one vector; nil where some are complex.
private func weightNorm(of weights: [Tensor]) -> Double? {
    let norms = weights.compactMap { $0.doubles().map(vectorNorm) }
    return norms.count == weights.count ? vectorNorm(norms) : nil
}

/// One progress measure of a checkpoint.
private struct ProgressRow: ResultRow {
    let measure: String
    var variant = ""
    var split = ""
    let value: Double?
    /// How many pairs a mean is over, and among how many answers; nil where no pairs are involved.
    var rowCount: Int?
    var classCount: Int?

    /// Measures about a subject, in a list or without a number go among the measurements.
    static func of(_ value: MeasuredValue, on grid: GroupGrid) -> any ResultRow {
        guard value.subject.isEmpty, value.position == 0, value.text == nil else {
            return MeasurementRow(value)
        }
        let count = ExampleSplit(rawValue: value.split).map(grid.pairCount)
        return ProgressRow(
            measure: value.measure, variant: value.variant, split: value.split,
            value: value.value, rowCount: count, classCount: count.map { _ in grid.order })
    }

    static let insertion = "INSERT INTO progress_measure VALUES (?, ?, ?, ?, ?, ?, ?)"
    var arguments: [(any DatabaseValueConvertible)?] {
        [measure, variant, split, value, rowCount, classCount]
    }
}

extension GroupGrid {
    /// How many of the n² pairs of the group's elements belong to a split.
    fileprivate func pairCount(_ split: ExampleSplit) -> Int {
        switch split {
        case .train, .trainClean: isTrain.count { $0 }
        case .test: isTrain.count { !$0 }
        case .all: isTrain.count
        }
    }
}

extension Ledger {
    /// One stored progress measure of a run by step, among the answers to a question.
    fileprivate func progress(
        _ measure: String, _ variant: String, _ split: String, _ question: Question, _ run: String
    ) throws -> Curve {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT a.step, p.value
                FROM progress_measure AS p JOIN analysis AS a USING (analysis_key)
                JOIN run AS r USING (run_key)
                WHERE r.id = ? AND a.kind = ? AND a.parameters = ? AND a.source = 'computed'
                    AND a.superseded_by IS NULL AND p.measure = ? AND p.variant = ?
                    AND p.split = ? AND p.value IS NOT NULL
                ORDER BY a.step
                """,
            arguments: [
                run, question.kind.rawValue, question.parameters, measure, variant, split,
            ])
        return Curve(steps: rows.map { $0[0] }, values: rows.map { $0[1] })
    }
}
