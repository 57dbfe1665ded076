internal import ArrayMath
package import Checkpoints
internal import Foundation

/// Where a checkpoint stands relative to others of its run, for measures of movement.
package struct NormContext: Sendable {
    /// The weights at the run's first checkpoint; empty when there is none.
    package var initial: [Tensor]
    /// The weights at the previous checkpoint; empty at the first.
    package var previous: [Tensor]
    /// Seed of the shuffles of the correlation traps.
    package var seed: UInt64

    package init(initial: [Tensor] = [], previous: [Tensor] = [], seed: UInt64 = 0) {
        self.initial = initial
        self.previous = previous
        self.seed = seed
    }
}

/// Norm measures beyond `weightNorms`, for each tensor and for all together (`total`).
///
/// `spectral_entropy` −Σσ̂ ln σ̂ in nats; `distance_from_initial` and `update_size` ‖W − W'‖₂ against
/// the first and the previous checkpoint; `power_law_exponent` with its standard error;
/// `correlation_traps` with the bulk's edge. Total only: `sum_of_squares` Σθ², `sum_of_norms`
/// Σ_tensors ‖W‖₂. A measure whose definition does not hold (a vector's tail, fewer than 50
/// eigenvalues, no earlier checkpoint of the same shape) has no row.
package func normMeasures(of tensors: [Tensor], context: NormContext) -> [MeasuredValue] {
    var rows: [MeasuredValue] = []
    func append(_ measure: String, _ subject: String, _ value: Double?) {
        if let value { rows.append(MeasuredValue(measure, subject: subject, value: value)) }
    }
    var squares = (total: 0.0, norms: 0.0, initial: 0.0, previous: 0.0)
    var isComplete = (initial: true, previous: true)
    for tensor in tensors {
        guard let values = tensor.doubles() else { continue }
        let norm = vectorNorm(values)
        squares.total += norm * norm
        squares.norms += norm
        let spectrum = singularValueSpectrum(values, shape: tensor.shape)
        if tensor.shape.count > 1 {
            append("spectral_entropy", tensor.name, singularValueEntropy(spectrum))
        }
        let initial = distance(values, tensor, context.initial)
        let previous = distance(values, tensor, context.previous)
        append("distance_from_initial", tensor.name, initial)
        append("update_size", tensor.name, previous)
        squares.initial += (initial ?? 0) * (initial ?? 0)
        squares.previous += (previous ?? 0) * (previous ?? 0)
        isComplete = (isComplete.initial && initial != nil, isComplete.previous && previous != nil)
        guard tensor.shape.count > 1 else { continue }
        if let tail = powerLawTail(ofSingularValues: spectrum) {
            append("power_law_exponent", tensor.name, tail.exponent)
            append("power_law_standard_error", tensor.name, tail.standardError)
            append("power_law_distance", tensor.name, tail.distance)
        }
        let columns = tensor.shape[tensor.shape.count - 1]
        if let traps = correlationTraps(
            values, rows: values.count / max(columns, 1), columns: columns, seed: context.seed)
        {
            append("correlation_traps", tensor.name, Double(traps.count))
            append("correlation_trap_edge", tensor.name, traps.edge)
        }
    }
    let total = WeightNorms.totalName
    append("sum_of_squares", total, squares.total)
    append("sum_of_norms", total, squares.norms)
    let isNotEmpty = !tensors.isEmpty
    if isComplete.initial, isNotEmpty {
        append("distance_from_initial", total, squares.initial.squareRoot())
    }
    if isComplete.previous, isNotEmpty {
        append("update_size", total, squares.previous.squareRoot())
    }
    return rows
}

/// ‖W − W'‖₂ to the tensor of the same name and shape; nil when there is none.
private func distance(_ values: [Double], _ tensor: Tensor, _ others: [Tensor]) -> Double? {
    guard let other = others.first(where: { $0.name == tensor.name && $0.shape == tensor.shape }),
        let reference = other.doubles()
    else { return nil }
    return vectorNorm(zip(values, reference).map { $0 - $1 })
}
