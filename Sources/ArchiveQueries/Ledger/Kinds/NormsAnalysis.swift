internal import Analysis
internal import Checkpoints
internal import GRDB

/// Sizes of each tensor and of all weights, and how far they moved.
package struct NormsAnalysis: CheckpointAnalysis {
    package static let kind = AnalysisKind.norms
    package static let codeVersion = "3"
    package static let view = "weight_norms"

    package init() {}

    package var question: Question { Question(.norms) }

    /// The first checkpoint and the previous one.
    package func companions(of step: Int, among steps: [Int]) -> [Int] {
        guard let first = steps.first, let previous = Self.previous(step, among: steps) else {
            return []
        }
        return first == previous ? [first] : [first, previous]
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let steps = run.steps
        return CheckpointPlan { _ in
            { input in
                let previous = Self.previous(input.step, among: steps)
                let first = steps.first == input.step ? input.weights : nil
                let initial = first ?? steps.first.flatMap { input.companions[$0] } ?? []
                let norms = weightNorms(of: input.weights)
                // What is not trained is no part of the total.
                let counted = zip(
                    norms, input.weights.filter { !$0.isComplex }.areParameters
                ).filter(\.1)
                let distances = weightMovement(of: input.weights, from: initial)
                let updates = previous.flatMap { input.companions[$0] }.map {
                    weightMovement(of: input.weights, from: $0)
                }
                let names = NormRow.names(of: norms)
                return norms.indices.map { place in
                    let update = updates?[place].distance
                    return NormRow(
                        tensor: names[place], norms: norms[place],
                        distanceFromInitial: distances[place].distance,
                        updateSize: update, updateFromStep: update == nil ? nil : previous,
                        sumOfNorms: place == norms.count - 1
                            ? counted.reduce(0) { $0 + $1.0.l2 } : nil)
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
    let tensor: String
    let norms: WeightNorms
    let distanceFromInitial: Double?
    let updateSize: Double?
    let updateFromStep: Int?
    let sumOfNorms: Double?

    /// The names of the rows; the last is `total`, and a tensor of that name is told apart.
    static func names(of norms: [WeightNorms]) -> [String] {
        let tensors = norms.dropLast().map(\.tensor)
        let total = WeightNorms.totalName
        var own = "\(total) (tensor)"
        while tensors.contains(own) { own += "'" }
        return tensors.map { $0 == total ? own : $0 } + [total]
    }

    static let insertion = """
        INSERT INTO weight_norm (analysis_key, tensor, l2, rms, linf, spectral, stable_rank,
            effective_rank, l1, nuclear, spectral_entropy, distance_from_initial, update_size,
            update_from_step, sum_of_norms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    var arguments: [(any DatabaseValueConvertible)?] {
        [
            tensor, norms.l2, norms.rms, norms.linf, norms.spectral, norms.stableRank,
            norms.effectiveRank, norms.l1, norms.nuclear, norms.spectralEntropy,
            distanceFromInitial, updateSize, updateFromStep, sumOfNorms,
        ]
    }
}
