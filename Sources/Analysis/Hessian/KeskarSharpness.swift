internal import ArrayMath
internal import Foundation
package import Networks

/// How far the loss can rise inside a small box in a random subspace (Keskar and others 2017).
package struct KeskarSharpness: Sendable, Equatable {
    /// ε of the paper.
    package static let usualEpsilon = 1e-3
    /// The dimensions of the random subspace.
    package static let usualDimension = 10

    /// φ = 100 (max L(x + A y) − L(x)) / (1 + L(x)), in percent; a lower bound, since the
    /// maximisation is local and stops after a few iterations.
    package let sharpness: Double
    package let lossAtCentre: Double
    package let largestLoss: Double
}

/// Keskar's sharpness (equation 4): the largest loss over C = {|y_i| ≤ ε (|(A⁺x)_i| + 1)}.
///
/// A⁺ has `dimension` random rows with entries in [−1, 1], each scaled to norm 1, and A is its
/// pseudo-inverse, so that y lives in that many dimensions. Maximised by projected gradient steps
/// of adapted length, `iterations` times. `lossAndGradient` returns L and ∇L at a point. The
/// released script of the grokking paper minimises by mistake; this maximises. Nil when the loss at
/// the centre is not finite.
package func keskarSharpness(
    at point: [Double], epsilon: Double = 1e-3, dimension: Int = KeskarSharpness.usualDimension,
    iterations: Int = 10,
    seed: UInt64, lossAndGradient: ([Double]) throws -> (loss: Double, gradient: [Double])
) rethrows -> KeskarSharpness? {
    let count = point.count
    let rank = min(dimension, count)
    var generator = ProbeGenerator(seed: seed)
    // Rows of A⁺, then A = A⁺ᵀ (A⁺ A⁺ᵀ)⁻¹ through the eigenvectors of the small Gram matrix.
    var rows = [Double](repeating: 0, count: rank * count)
    for row in 0..<rank {
        let raw = (0..<count).map { _ in 2 * generator.uniform() - 1 }
        let norm = vectorNorm(raw)
        for index in 0..<count { rows[row * count + index] = raw[index] / norm }
    }
    let gram = matrixProduct(
        rows, transposed: false, rows, transposed: true, rows: rank, columns: rank, inner: count)
    let eigen = SymmetricEigen(of: gram, order: rank)
    var inverse = [Double](repeating: 0, count: rank * rank)
    for index in 0..<rank {
        for row in 0..<rank {
            for column in 0..<rank {
                inverse[row * rank + column] +=
                    eigen.vectors[index * rank + row] * eigen.vectors[index * rank + column]
                    / eigen.values[index]
            }
        }
    }
    // Row i of `directions` is column i of A.
    let directions = matrixProduct(inverse, rows, rows: rank, columns: count, inner: rank)
    let bounds = matrixProduct(rows, point, rows: rank, columns: 1, inner: count)
        .map { epsilon * (abs($0) + 1) }

    func evaluate(_ y: [Double]) throws -> (loss: Double, gradient: [Double]) {
        var moved = point
        for index in 0..<rank {
            for place in 0..<count { moved[place] += y[index] * directions[index * count + place] }
        }
        let (loss, full) = try lossAndGradient(moved)
        let gradient = matrixProduct(directions, full, rows: rank, columns: 1, inner: count)
        return (loss, gradient)
    }

    var search = BoxAscent(bounds: bounds, value: try evaluate([Double](repeating: 0, count: rank)))
    let centre = search.loss
    guard centre.isFinite else { return nil }
    for _ in 0..<iterations {
        guard try search.advance(evaluate) else { break }
    }
    return KeskarSharpness(
        sharpness: 100 * (search.loss - centre) / (1 + centre), lossAtCentre: centre,
        largestLoss: search.loss)
}

/// Keskar's sharpness in several random subspaces: one alone varies several-fold.
package struct KeskarSharpnesses: Sendable, Equatable {
    /// How many subspaces are searched, with consecutive seeds.
    package static let usualCount = 10

    /// Rising by sharpness.
    package let subspaces: [KeskarSharpness]

    /// Of several subspaces; nil for none.
    package init?(_ subspaces: [KeskarSharpness]) {
        guard !subspaces.isEmpty else { return nil }
        self.subspaces = subspaces.sorted { $0.sharpness < $1.sharpness }
    }

    package var smallest: Double { subspaces[0].sharpness }
    package var largest: KeskarSharpness { subspaces[subspaces.count - 1] }
    /// The middle one, or the mean of the two in the middle.
    package var median: Double { quantile(subspaces.map(\.sharpness), 0.5) }
}

/// Keskar's sharpness of a network's mean loss at fixed weights, in `count` random subspaces.
///
/// `watch` is asked before every gradient.
package func keskarSharpness<Scalar: NetworkScalar>(
    of evaluator: NetworkEvaluator<Scalar>, at parameters: [Double],
    epsilon: Double = KeskarSharpness.usualEpsilon, seed: UInt64,
    count: Int = KeskarSharpnesses.usualCount, watch: () throws -> Void = {}
) throws -> KeskarSharpnesses? {
    var gradient = [Scalar](repeating: 0, count: parameters.count)
    let found = try (0..<count).compactMap { subspace in
        try keskarSharpness(at: parameters, epsilon: epsilon, seed: seed &+ UInt64(subspace)) {
            point in
            try watch()
            let loss = evaluator.gradient(point.map { Scalar($0) }, into: &gradient).loss
            return (loss, gradient.map { Double($0) })
        }
    }
    return KeskarSharpnesses(found)
}

/// Maximisation over the box |y_i| ≤ b_i by projected gradient steps of adapted length.
private struct BoxAscent {
    private let bounds: [Double]
    private var point: [Double]
    private(set) var loss: Double
    private var gradient: [Double]
    private var stepLength: Double

    init(bounds: [Double], value: (loss: Double, gradient: [Double])) {
        self.bounds = bounds
        point = [Double](repeating: 0, count: bounds.count)
        (loss, gradient) = value
        let slope = value.gradient.map(abs).max() ?? 0
        // The first step may cross the whole box along the steepest coordinate.
        stepLength = slope > 0 ? 2 * (bounds.max() ?? 0) / slope : 0
    }

    /// One ascent step; false when no step raises the loss.
    mutating func advance(
        _ evaluate: ([Double]) throws -> (loss: Double, gradient: [Double])
    ) rethrows -> Bool {
        guard stepLength > 0 else { return false }
        for _ in 0..<8 {
            let candidate = point.indices.map { index in
                let raised = point[index] + stepLength * gradient[index]
                return min(max(raised, -bounds[index]), bounds[index])
            }
            guard candidate != point else { return false }
            let value = try evaluate(candidate)
            if value.loss.isFinite, value.loss > loss {
                point = candidate
                (loss, gradient) = value
                stepLength *= 2
                return true
            }
            stepLength /= 4
        }
        return false
    }
}
