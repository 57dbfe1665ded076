package import ArrayMath
internal import Foundation

/// The abscissa of a transition fit.
package enum TimeScale: String, Sendable, Codable {
    /// x = log10(step + 1): steepness in 1/decade.
    case logarithmic
    /// x = step: steepness in 1/step.
    case linear

    /// The step at a place on the abscissa.
    package func step(at x: Double) -> Double { self == .linear ? x : pow(10, x) - 1 }
}

extension LogisticCurve {
    /// The width from 10 % to 90 % of the rise in decades of step + 1: ln 81 / k for the
    /// logarithmic scale.
    ///
    /// Nil when a linear fit starts before step 0.
    package func widthDecades(on scale: TimeScale) -> Double? {
        guard scale == .linear else { return log(81) / steepness }
        let (start, end) = (position(ofShare: 0.1), position(ofShare: 0.9))
        return start > -1 ? log10((end + 1) / (start + 1)) : nil
    }
}

/// A logistic fit of the rise of a test accuracy.
package struct TransitionFit: Sendable, Equatable {
    package let timeScale: TimeScale
    /// Levels c and d, steepness k in 1/decade (or 1/step), midpoint t in x.
    package let curve: LogisticCurve
    /// Root of the weighted mean square of the residuals, in units of accuracy.
    package let rmse: Double
    /// 1 − weighted residual over weighted total sum of squares.
    package let rSquared: Double
    /// Corrected Akaike criterion n ln(rmse²) + 2K + 2K(K+1)/(n − K − 1), K = 5.
    package let aicc: Double
    /// Evaluations whose x lies where the fit makes 10 % to 90 % of its rise.
    package let pointsInside: Int

    /// The step at the middle of the rise.
    package var midpointStep: Double { timeScale.step(at: curve.midpoint) }
    /// The steps where 10 % and 90 % of the rise are made.
    package var tenPercentStep: Double { timeScale.step(at: curve.position(ofShare: 0.1)) }
    package var ninetyPercentStep: Double { timeScale.step(at: curve.position(ofShare: 0.9)) }

    /// The width from 10 % to 90 % of the rise in decades of step + 1: ln 81 / k for the
    /// logarithmic scale.
    ///
    /// Nil when a linear fit starts before step 0.
    package var widthDecades: Double? { curve.widthDecades(on: timeScale) }
}

/// Why there is no fit.
package enum FitRefusal: String, Sendable, Codable {
    /// Fewer than six points, or all at one step.
    case tooFewPoints = "too few points"
    /// The rise is smaller than 0.05 or than three times the scatter around the fit.
    case noTransition = "no transition"
    /// RMSE above 0.05.
    case poorFit = "poor fit"
    /// The midpoint lies outside the measured steps.
    case midpointOutside = "midpoint outside the data"
    /// Fewer than three evaluations between 10 % and 90 % of the rise.
    case unresolved = "fewer than three points in the transition"
}

/// A fit, or the reason for refusing one.
package enum FitOutcome: Sendable, Equatable {
    case fit(TransitionFit)
    case refused(FitRefusal)

    package var fit: TransitionFit? {
        if case .fit(let fit) = self { fit } else { nil }
    }
}

extension Curve {
    /// Residuals well above this count linearly.
    package static let robustScale = 0.1

    /// The least-squares problem of a rise from about `chance`: bounds 0 ≤ c ≤ chance + 0.1 (1 where
    /// the chance is unknown), 0 ≤ d ≤ 1, k > 0, weights half the gap in x, robust loss `soft_l1` of
    /// scale 0.1.
    ///
    /// Linear time uses the same weights, so that both fits explain the same weighted data.
    package func transitionProblem(chance: Double?, timeScale: TimeScale) -> LogisticProblem {
        let x = timeScale == .logarithmic ? positions : steps.map(Double.init)
        let (first, last) = (x.first ?? 0, x.last ?? 1)
        let span = max(last - first, .leastNormalMagnitude)
        return LogisticProblem(
            x: x, y: values, weights: halfGapWeights, scale: Self.robustScale,
            lowerBound: LogisticCurve(
                lower: 0, upper: 0, steepness: 1e-3 / span, midpoint: first - span),
            upperBound: LogisticCurve(
                lower: min((chance ?? 1) + 0.1, 1), upper: 1, steepness: 1e5 / span,
                midpoint: last + span))
    }

    /// The best local minimum over several starts, without judging it; nil below six points.
    package func logisticMinimum(
        of problem: LogisticProblem
    ) -> LogisticProblem.Solution? {
        guard count >= 6, let first = problem.x.first, let last = problem.x.last, first < last
        else { return nil }
        let starts = startCurves(of: problem, span: last - first)
        // A thinned curve chooses the basin, the whole curve gives the minimum.
        guard count > 96 else { return best(starts.map { problem.minimum(from: $0) }) }
        let thinned = thinnedProblem(problem, count: 48)
        let coarse = starts.map { thinned.minimum(from: $0, maximumIterations: 30) }
            .map { (curve: $0.curve, cost: problem.cost(of: $0.curve)) }
            .sorted { $0.cost < $1.cost }
        var polished = [problem.minimum(from: coarse[0].curve)]
        for other in coarse.dropFirst() {
            let distance = abs(other.curve.midpoint - coarse[0].curve.midpoint)
            let ratio = other.curve.steepness / coarse[0].curve.steepness
            let isDistinct = distance > 0.02 * (last - first) || ratio > 1.5 || ratio < 1 / 1.5
            // A basin whose start is much worse does not win after polishing.
            if isDistinct, other.cost < 1.3 * coarse[0].cost {
                polished.append(problem.minimum(from: other.curve))
            }
        }
        return best(polished)
    }

    private func best(_ solutions: [LogisticProblem.Solution]) -> LogisticProblem.Solution? {
        solutions.filter { $0.cost.isFinite }.min { $0.cost < $1.cost }
    }

    private func startCurves(of problem: LogisticProblem, span: Double) -> [LogisticCurve] {
        let ordered = values.sorted()
        let low = ordered[ordered.count / 10]
        let high = ordered[ordered.count - 1 - ordered.count / 50]
        func position(_ share: Double) -> Double {
            let level = low + share * (high - low)
            let index = values.firstIndex { $0 >= level } ?? count / 2
            return problem.x[index]
        }
        let width = max(position(0.85) - position(0.15), span * 1e-3)
        let steepness = 3.5 / width
        let middle = problem.x[0] + span / 2
        return [(position(0.5), 1.0), (position(0.5), 4), (position(0.5), 0.25), (middle, 1)].map {
            LogisticCurve(lower: low, upper: high, steepness: steepness * $0.1, midpoint: $0.0)
        }
    }

    private func thinnedProblem(_ problem: LogisticProblem, count kept: Int) -> LogisticProblem {
        // Spread over the rows: means of blocks keep what every point says about the basin.
        let edges = (0...kept).map { $0 * count / kept }
        var (x, y, weights) = ([Double](), [Double](), [Double]())
        for (start, end) in zip(edges, edges.dropFirst()) {
            let total = problem.weights[start..<end].reduce(0, +)
            guard total > 0 else { continue }
            x.append((start..<end).reduce(0) { $0 + problem.weights[$1] * problem.x[$1] } / total)
            y.append((start..<end).reduce(0) { $0 + problem.weights[$1] * problem.y[$1] } / total)
            weights.append(total)
        }
        return LogisticProblem(
            x: x, y: y, weights: weights, scale: problem.scale, lowerBound: problem.lowerBound,
            upperBound: problem.upperBound)
    }

    /// Fits the four-parameter logistic to this accuracy curve, or says why there is no fit.
    ///
    /// `chance` is the accuracy of always giving the commonest label, nil where it is unknown. Points
    /// with infinite values refuse the fit as poor.
    package func transitionFit(
        chance: Double?, timeScale: TimeScale = .logarithmic
    ) -> FitOutcome {
        guard values.allSatisfy(\.isFinite) else { return .refused(.poorFit) }
        let problem = transitionProblem(chance: chance, timeScale: timeScale)
        guard let solution = logisticMinimum(of: problem) else { return .refused(.tooFewPoints) }
        return judged(solution.curve, problem, timeScale)
    }

    func judged(
        _ curve: LogisticCurve, _ problem: LogisticProblem, _ timeScale: TimeScale
    ) -> FitOutcome {
        let weight = problem.weights.reduce(0, +)
        let mean = zip(problem.weights, values).reduce(0) { $0 + $1.0 * $1.1 } / weight
        var (residual, total) = (0.0, 0.0)
        for index in values.indices {
            let miss = curve.value(at: problem.x[index]) - values[index]
            residual += problem.weights[index] * miss * miss
            total += problem.weights[index] * (values[index] - mean) * (values[index] - mean)
        }
        let rmse = (residual / weight).squareRoot()
        let rise = curve.upper - curve.lower
        guard rise >= max(0.05, 3 * rmse) else { return .refused(.noTransition) }
        guard rmse <= 0.05 else { return .refused(.poorFit) }
        guard let first = problem.x.first, let last = problem.x.last, curve.midpoint >= first,
            curve.midpoint <= last
        else { return .refused(.midpointOutside) }
        let (ten, ninety) = (curve.position(ofShare: 0.1), curve.position(ofShare: 0.9))
        let inside = problem.x.count { $0 >= ten && $0 <= ninety }
        guard inside >= 3 else { return .refused(.unresolved) }
        let points = Double(count)
        let aicc =
            points > 6
            ? points * log(max(rmse * rmse, 1e-30)) + 10 + 60 / (points - 6) : .infinity
        return .fit(
            TransitionFit(
                timeScale: timeScale, curve: curve, rmse: rmse,
                rSquared: total > 0 ? 1 - residual / total : 0, aicc: aicc, pointsInside: inside))
    }
}
