internal import Analysis
internal import Checkpoints
internal import GRDB
internal import Networks

/// Shape of embeddings, hidden layers and updates, and what a whole run's shapes say.
package struct GeometryMeasuresAnalysis: CheckpointAnalysis, RunAnalysis {
    package static let kind = AnalysisKind.geometry
    package static let codeVersion = "4"
    package static let view = "measurements"

    package init() {}

    package let defaultSteps = StepSelection.spaced(100)
    package var question: Question { Question(.geometry) }

    /// The earlier checkpoints of the window of updates.
    package func companions(of step: Int, among steps: [Int]) -> [Int] {
        spectralEdgeSteps(endingAt: step, among: steps).map { Array($0.dropLast()) } ?? []
    }

    /// The window, and the final weights, which choose the frequencies of circularity.
    package func contextDigest(of step: Int, in run: AnalysedRun) throws -> String? {
        let others = companions(of: step, among: run.steps)
        return run.digest(ofSteps: others + (run.steps.last.map { [$0] } ?? []))
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let (steps, model) = (run.steps, try? run.model)
        var keys: [Int] = []
        if let model, let last = steps.last {
            keys = try GeometryAnalysis(model.configuration, task: model.task)
                .keys(of: run.weights(at: last))
        }
        let chosen = keys
        return CheckpointPlan { surroundings in
            let analysis = try model.map {
                try GeometryAnalysis(
                    $0.configuration, task: $0.task, knowsSplit: $0.knowsSplit,
                    threadCount: surroundings.threadCount)
            }
            return { input in
                let shapes =
                    try analysis?.measures(of: input.weights, keys: chosen)
                    ?? weightGeometry(of: input.weights) + [
                        MeasuredValue(
                            "class_distance_ratio", value: nil,
                            text: "the task and the network of the run are unknown")
                    ]
                return
                    (shapes + headSpectra(of: input.weights)
                    + Self.updates(input, among: steps)).measurementRows
            }
        }
    }

    private static func updates(
        _ input: CheckpointPlan.Input, among steps: [Int]
    ) -> [MeasuredValue] {
        guard let window = spectralEdgeSteps(endingAt: input.step, among: steps) else {
            return [
                MeasuredValue(
                    "update_edge_rank", variant: "all", value: nil,
                    text: "it needs \(spectralEdgeWindow + 1) evenly spaced checkpoints up to here")
            ]
        }
        return updateMeasures(
            window.map { $0 == input.step ? input.weights : input.companions[$0] ?? [] },
            spacing: window[1] - window[0])
    }

    // MARK: Runs

    package func runDigest(of run: AnalysedRun) throws -> String {
        try run.digest(ofAnswersTo: question)
    }

    package func runRows(of run: AnalysedRun) throws -> [any ResultRow] {
        func curve(_ measure: String) throws -> Curve {
            try run.read { database in
                let rows = try Row.fetchAll(
                    database,
                    sql: """
                        SELECT step, value FROM measurements
                        WHERE run = ? AND kind = 'geometry' AND measure = ?
                            AND source = 'computed' AND step IS NOT NULL AND value IS NOT NULL
                        ORDER BY step
                        """, arguments: [run.id, measure])
                return Curve(steps: rows.map { $0[0] }, values: rows.map { $0[1] })
            }
        }
        return runGeometry(
            classDistanceRatio: try curve("class_distance_ratio"),
            lastLayerNorm: try curve("last_layer_norm"),
            trainLoss: Curve(try run.points.filter { $0.name == MetricName.trainLoss })
        ).measurementRows
    }
}
