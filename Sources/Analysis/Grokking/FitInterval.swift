internal import ArrayMath
internal import Foundation

/// The 95 % intervals of a transition fit.
package struct FitInterval: Sendable, Equatable {
    /// The midpoint in steps.
    package let midpointStep: ClosedRange<Double>
    /// k in 1/decade for a fit in log-time, in 1/step for one in linear time.
    package let steepness: ClosedRange<Double>
    /// Steps between the evaluations around the fitted midpoint.
    package let spacing: Double
    /// The mean over the noise models of their autocorrelation from one evaluation to the next, and
    /// of the share of variance that is binomial.
    package let autocorrelation: Double
    package let binomialShare: Double

    /// Whether the interval is narrower than the spacing of the evaluations around it: then it rests
    /// on the rise being the fitted sigmoid, and not on evaluations alone.
    package var isFinerThanData: Bool {
        midpointStep.upperBound - midpointStep.lowerBound < spacing
    }
}

extension Curve {
    /// The 95 % intervals of a fit under noise whose kind is inferred from the residuals.
    ///
    /// The noise of evaluation i is Gaussian with variance σ² ((1 − λ) + 4λ f_i (1 − f_i)), f_i the
    /// fitted accuracy: constant for λ = 0, that of counting right answers for λ = 1. From one evaluation
    /// to the next it has the autocorrelation ρ. For each (λ, ρ) of a grid the restricted likelihood
    /// (REML: the part of the residuals that no parameter can take up) gives σ² and the weight of the
    /// model, and the influence of each evaluation on the fit gives the standard error: the sandwich
    /// covariance A⁻¹ Jᵀ W C W J A⁻¹. The interval holds 95 % of the mixture of Student distributions
    /// with n − K degrees of freedom. λ = 0 has eight times the prior weight of each other λ.
    ///
    /// Levels at a bound are held. Nil below six points.
    package func interval(of fit: TransitionFit, chance: Double?) -> FitInterval? {
        guard count >= 6, values.allSatisfy(\.isFinite) else { return nil }
        let problem = transitionProblem(chance: chance, timeScale: fit.timeScale)
        guard let noise = NoiseMixture(problem, curve: fit.curve) else { return nil }
        let midpoint = noise.halfWidth(of: \.midpointError)
        let steepness = noise.halfWidth(of: \.steepnessError)
        let (middle, k, scale) = (fit.curve.midpoint, fit.curve.steepness, fit.timeScale)
        return FitInterval(
            midpointStep: scale.step(at: middle - midpoint)...scale.step(at: middle + midpoint),
            steepness: k - steepness...k + steepness, spacing: spacing(around: fit.midpointStep),
            autocorrelation: noise.mean(\.correlation), binomialShare: noise.mean(\.binomialShare))
    }

    /// Steps between the last evaluation before a step and the first at or after it; at the ends
    /// between the two outermost.
    private func spacing(around step: Double) -> Double {
        let after = steps.firstIndex { Double($0) >= step } ?? count - 1
        let place = Swift.max(after, 1)
        return Double(steps[place]) - Double(steps[place - 1])
    }
}

/// The noise models of a grid, each with its weight and the standard errors that it gives.
private struct NoiseMixture {
    struct Model {
        let binomialShare: Double
        let correlation: Double
        /// −2 ln of the restricted likelihood, up to a constant, and −2 ln of the prior.
        let deviance: Double
        let midpointError: Double
        let steepnessError: Double
    }

    private let models: [(model: Model, weight: Double)]
    private let freedom: Double

    private static let shares = [0, 0.5, 0.9, 0.97, 0.99, 0.997, 1]
    /// Of both signs, so that the mean over the grid does not lean to one where the evaluations leave
    /// the autocorrelation open.
    ///
    /// With positive ones alone, independent noise is taken for correlated noise and the interval is too
    /// wide. Below −0.5 no evaluation is known to be.
    private static let correlations = [
        -0.5, -0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95,
    ]

    init?(_ problem: LogisticProblem, curve: LogisticCurve) {
        guard let points = InfluencePoints(problem, curve: curve) else { return nil }
        let all = Self.shares.flatMap { share in
            Self.correlations.compactMap { points.model(binomialShare: share, correlation: $0) }
        }
        guard let best = all.map(\.deviance).min() else { return nil }
        let weighted = all.map { (model: $0, weight: exp(-0.5 * ($0.deviance - best))) }
            .filter { $0.weight > 1e-6 }
        let sum = weighted.reduce(0) { $0 + $1.weight }
        models = weighted.map { ($0.model, $0.weight / sum) }
        freedom = Double(points.count - points.freeCount)
    }

    func mean(_ value: (Model) -> Double) -> Double {
        models.reduce(0) { $0 + $1.weight * value($1.model) }
    }

    /// The distance that 2.5 % of the mixture of Student distributions exceed.
    func halfWidth(of error: (Model) -> Double) -> Double {
        let errors = models.map { (error: error($0.model), weight: $0.weight) }
        guard let largest = errors.map(\.error).max(), largest > 0 else { return 0 }
        var (low, high) = (0.0, 100 * largest)
        for _ in 0..<50 {
            let middle = 0.5 * (low + high)
            let tail = errors.reduce(0.0) { sum, entry in
                guard entry.error > 0 else { return sum }
                let ratio = middle / entry.error
                return sum + entry.weight * 0.5
                    * incompleteBeta(freedom / 2, 0.5, at: freedom / (freedom + ratio * ratio))
            }
            if tail > 0.025 { low = middle } else { high = middle }
        }
        return 0.5 * (low + high)
    }
}

/// What each evaluation of a fitted curve contributes.
private struct InfluencePoints {
    let count: Int
    let freeCount: Int
    private let residuals: [Double]
    /// ∂f/∂(c, d, k, t) with 0 for parameters at a bound.
    private let slopes: [SIMD4<Double>]
    /// How much the fitted midpoint and steepness move with each value.
    private let midpointInfluence: [Double]
    private let steepnessInfluence: [Double]
    /// 4 f (1 − f), but not below 1e-4: no evaluation is exact.
    private let binomialVariance: [Double]
    private let free: [Int]

    init?(_ problem: LogisticProblem, curve: LogisticCurve) {
        count = problem.x.count
        let (low, high) = (problem.lowerBound, problem.upperBound)
        var free = [2, 3]
        if curve.upper < high.upper - 1e-6 { free.insert(1, at: 0) }
        if curve.lower > low.lower + 1e-6, curve.lower < high.lower - 1e-6 { free.insert(0, at: 0) }
        self.free = free
        freeCount = free.count
        guard count > freeCount + 1 else { return nil }
        var (residuals, slopes, variances) = ([Double](), [SIMD4<Double>](), [Double]())
        var roots: [Double] = []
        var matrix = SmallMatrix(order: free.count)
        for index in problem.x.indices {
            let offset = problem.x[index] - curve.midpoint
            let share = 1 / (1 + exp(-curve.steepness * offset))
            let rise = (curve.upper - curve.lower) * share * (1 - share)
            var slope = SIMD4(1 - share, share, rise * offset, -rise * curve.steepness)
            for parameter in 0..<4 where !free.contains(parameter) { slope[parameter] = 0 }
            let value = curve.value(at: problem.x[index])
            let residual = problem.y[index] - value
            let weight = problem.weights[index]
            let robust = problem.scale.map { weight * residual * residual / ($0 * $0) } ?? 0
            roots.append((1 + robust).squareRoot())
            matrix.add(slope, of: free, weight: weight / roots[index])
            residuals.append(residual)
            slopes.append(slope)
            variances.append(4 * max(value * (1 - value), 2.5e-5))
        }
        guard let factor = matrix.cholesky() else { return nil }
        func influence(of parameter: Int) -> [Double] {
            let row = factor.solve(free.map { $0 == parameter ? 1 : 0 })
            return slopes.indices.map { index in
                let along = free.indices.reduce(0) { $0 + row[$1] * slopes[index][free[$1]] }
                return along * problem.weights[index] / roots[index]
            }
        }
        midpointInfluence = influence(of: 3)
        steepnessInfluence = influence(of: 2)
        self.residuals = residuals
        self.slopes = slopes
        binomialVariance = variances
    }

    /// The noise of one kind; nil where its likelihood is not defined.
    func model(binomialShare: Double, correlation: Double) -> NoiseMixture.Model? {
        let innovation = (1 - correlation * correlation).squareRoot()
        var gram = SmallMatrix(order: freeCount)
        var along = [Double](repeating: 0, count: freeCount)
        var (power, logScales) = (0.0, 0.0)
        // Σ_ij h_i h_j ρ^|i−j| by carrying what earlier evaluations add.
        var (midpoint, steepness) = (CorrelatedSum(correlation), CorrelatedSum(correlation))
        var (earlierSlope, earlierResidual) = (SIMD4<Double>.zero, 0.0)
        for index in 0..<count {
            let scale =
                ((1 - binomialShare) + binomialShare * binomialVariance[index]).squareRoot()
            logScales += log(scale)
            let (slope, residual) = (slopes[index] / scale, residuals[index] / scale)
            let isFirst = index == 0
            let whitened = isFirst ? slope : (slope - correlation * earlierSlope) / innovation
            let miss = isFirst ? residual : (residual - correlation * earlierResidual) / innovation
            (earlierSlope, earlierResidual) = (slope, residual)
            gram.add(whitened, of: free, weight: 1)
            for place in 0..<freeCount { along[place] += whitened[free[place]] * miss }
            power += miss * miss
            midpoint.add(midpointInfluence[index] * scale)
            steepness.add(steepnessInfluence[index] * scale)
        }
        guard let factor = gram.cholesky() else { return nil }
        let taken = zip(factor.solve(along), along).reduce(0) { $0 + $1.0 * $1.1 }
        let freedom = Double(count - freeCount)
        let variance = max(power - taken, 1e-14 * power, 1e-300) / freedom
        let prior = binomialShare == 0 ? -2 * log(8.0) : 0
        return NoiseMixture.Model(
            binomialShare: binomialShare, correlation: correlation,
            deviance: freedom * log(variance) + 2 * logScales
                + 2 * Double(count - 1) * log(innovation) + factor.logDeterminant + prior,
            midpointError: (midpoint.value * variance).squareRoot(),
            steepnessError: (steepness.value * variance).squareRoot())
    }
}

/// Σ_ij h_i h_j ρ^|i−j|, one h after the other.
private struct CorrelatedSum {
    private let correlation: Double
    private var carried = 0.0
    private(set) var value = 0.0

    init(_ correlation: Double) { self.correlation = correlation }

    mutating func add(_ term: Double) {
        value = max(0, value + term * term + 2 * term * carried)
        carried = correlation * (carried + term)
    }
}

/// A symmetric matrix of at most four rows and its Cholesky factor.
private struct SmallMatrix {
    let order: Int
    private var entries: [Double]

    init(order: Int) {
        self.order = order
        entries = [Double](repeating: 0, count: order * order)
    }

    mutating func add(_ vector: SIMD4<Double>, of kept: [Int], weight: Double) {
        for row in 0..<order {
            for column in 0...row {
                entries[row * order + column] += weight * vector[kept[row]] * vector[kept[column]]
            }
        }
    }

    /// nil where the matrix is not positive definite.
    func cholesky() -> SmallMatrix? {
        var factor = self
        for row in 0..<order {
            for column in 0...row {
                var sum = entries[row * order + column]
                for inner in 0..<column {
                    sum -=
                        factor.entries[row * order + inner] * factor.entries[column * order + inner]
                }
                if row == column {
                    guard sum > 0, sum.isFinite else { return nil }
                    factor.entries[row * order + row] = sum.squareRoot()
                } else {
                    factor.entries[row * order + column] =
                        sum / factor.entries[column * order + column]
                }
            }
        }
        return factor
    }

    /// The solution for a right side, of a factor.
    func solve(_ right: [Double]) -> [Double] {
        var solution = right
        for row in 0..<order {
            for inner in 0..<row { solution[row] -= entries[row * order + inner] * solution[inner] }
            solution[row] /= entries[row * order + row]
        }
        for row in (0..<order).reversed() {
            for inner in row + 1..<order {
                solution[row] -= entries[inner * order + row] * solution[inner]
            }
            solution[row] /= entries[row * order + row]
        }
        return solution
    }

    /// ln of the determinant of the matrix that a factor is of.
    var logDeterminant: Double {
        (0..<order).reduce(0) { $0 + 2 * log(entries[$1 * order + $1]) }
    }
}
