internal import ArrayMath
internal import Foundation

/// The 95 % intervals of a transition fit, from resampled blocks of its residuals.
package struct FitInterval: Sendable, Equatable {
    /// The midpoint in steps.
    package let midpointStep: ClosedRange<Double>
    /// k in 1/decade for a fit in log-time, in 1/step for one in linear time.
    package let steepness: ClosedRange<Double>
    /// Nil where a resampled fit in linear time starts before step 0.
    package let widthDecades: ClosedRange<Double>?
    /// Evaluations per block: at least the autocorrelation length of the residuals.
    package let blockLength: Int
    package let resampleCount: Int
}

extension Curve {
    /// Seeded block bootstrap of the fit on its own time scale: 2.5 % and 97.5 % quantiles.
    ///
    /// Residuals are correlated, so that the covariance of the fit alone would be far too narrow.
    /// Blocks of consecutive residuals, as long as the first lag at which their autocorrelation falls
    /// below 1/e (at least n^(1/3)), are drawn with replacement, added to the fitted curve and
    /// fitted again from the solution. Residuals are scaled by the root of their weights, so that
    /// sparse and dense stretches mix fairly. Nil below six points.
    package func interval(
        of fit: TransitionFit, chance: Double, resamples: Int = 200, seed: UInt64 = 0
    ) -> FitInterval? {
        guard count >= 6, resamples >= 40 else { return nil }
        let problem = transitionProblem(chance: chance, timeScale: fit.timeScale)
        let fitted = problem.x.map { fit.curve.value(at: $0) }
        let roots = problem.weights.map { max($0, 1e-12).squareRoot() }
        let residuals = values.indices.map { (values[$0] - fitted[$0]) * roots[$0] }
        let length = blockLength(residuals)
        var generator = ProbeGenerator(seed: seed)
        var curves: [LogisticCurve] = []
        for _ in 0..<resamples {
            var sample: [Double] = []
            while sample.count < count {
                let start = generator.index(below: count - length + 1)
                sample += residuals[start..<start + length]
            }
            let resampled = LogisticProblem(
                x: problem.x, y: values.indices.map { fitted[$0] + sample[$0] / roots[$0] },
                weights: problem.weights, scale: problem.scale, lowerBound: problem.lowerBound,
                upperBound: problem.upperBound)
            let solution = resampled.minimum(from: fit.curve, maximumIterations: 40)
            if solution.cost.isFinite { curves.append(solution.curve) }
        }
        guard curves.count >= 40 else { return nil }
        func range(_ value: (LogisticCurve) -> Double) -> ClosedRange<Double> {
            let sorted = curves.map(value).sorted()
            return quantile(sorted, 0.025)...quantile(sorted, 0.975)
        }
        let scale = fit.timeScale
        let widths = curves.compactMap { $0.widthDecades(on: scale) }.sorted()
        return FitInterval(
            midpointStep: range { scale.step(at: $0.midpoint) }, steepness: range(\.steepness),
            widthDecades: widths.count == curves.count
                ? quantile(widths, 0.025)...quantile(widths, 0.975) : nil,
            blockLength: length, resampleCount: curves.count)
    }

    private func blockLength(_ residuals: [Double]) -> Int {
        let power = residuals.reduce(0) { $0 + $1 * $1 }
        let shortest = Int(pow(Double(residuals.count), 1.0 / 3).rounded(.up))
        let longest = max(shortest, residuals.count / 4)
        guard power > 0 else { return shortest }
        let lag = (1..<max(2, longest)).first { lag in
            let product = zip(residuals, residuals.dropFirst(lag)).reduce(0) { $0 + $1.0 * $1.1 }
            return product / power < exp(-1)
        }
        return max(shortest, lag ?? longest)
    }

    /// The interval of the midpoint that the evaluations alone allow: those around the first
    /// crossing of the middle of the fitted levels.
    ///
    /// Where it disagrees with the fit's interval, the union of both is the honest answer. Nil when
    /// the curve never crosses the middle.
    package func midpointBracket(of fit: TransitionFit) -> ClosedRange<Double>? {
        let crossing = crossings(of: 0.5 * (fit.curve.lower + fit.curve.upper)).first
        guard let step = crossing.step else { return nil }
        return Double(crossing.lastBefore ?? step)...Double(step)
    }

    /// The interval to report for the midpoint: the bootstrap's, joined with the evaluations'
    /// where the two do not overlap.
    package func midpointInterval(
        of fit: TransitionFit, bootstrap: FitInterval
    ) -> ClosedRange<Double> {
        guard let bracket = midpointBracket(of: fit), !bracket.overlaps(bootstrap.midpointStep)
        else { return bootstrap.midpointStep }
        return min(
            bracket.lowerBound, bootstrap.midpointStep.lowerBound)...max(
                bracket.upperBound, bootstrap.midpointStep.upperBound)
    }
}
