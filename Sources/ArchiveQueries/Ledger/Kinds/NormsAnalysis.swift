package import Analysis
package import GRDB

/// Sizes of each tensor and of all weights.
struct NormsAnalysis: AnalysisDefinition {
    let codeVersion = "1"
    let view = "weight_norms"

    func question(_ settings: AnalysisSettings) -> Question {
        Question(kind: .norms, parameters: "{}", split: nil, dtype: "float64", seed: nil)
    }

    func prepare(_ run: AnalysedRun, settings: AnalysisSettings) throws -> CheckpointPlan {
        CheckpointPlan { _ in { input in weightNorms(of: input.weights) } }
    }
}

extension WeightNorms: ResultRow {
    package static let insertion = """
        INSERT INTO weight_norm (analysis_key, tensor, l2, rms, linf, spectral, stable_rank,
            effective_rank, l1, nuclear)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [tensor, l2, rms, linf, spectral, stableRank, effectiveRank, l1, nuclear]
    }
}
