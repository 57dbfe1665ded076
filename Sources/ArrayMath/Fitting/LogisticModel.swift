internal import Foundation
internal import VectorMath

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
        var sums = WideSums(parameters: curve.parameters, scale: scale)
        forEachTwo { sums.addCost(x: $0, y: $1, weight: $2) }
        return sums.cost.sum()
    }

    /// Cost, gradient and exact second derivatives with respect to (c, d, k, t).
    func expansion(at parameters: SIMD4<Double>) -> LocalExpansion {
        var sums = WideSums(parameters: parameters, scale: scale)
        forEachTwo { sums.add(x: $0, y: $1, weight: $2) }
        return sums.total
    }

    /// Two points at a time, as wide as the registers; an odd last one is paired with weight 0.
    @inline(__always)
    private func forEachTwo(
        _ add: (_ x: SIMD2<Double>, _ y: SIMD2<Double>, _ weight: SIMD2<Double>) -> Void
    ) {
        x.withUnsafeBufferPointer { x in
            y.withUnsafeBufferPointer { y in
                weights.withUnsafeBufferPointer { weights in
                    let whole = x.count / 2 * 2
                    for start in stride(from: 0, to: whole, by: 2) {
                        add(two(x, start), two(y, start), two(weights, start))
                    }
                    if whole < x.count {
                        // Repeating the last point with weight 0 adds nothing.
                        add(
                            padded(x, whole), padded(y, whole), padded(weights, whole, zero: true))
                    }
                }
            }
        }
    }
}

private func two(_ values: UnsafeBufferPointer<Double>, _ start: Int) -> SIMD2<Double> {
    SIMD2(values[start], values[start + 1])
}

/// The last entry twice, or with 0 behind it.
private func padded(
    _ values: UnsafeBufferPointer<Double>, _ start: Int, zero: Bool = false
) -> SIMD2<Double> {
    SIMD2(values[start], zero ? 0 : values[start])
}

/// The sums of an expansion, two points side by side.
private struct WideSums {
    private let lower: SIMD2<Double>
    private let rise: SIMD2<Double>
    private let steepness: SIMD2<Double>
    private let middle: SIMD2<Double>
    /// 1 / s² of the robust loss; 0 for plain least squares.
    private let inverse: SIMD2<Double>
    private let one = SIMD2<Double>(repeating: 1)

    private(set) var cost = SIMD2<Double>.zero
    private var gradient = (
        SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero
    )
    /// The upper triangle of the Gauss–Newton matrix: cc, cd, ck, ct, dd, dk, dt, kk, kt, tt.
    private var outer = (
        SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero,
        SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero,
        SIMD2<Double>.zero, SIMD2<Double>.zero
    )
    private var curvature = (
        SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero
    )
    private var crossCurvature = SIMD2<Double>.zero

    init(parameters: SIMD4<Double>, scale: Double?) {
        lower = SIMD2(repeating: parameters.x)
        rise = SIMD2(repeating: parameters.y - parameters.x)
        steepness = SIMD2(repeating: parameters.z)
        middle = SIMD2(repeating: parameters.w)
        inverse = SIMD2(repeating: scale.map { 1 / ($0 * $0) } ?? 0)
    }

    /// Adds s² (√(1 + z/s²) − 1) without cancellation for small z, and nothing else.
    @inline(__always)
    mutating func addCost(x: SIMD2<Double>, y: SIMD2<Double>, weight: SIMD2<Double>) {
        let share = one / (one + Double.exponential(-(steepness * (x - middle))))
        let residual = lower + rise * share - y
        let square = weight * residual * residual
        cost += square / ((one + square * inverse).squareRoot() + one)
    }

    @inline(__always)
    mutating func add(x: SIMD2<Double>, y: SIMD2<Double>, weight: SIMD2<Double>) {
        let offset = x - middle
        let share = one / (one + Double.exponential(-(steepness * offset)))
        let rest = one - share
        let slope = share * rest
        let bend = slope * (rest - share)
        let residual = lower + rise * share - y
        let square = weight * residual * residual
        let root = (one + square * inverse).squareRoot()
        cost += square / (root + one)
        let first = weight * residual / root
        let second = weight / (root * root * root)
        let byRise = rise * slope
        let bySteepness = byRise * offset
        let byMidpoint = -(byRise * steepness)
        gradient.0 += first * rest
        gradient.1 += first * share
        gradient.2 += first * bySteepness
        gradient.3 += first * byMidpoint
        let (c, d, k) = (second * rest, second * share, second * bySteepness)
        outer.0 += c * rest
        outer.1 += c * share
        outer.2 += c * bySteepness
        outer.3 += c * byMidpoint
        outer.4 += d * share
        outer.5 += d * bySteepness
        outer.6 += d * byMidpoint
        outer.7 += k * bySteepness
        outer.8 += k * byMidpoint
        outer.9 += second * byMidpoint * byMidpoint
        // ∇²f: the levels enter linearly, so only pairs with k or t are left.
        let curved = first * rise * bend
        curvature.0 += first * slope * offset
        curvature.1 += first * slope * steepness
        curvature.2 += curved * offset * offset
        curvature.3 += curved * steepness * steepness
        crossCurvature -= curved * steepness * offset + first * byRise
    }

    var total: LocalExpansion {
        var result = LocalExpansion()
        result.cost = cost.sum()
        result.gradient = SIMD4(
            gradient.0.sum(), gradient.1.sum(), gradient.2.sum(), gradient.3.sum())
        let (cd, ck, ct) = (outer.1.sum(), outer.2.sum(), outer.3.sum())
        let (dk, dt, kt) = (outer.5.sum(), outer.6.sum(), outer.8.sum())
        result.rows = (
            SIMD4(outer.0.sum(), cd, ck, ct), SIMD4(cd, outer.4.sum(), dk, dt),
            SIMD4(ck, dk, outer.7.sum(), kt), SIMD4(ct, dt, kt, outer.9.sum())
        )
        result.curvature = SIMD4(
            curvature.0.sum(), curvature.1.sum(), curvature.2.sum(), curvature.3.sum())
        result.crossCurvature = crossCurvature.sum()
        return result
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
