internal import Analysis
internal import ArrayMath
internal import Checkpoints
internal import Networks

/// Loss and accuracy along the ray through the weights: what every parameter times a factor gives.
///
/// The reduced landscape of Liu and others (2022) at one point of its training; nothing is trained here.
package struct LandscapeAnalysis: CheckpointAnalysis {
    package static let kind = AnalysisKind.landscape
    package static let codeVersion = "1"
    package static let view = "measurements"

    /// How many factors, evenly spaced in their logarithm from 1/10 to 10.
    package var factors = 21

    package init() {}

    package let defaultSteps = StepSelection.spaced(10)
    package var question: Question { Question(.landscape, ["factors": "\(factors)"]) }

    package func check(_ run: AnalysedRun) throws { _ = try run.model }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let model = try run.model
        let splits: [ExampleSplit] = (model.knowsSplit ? [.train, .test] : [.all]).filter {
            (try? model.examples($0)) != nil
        }
        let scales = landscapeFactors(factors)
        return CheckpointPlan(order: .following) { surroundings in
            let evaluators: [(ExampleSplit, NetworkEvaluator<Double>)] = try splits.map {
                (
                    $0,
                    try model.configuration.evaluator(
                        for: model.task, examples: try model.examples($0),
                        threadCount: surroundings.threadCount)
                )
            }
            return { input in
                let weights: [Double] = try model.layout.pack(input.weights)
                let norm = vectorNorm(weights)
                func row(
                    _ measure: String, _ place: Int, _ value: Double, split: String = ""
                ) -> MeasurementRow {
                    MeasurementRow(
                        measure, split: split, position: place,
                        value: value.isFinite ? value : nil,
                        text: value.isFinite ? nil : "it is not finite")
                }
                var rows = scales.enumerated().map { row("rescaled_norm", $0, $1 * norm) }
                for (place, factor) in scales.enumerated() {
                    try surroundings.watch()
                    let point = weights.map { factor * $0 }
                    for (split, evaluator) in evaluators {
                        let found = evaluator.lossAndAccuracy(point)
                        let name = split.rawValue
                        rows.append(row("rescaled_loss", place, found.loss, split: name))
                        rows.append(row("rescaled_accuracy", place, found.accuracy, split: name))
                    }
                }
                return rows
            }
        }
    }
}
