internal import Analysis
internal import Checkpoints

/// Loops and merging components of the rows of embeddings.
package struct TopologyAnalysis: CheckpointAnalysis {
    package static let kind = AnalysisKind.topology
    package static let codeVersion = "1"
    package static let view = "measurements"

    /// The seed of the rows that are looked at where there are too many.
    package var seed = 0

    package init() {}

    package let defaultSteps = StepSelection.spaced(20)
    package var question: Question { Question(.topology, seed: seed) }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let operands = (try? run.model)?.operands
        let bits = UInt64(bitPattern: Int64(seed))
        return CheckpointPlan { _ in
            { input in
                let rows = topologyMeasures(of: input.weights, seed: bits) { tensor in
                    operands.flatMap { $0.upperBound <= tensor.shape[0] ? Array($0) : nil }
                }
                guard !rows.isEmpty else {
                    return [
                        MeasurementRow("loop_count", text: "the network has no embedding of rows")
                    ]
                }
                return rows.measurementRows
            }
        }
    }
}
