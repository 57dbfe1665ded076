internal import Foundation

/// A time that was observed, or only known to be later than the end of the run.
package struct CensoredTime: Sendable, Equatable {
    package let time: Double
    /// False for a run that ended at `time` without reaching the event.
    package let isReached: Bool

    package init(_ time: Double, isReached: Bool) {
        self.time = time
        self.isReached = isReached
    }
}

/// The Kaplan–Meier estimate of the share of runs that have not reached an event yet.
package struct SurvivalCurve: Sendable, Equatable {
    /// One step of the curve: just after `time` the share `survival` is left.
    package struct Step: Sendable, Equatable {
        package let time: Double
        package let survival: Double
        /// Greenwood's standard error of `survival`.
        package let standardError: Double
        /// The 95 % interval on the log(−log) scale; nil where the share is 0.
        package let interval: ClosedRange<Double>?
    }

    /// At each event time, rising.
    package let steps: [Step]
    package let count: Int
    package let reachedCount: Int

    /// S(t) = Π (1 − d_i / n_i) over event times t_i ≤ t; a time censored at t_i still counts as at
    /// risk there (Kaplan and Meier 1958).
    ///
    /// No times give no steps.
    package init(_ times: [CensoredTime]) {
        var (survival, greenwood) = (1.0, 0.0)
        var steps: [Step] = []
        for time in Set(times.filter(\.isReached).map(\.time)).sorted() {
            let atRisk = Double(times.count { $0.time >= time })
            let events = Double(times.count { $0.isReached && $0.time == time })
            survival *= 1 - events / atRisk
            if atRisk > events { greenwood += events / (atRisk * (atRisk - events)) }
            var interval: ClosedRange<Double>?
            if survival > 0, survival < 1 {
                let spread = 1.959_963_984_540_054 * greenwood.squareRoot() / abs(log(survival))
                interval = pow(survival, exp(spread))...pow(survival, exp(-spread))
            }
            steps.append(
                Step(
                    time: time, survival: survival,
                    standardError: survival * greenwood.squareRoot(), interval: interval))
        }
        self.steps = steps
        count = times.count
        reachedCount = times.count(where: \.isReached)
    }

    /// The first time at which at most half are left; nil when more than half never reach it.
    package var median: Double? { steps.first { $0.survival <= 0.5 }?.time }

    /// The 95 % interval of the median (Brookmeyer and Crowley 1982): times at which the interval of
    /// the curve holds one half.
    ///
    /// An end that the data do not bound is nil.
    package var medianInterval: (low: Double?, high: Double?) {
        let low = steps.first { ($0.interval?.lowerBound ?? 0) <= 0.5 }?.time
        let high = steps.first { ($0.interval?.upperBound ?? 0) < 0.5 }?.time
        return (low, high)
    }
}

/// The 95 % Wilson interval of a share k of n; nil for n = 0.
///
/// Centre (k + z²/2) / (n + z²), half width z √(k (n − k) / n + z²/4) / (n + z²).
package func wilsonInterval(successes: Int, of count: Int) -> ClosedRange<Double>? {
    guard count > 0, successes >= 0, successes <= count else { return nil }
    let z = 1.959_963_984_540_054
    let (hits, total) = (Double(successes), Double(count))
    let centre = (hits + z * z / 2) / (total + z * z)
    let half = z * (hits * (total - hits) / total + z * z / 4).squareRoot() / (total + z * z)
    // Exactly 0 and 1 at the ends, where rounding would leave a trace.
    return (successes == 0 ? 0 : centre - half)...(successes == count ? 1 : centre + half)
}

/// The geometric mean of reached times; nil when any is censored, or none is given.
package func geometricMean(_ times: [CensoredTime]) -> Double? {
    guard !times.isEmpty, times.allSatisfy({ $0.isReached && $0.time > 0 }) else { return nil }
    return exp(times.reduce(0) { $0 + log($1.time) } / Double(times.count))
}
