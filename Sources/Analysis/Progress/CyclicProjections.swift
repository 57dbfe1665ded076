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
/// Their squares add up to the sum of squares of the function.
package func fourierComponentNorms(_ values: [Double], columns: Int) -> [Double] {
    let count = values.count / max(columns, 1)
    let transformed = matrixProduct(
        orthonormalFourierBasis(count), values, rows: count, columns: columns, inner: count)
    return (0..<count).map { vectorNorm(Array(transformed[$0 * columns..<($0 + 1) * columns])) }
}

/// Projections of logits [n², n] of a cyclic grid on products of basis functions of the operands.
struct BlockProjection {
    private let count: Int
    /// Chosen basis rows, [chosen, n]; row 0 is the constant.
    private let rows: [Double]
    private let chosen: Int
    /// Which pairs of chosen rows (left, right) belong to the block.
    private let isMember: [Bool]

    /// The blocks {cos, sin}² of each key or, with constants, {1, cos, sin}² without (1, 1).
    init(keys: [Int], order: Int, withConstants: Bool) {
        let basis = orthonormalFourierBasis(order)
        let owners =
            [0]
            + keys.flatMap { key in
                basisRows(ofFrequency: key, count: order).map { _ in key }
            }
        let indices = [0] + keys.flatMap { basisRows(ofFrequency: $0, count: order) }
        count = order
        chosen = indices.count
        rows = indices.flatMap { Array(basis[$0 * order..<($0 + 1) * order]) }
        var isMember = [Bool](repeating: false, count: indices.count * indices.count)
        for left in indices.indices {
            for right in indices.indices {
                let (one, other) = (owners[left], owners[right])
                let both = one != 0 && one == other
                let single = withConstants && (one == 0) != (other == 0)
                isMember[left * indices.count + right] = both || single
            }
        }
        self.isMember = isMember
    }

    /// Σ over member pairs (i, j) of f_i(x) f_j(y) ⟨f_i f_j, L⟩, [n², n].
    func project(_ logits: [Double]) -> [Double] {
        let (n, c) = (count, chosen)
        // A[i, y, z] = Σ_x f_i(x) L[x, y, z].
        let partial = matrixProduct(rows, logits, rows: c, columns: n * n, inner: n)
        var back = [Double](repeating: 0, count: c * n * n)
        for left in 0..<c {
            let slab = Array(partial[left * n * n..<(left + 1) * n * n])
            var coefficients = matrixProduct(rows, slab, rows: c, columns: n, inner: n)
            for right in 0..<c where !isMember[left * c + right] {
                for column in 0..<n { coefficients[right * n + column] = 0 }
            }
            let image = matrixProduct(
                rows, transposed: true, coefficients, transposed: false, rows: n, columns: n,
                inner: c)
            back.replaceSubrange(left * n * n..<(left + 1) * n * n, with: image)
        }
        return matrixProduct(
            rows, transposed: true, back, transposed: false, rows: n, columns: n * n, inner: c)
    }
}
