internal import ArrayMath
package import Checkpoints
internal import Foundation

/// How far one tensor, or all weights together, moved between checkpoints.
package struct WeightMovement: Sendable, Equatable {
    /// The tensor's name, or `total` for all tensors as one vector.
    package let tensor: String
    /// ‖W − W'‖₂; nil where the other checkpoint has no tensor of this name and shape.
    package let distance: Double?
}

/// The distance of each tensor from another checkpoint, followed by that of all parameters.
///
/// The total has a distance only when every parameter has one. Complex tensors are left out. A NaN
/// gives NaN, an infinity on one side an infinite distance.
package func weightMovement(of tensors: [Tensor], from others: [Tensor]) -> [WeightMovement] {
    let places = Dictionary(others.map { ($0.name, $0) }) { first, _ in first }
    var each: [WeightMovement] = []
    var counted: [Double?] = []
    for (tensor, isParameter) in zip(tensors, tensors.areParameters) where !tensor.isComplex {
        let other = places[tensor.name].flatMap { $0.shape == tensor.shape ? $0 : nil }
        let moved = other.flatMap { distance(tensor, $0) }
        each.append(
            WeightMovement(tensor: WeightNorms.rowName(tensor.name), distance: moved))
        if isParameter { counted.append(moved) }
    }
    let known = counted.compactMap(\.self)
    let isComplete = known.count == counted.count && !counted.isEmpty
    return each + [
        WeightMovement(
            tensor: WeightNorms.totalName, distance: isComplete ? vectorNorm(known) : nil)
    ]
}

/// ‖W − W'‖₂ of tensors with one shape; nil where one is complex.
private func distance(_ tensor: Tensor, _ other: Tensor) -> Double? {
    if tensor.elementType == .float32, other.elementType == .float32 {
        // Squares of differences of single-precision numbers neither overflow nor vanish.
        return tensor.bytes.withUnsafeBytes { first in
            other.bytes.withUnsafeBytes { second in
                VectorSizes(
                    ofDifferences: first.bindMemory(to: Float.self),
                    second.bindMemory(to: Float.self)
                ).sumOfSquares.squareRoot()
            }
        }
    }
    guard let values = tensor.doubles(), let reference = other.doubles() else { return nil }
    return vectorNorm(zip(values, reference).map { $0 - $1 })
}

/// How the squared singular values of one tensor are spread.
package struct WeightTails: Sendable, Equatable {
    package let tensor: String
    /// nil where no power law can be fitted: fewer than 50 values above rounding, or all equal.
    package let powerLaw: PowerLawTail?
    package let traps: CorrelationTraps
}

/// The tails of every tensor with at least 50 singular values that are finite and not all zero.
///
/// Tensors with more than two axes are flattened as for `weightNorms`; the shuffles of the
/// correlation traps take the seed.
package func weightTails(of tensors: [Tensor], seed: UInt64) -> [WeightTails] {
    tensors.compactMap { tensor in
        guard tensor.shape.count > 1, let values = tensor.doubles() else { return nil }
        let columns = tensor.shape[tensor.shape.count - 1]
        guard
            let traps = correlationTraps(
                values, rows: values.count / max(columns, 1), columns: columns, seed: seed)
        else { return nil }
        let spectrum = singularValueSpectrum(values, shape: tensor.shape, method: .direct)
        let floor = roundingFloor(
            spectrum, rows: values.count / max(columns, 1), columns: columns,
            largestEntry: VectorSizes(of: values).largestMagnitude, type: tensor.elementType)
        return WeightTails(
            tensor: tensor.name, powerLaw: powerLawTail(ofSingularValues: spectrum, above: floor),
            traps: traps)
    }
}

/// The size below which a singular value of a stored matrix is rounding: max(m, n) ε σ₁ with the ε of
/// its number type.
///
/// Numbers of two bytes have so large an ε that this would leave nothing of an ordinary matrix; there
/// the largest singular value that independent rounding errors of the entries can have,
/// (√m + √n) ε max |w|, is the bound where it is smaller.
private func roundingFloor(
    _ spectrum: [Double], rows: Int, columns: Int, largestEntry: Double, type: ElementType
) -> Double {
    let epsilon = type.roundingUnit
    let usual = Double(max(rows, columns)) * epsilon * (spectrum.first ?? 0)
    guard epsilon > Double(Float.ulpOfOne) else { return usual }
    let errors = (Double(rows).squareRoot() + Double(columns).squareRoot()) * epsilon * largestEntry
    return min(usual, errors)
}

extension ElementType {
    /// The distance from 1 to the next larger number; whole numbers are analysed as `float64`.
    fileprivate var roundingUnit: Double {
        switch self {
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        case .float32, .complex64: 0x1p-23
        case .float64, .complex128: 0x1p-52
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool: 0x1p-52
        }
    }
}
