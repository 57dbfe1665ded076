internal import ArrayMath
internal import Foundation

/// The orthonormal real Fourier basis F of n points, row-major [n, n].
///
/// Row 0 is 1/√n; rows 2k − 1 and 2k are cos and sin of 2πkt/n, each with norm 1; for even n the
/// last row alternates.
package func orthonormalFourierBasis(_ count: Int) -> [Double] {
    var basis = [Double](repeating: 1 / Double(count).squareRoot(), count: count * count)
    for row in 1..<max(count, 1) {
        let frequency = (row + 1) / 2
        let scale = (Double(2 * frequency == count ? 1 : 2) / Double(count)).squareRoot()
        for point in 0..<count {
            let angle = 2 * Double.pi * Double(frequency * point % count) / Double(count)
            basis[row * count + point] = scale * (row % 2 == 1 ? cos(angle) : sin(angle))
        }
    }
    return basis
}

/// The rows of F that belong to frequency k > 0: cos and sin, or the alternating row alone.
func basisRows(ofFrequency frequency: Int, count: Int) -> [Int] {
    2 * frequency == count ? [count - 1] : [2 * frequency - 1, 2 * frequency]
}

/// The norms of the n Fourier coefficients of a function [n, columns], in the order of F.
///
/// Their squares add up to the sum of squares of the function. `basis` is F where it is at hand.
package func fourierComponentNorms(
    _ values: [Double], columns: Int, basis: [Double]? = nil
) -> [Double] {
    let count = values.count / max(columns, 1)
    let transformed = matrixProduct(
        basis ?? orthonormalFourierBasis(count), values, rows: count, columns: columns,
        inner: count)
    return (0..<count).map { vectorNorm(Array(transformed[$0 * columns..<($0 + 1) * columns])) }
}
