package import ArrayMath
package import Checkpoints
internal import Foundation

/// The sizes of one tensor, or of all weights together, at one step.
///
/// A number whose definition does not hold is nil: the singular-value measures of the total and of
/// vectors, the ratios of a tensor of zeros, the mean square of a tensor without elements. A tensor with NaN has
/// NaN everywhere, one with an infinity has infinite norms and NaN ratios.
package struct WeightNorms: Sendable, Equatable {
    /// The tensor's name, or `total` for all parameters of the checkpoint; a tensor of that name is
    /// `tensor total`.
    package let tensor: String
    package let elementCount: Int
    /// ‖W‖₂ = √Σ w², the Frobenius norm of a matrix.
    package let l2: Double
    /// √(Σ w² / n).
    package let rms: Double?
    /// max |w|; 0 for a tensor without elements.
    package let linf: Double
    /// The largest singular value σ₁; nil for a vector, which has none.
    package let spectral: Double?
    /// ‖W‖_F² / σ₁²: between 1 and the rank.
    package let stableRank: Double?
    /// −Σ σ̂ ln σ̂ with σ̂ = σ / Σσ, in nats: 0 for rank one.
    package let spectralEntropy: Double?
    /// exp of the spectral entropy (Roy and Vetterli 2007): between 1 and the rank.
    package var effectiveRank: Double? { spectralEntropy.map(exp) }
    /// Σ |w|.
    package let l1: Double
    /// Σ σ, the nuclear norm.
    package let nuclear: Double?

    /// The name of the row that covers all parameters.
    package static let totalName = "total"

    /// The name of a tensor's row.
    package static func rowName(_ tensor: String) -> String {
        tensor == totalName ? "tensor \(tensor)" : tensor
    }
}

extension [Tensor] {
    /// Whether each is trained: running statistics, counters and masks are no part of a total.
    package var areParameters: [Bool] {
        TensorRole.roles(of: map { ($0.name, $0.elementType, $0.shape) }).map { $0 == .parameter }
    }
}

/// The norms of each tensor in the given order, followed by the `total` of those that are trained.
///
/// Complex and empty lists of tensors: complex tensors are left out, no tensors give a total of
/// zeros. The matrix of a tensor with more than two axes is made by flattening all axes but the
/// last, so that attention weights [heads, width, head_width] count as one stacked matrix.
package func weightNorms(of tensors: [Tensor]) -> [WeightNorms] {
    let found = zip(tensors, tensors.areParameters).compactMap { tensor, isParameter in
        weightNorms(of: tensor).map { (norms: $0, isParameter: isParameter) }
    }
    let each = found.map(\.norms)
    let counted = found.filter(\.isParameter).map(\.norms)
    let squares = vectorNorm(counted.map(\.l2))
    let count = counted.reduce(0) { $0 + $1.elementCount }
    let largest = counted.reduce(0.0) { $0.isNaN || $1.linf.isNaN ? .nan : max($0, $1.linf) }
    let total = WeightNorms(
        tensor: WeightNorms.totalName, elementCount: count, l2: squares,
        rms: count > 0 ? squares / Double(count).squareRoot() : nil, linf: largest, spectral: nil,
        stableRank: nil, spectralEntropy: nil, l1: counted.reduce(0) { $0 + $1.l1 }, nuclear: nil)
    return each + [total]
}

/// The norms of one tensor; nil for a complex one.
package func weightNorms(of tensor: Tensor) -> WeightNorms? {
    guard let values = tensor.doubles() else { return nil }
    let sizes = VectorSizes(of: values)
    let l2 = sizes.norm(of: values)
    let count = values.count
    let spectrum = singularValueSpectrum(values, shape: tensor.shape)
    let isMatrix = tensor.shape.count > 1
    let spectral = spectrum.first ?? 0
    return WeightNorms(
        tensor: WeightNorms.rowName(tensor.name), elementCount: count, l2: l2,
        rms: count > 0 ? l2 / Double(count).squareRoot() : nil,
        linf: sizes.largestMagnitude,
        // A Gram matrix of an infinite entry has no spectrum; the norm is still infinite.
        spectral: !isMatrix ? nil : spectral.isNaN && !l2.isNaN ? l2 : spectral,
        stableRank: isMatrix ? stableRank(l2: l2, spectral: spectral) : nil,
        spectralEntropy: isMatrix ? singularValueEntropy(spectrum) : nil,
        l1: sizes.sumOfMagnitudes, nuclear: isMatrix ? spectrum.reduce(0, +) : nil)
}

/// The singular values, falling, of a tensor read as a matrix by flattening all axes but the last.
///
/// A vector or scalar has one, its l2 norm; a tensor without elements has none.
package func singularValueSpectrum(
    _ values: [Double], shape: [Int], method: SingularValueMethod = .gram
) -> [Double] {
    guard !values.isEmpty else { return [] }
    let columns = shape.count < 2 ? values.count : shape[shape.count - 1]
    return singularValues(
        values, rows: values.count / columns, columns: columns, method: method)
}

/// ‖W‖_F² / σ₁²; nil for zeros, NaN for a matrix that is not finite.
package func stableRank(l2: Double, spectral: Double) -> Double? {
    guard spectral.isFinite, l2.isFinite else { return .nan }
    guard spectral > 0 else { return nil }
    return (l2 / spectral) * (l2 / spectral)
}

/// −Σ σ̂ ln σ̂ with σ̂ = σ / Σσ in nats: the spectral entropy of weights.
///
/// 0 for rank one, ln r for r equal singular values. Nil when all are zero, NaN when one is NaN.
package func singularValueEntropy(_ singularValues: [Double]) -> Double? {
    let sum = singularValues.reduce(0, +)
    guard sum.isFinite else { return .nan }
    guard sum > 0 else { return nil }
    return singularValues.reduce(0) { entropy, value in
        let share = value / sum
        return share > 0 ? entropy - share * log(share) : entropy
    }
}
