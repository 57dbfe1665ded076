internal import Analysis
internal import GRDB

/// Sizes of each tensor and of all weights, and how far they moved.
struct NormsAnalysis: AnalysisDefinition {
    let codeVersion = "3"
    let view = "weight_norms"

    func question(_ settings: AnalysisSettings) -> Question {
        Question(kind: .norms, parameters: "{}", split: nil, dtype: "float64", seed: nil)
    }

    /// The first checkpoint and the previous one.
    func companions(
        of step: Int, among steps: [Int], settings: AnalysisSettings
    ) -> [Int] {
        guard let first = steps.first, let previous = Self.previous(step, among: steps) else {
            return []
        }
        return first == previous ? [first] : [first, previous]
    }

    func prepare(_ run: AnalysedRun, settings: AnalysisSettings) throws -> CheckpointPlan {
        let steps = run.steps
        return CheckpointPlan { _ in
            { input in
                let previous = Self.previous(input.step, among: steps)
                let first = steps.first == input.step ? input.weights : nil
                let initial = first ?? steps.first.flatMap { input.companions[$0] } ?? []
                let norms = weightNorms(of: input.weights)
                let distances = weightMovement(of: input.weights, from: initial)
                let updates = previous.flatMap { input.companions[$0] }.map {
                    weightMovement(of: input.weights, from: $0)
                }
                return norms.indices.map { place in
                    let update = updates?[place].distance
                    return NormRow(
                        norms: norms[place], distanceFromInitial: distances[place].distance,
                        updateSize: update, updateFromStep: update == nil ? nil : previous,
                        sumOfNorms: norms[place].tensor == WeightNorms.totalName
                            ? norms.dropLast().reduce(0) { $0 + $1.l2 } : nil)
                }
            }
        }
    }

    /// The last stored step before a step.
    private static func previous(_ step: Int, among steps: [Int]) -> Int? {
        steps.last { $0 < step }
    }
}

/// The sizes and movements of one tensor.
struct NormRow: ResultRow {
    let norms: WeightNorms
    let distanceFromInitial: Double?
    let updateSize: Double?
    let updateFromStep: Int?
    let sumOfNorms: Double?

    static let insertion = """
        INSERT INTO weight_norm (analysis_key, tensor, l2, rms, linf, spectral, stable_rank,
            effective_rank, l1, nuclear, spectral_entropy, distance_from_initial, update_size,
            update_from_step, sum_of_norms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    var arguments: [(any DatabaseValueConvertible)?] {
        [
            norms.tensor, norms.l2, norms.rms, norms.linf, norms.spectral, norms.stableRank,
            norms.effectiveRank, norms.l1, norms.nuclear, norms.spectralEntropy,
            distanceFromInitial, updateSize, updateFromStep, sumOfNorms,
        ]
    }
}
