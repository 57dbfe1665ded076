internal import Foundation

/// The four-parameter logistic curve f(x) = c + (d − c) / (1 + exp(−k (x − t))).
package struct LogisticCurve: Sendable, Equatable {
    /// The lower level c, reached as x → −∞ for k > 0.
    package var lower: Double
    /// The upper level d.
    package var upper: Double
    /// The steepness k in 1 / unit of x; 10 % to 90 % of the rise take ln 81 / k.
    package var steepness: Double
    /// The midpoint t in units of x.
    package var midpoint: Double

    package init(lower: Double, upper: Double, steepness: Double, midpoint: Double) {
        self.lower = lower
        self.upper = upper
        self.steepness = steepness
        self.midpoint = midpoint
    }

    /// f(x).
    package func value(at x: Double) -> Double {
        lower + (upper - lower) / (1 + exp(-steepness * (x - midpoint)))
    }

    /// Where the curve has made `share` of its rise, 0 < share < 1.
    package func position(ofShare share: Double) -> Double {
        midpoint + log(share / (1 - share)) / steepness
    }

    var parameters: SIMD4<Double> { SIMD4(lower, upper, steepness, midpoint) }

    init(parameters: SIMD4<Double>) {
        self.init(
            lower: parameters.x, upper: parameters.y, steepness: parameters.z,
            midpoint: parameters.w)
    }
}

/// A weighted, robust least-squares problem for the logistic curve, with a box of bounds.
///
/// Minimises ½ Σ s² ρ(w_i r_i² / s²) with r_i = f(x_i) − y_i and ρ(z) = 2 (√(1 + z) − 1) (SciPy's
/// `soft_l1` with `f_scale` s), or ½ Σ w_i r_i² when `scale` is nil.
package struct LogisticProblem: Sendable {
    package let x: [Double]
    package let y: [Double]
    /// Weights w_i ≥ 0 of the squared residuals.
    package let weights: [Double]
    /// Residuals well beyond this size, in units of y, count linearly; nil for plain least squares.
    package let scale: Double?
    package let lowerBound: LogisticCurve
    package let upperBound: LogisticCurve

    package init(
        x: [Double], y: [Double], weights: [Double], scale: Double?, lowerBound: LogisticCurve,
        upperBound: LogisticCurve
    ) {
        precondition(
            x.count == y.count && x.count == weights.count, "a weight and a value for each point")
        self.x = x
        self.y = y
        self.weights = weights
        self.scale = scale
        self.lowerBound = lowerBound
        self.upperBound = upperBound
    }

    /// The minimised sum at a curve.
    package func cost(of curve: LogisticCurve) -> Double {
        let inverse = scale.map { 1 / ($0 * $0) } ?? 0
        var sum = 0.0
        for index in x.indices {
            let residual = curve.value(at: x[index]) - y[index]
            let square = weights[index] * residual * residual
            sum += inverse == 0 ? 0.5 * square : robust(square, inverse)
        }
        return sum
    }

    /// s² (√(1 + z/s²) − 1) without cancellation for small z.
    private func robust(_ square: Double, _ inverse: Double) -> Double {
        square / ((1 + square * inverse).squareRoot() + 1)
    }

    /// Cost, gradient and exact second derivatives with respect to (c, d, k, t).
    func expansion(at parameters: SIMD4<Double>) -> LocalExpansion {
        let (rise, steepness) = (parameters.y - parameters.x, parameters.z)
        let inverse = scale.map { 1 / ($0 * $0) } ?? 0
        var sum = LocalExpansion()
        for index in x.indices {
            let offset = x[index] - parameters.w
            let share = 1 / (1 + exp(-steepness * offset))
            let slope = share * (1 - share)
            let bend = slope * (1 - 2 * share)
            let residual = parameters.x + rise * share - y[index]
            let weight = weights[index]
            let square = weight * residual * residual
            let root = (1 + square * inverse).squareRoot()
            sum.cost += square / (root + 1)
            let first = weight * residual / root
            let outer = weight / (root * root * root)
            let byMidpoint = -rise * slope * steepness
            let jacobian = SIMD4(1 - share, share, rise * slope * offset, byMidpoint)
            sum.gradient += first * jacobian
            sum.rows.0 += outer * jacobian.x * jacobian
            sum.rows.1 += outer * jacobian.y * jacobian
            sum.rows.2 += outer * jacobian.z * jacobian
            sum.rows.3 += outer * jacobian.w * jacobian
            // ∇²f: the levels enter linearly, so only pairs with k or t are left.
            let mixed = first * slope * offset
            let shifted = first * slope * steepness
            sum.curvature += SIMD4(mixed, shifted, first * rise * bend * offset * offset, 0)
            sum.crossCurvature -= first * rise * (bend * steepness * offset + slope)
            sum.curvature.w += first * rise * bend * steepness * steepness
        }
        return sum
    }
}

/// The second-order expansion of a cost in four parameters.
struct LocalExpansion {
    var cost = 0.0
    var gradient = SIMD4<Double>.zero
    /// Rows of the Gauss–Newton part, positive semi-definite.
    var rows = (
        SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero
    )
    /// Σ of first-derivative weights times s'u, s'k, ∂²f/∂k², ∂²f/∂t².
    var curvature = SIMD4<Double>.zero
    /// Σ of first-derivative weights times ∂²f/∂k∂t.
    var crossCurvature = 0.0

    /// The full second-derivative matrix, or its Gauss–Newton part alone.
    func matrix(exact: Bool) -> [SIMD4<Double>] {
        var matrix = [rows.0, rows.1, rows.2, rows.3]
        guard exact else { return matrix }
        matrix[0] += SIMD4(0, 0, -curvature.x, curvature.y)
        matrix[1] += SIMD4(0, 0, curvature.x, -curvature.y)
        matrix[2] += SIMD4(-curvature.x, curvature.x, curvature.z, crossCurvature)
        matrix[3] += SIMD4(curvature.y, -curvature.y, crossCurvature, curvature.w)
        return matrix
    }
}
