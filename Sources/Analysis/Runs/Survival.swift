internal import ArrayMath
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
    }

    /// At each event time, rising.
    package let steps: [Step]
    package let count: Int
    package let reachedCount: Int
    /// The first time at which at most half are left; nil when more than half never reach it.
    ///
    /// The share is compared as the exact fraction that it is: of 28 runs that reach it one after the
    /// other, exactly half are left after the 14th.
    package let median: Double?
    /// The 95 % interval of the median: times at which the interval of the curve holds one half.
    ///
    /// The interval of the curve is the beta product (Fay, Brittain and Proschan 2013, with matched
    /// moments), which without censoring is that of Clopper and Pearson: it covers for every number of
    /// runs. An end that the data do not bound is nil; fewer than six runs bound neither.
    package let medianInterval: (low: Double?, high: Double?)

    /// S(t) = Π (1 − d_i / n_i) over event times t_i ≤ t; a time censored at t_i still counts as at
    /// risk there (Kaplan and Meier 1958).
    ///
    /// No times give no steps.
    package init(_ times: [CensoredTime]) {
        var greenwood = 0.0
        var steps: [Step] = []
        var (left, all) = (ExactProduct(), ExactProduct())
        var share = BetaProduct()
        var (median, low, high): (Double?, Double?, Double?)
        let observed = Set(times.map(\.time)).sorted()
        // With few runs even the time before the first event may lie beyond the median.
        let isBounded = !share.lowerTailIsReached(nextAtRisk: times.count)
        for time in observed {
            let atRisk = times.count { $0.time >= time }
            let events = times.count { $0.isReached && $0.time == time }
            let after = times.count { $0.time > time }
            if events > 0 {
                left.multiply(by: UInt32(clamping: atRisk - events))
                all.multiply(by: UInt32(clamping: atRisk))
                if atRisk > events {
                    greenwood += Double(events) / (Double(atRisk) * Double(atRisk - events))
                }
                let survival = left.ratio(to: all)
                steps.append(
                    Step(
                        time: time, survival: survival,
                        standardError: survival * greenwood.squareRoot()))
                var twice = left
                twice.multiply(by: 2)
                if median == nil, !(twice > all) { median = time }
                share.multiply(byBeta: Double(atRisk - events + 1), Double(events))
                if high == nil, share.upperTailIsBelowHalf { high = time }
            }
            if isBounded, low == nil, share.lowerTailIsReached(nextAtRisk: after) { low = time }
        }
        self.steps = steps
        self.median = median
        medianInterval = (low, high)
        count = times.count
        reachedCount = times.count(where: \.isReached)
    }

    package static func == (one: SurvivalCurve, other: SurvivalCurve) -> Bool {
        one.steps == other.steps && one.count == other.count
            && one.reachedCount == other.reachedCount && one.median == other.median
            && one.medianInterval == other.medianInterval
    }
}

/// A product of whole numbers, exactly: base 2³², the lowest digit first.
private struct ExactProduct: Comparable {
    private var digits: [UInt32] = [1]

    mutating func multiply(by factor: UInt32) {
        var carry: UInt64 = 0
        for place in digits.indices {
            let product = UInt64(digits[place]) * UInt64(factor) + carry
            digits[place] = UInt32(truncatingIfNeeded: product)
            carry = product >> 32
        }
        if carry > 0 { digits.append(UInt32(carry)) }
        while digits.count > 1, digits.last == 0 { digits.removeLast() }
    }

    static func < (one: ExactProduct, other: ExactProduct) -> Bool {
        guard one.digits.count == other.digits.count else {
            return one.digits.count < other.digits.count
        }
        return one.digits.reversed().lexicographicallyPrecedes(other.digits.reversed())
    }

    /// This product over another, to rounding.
    func ratio(to other: ExactProduct) -> Double {
        func leading(_ digits: [UInt32]) -> (value: Double, power: Int) {
            let kept = digits.suffix(4)
            return (
                kept.reversed().reduce(0) { $0 * 0x1p32 + Double($1) }, digits.count - kept.count
            )
        }
        let (above, below) = (leading(digits), leading(other.digits))
        return above.value / below.value * pow(2, 32 * Double(above.power - below.power))
    }
}

/// The distribution of a product of independent beta variables, as the one beta variable with its
/// mean and second moment.
private struct BetaProduct {
    private var mean = 1.0
    private var secondMoment = 1.0

    mutating func multiply(byBeta first: Double, _ second: Double) {
        let sum = first + second
        mean *= first / sum
        secondMoment *= first * (first + 1) / (sum * (sum + 1))
    }

    /// The chance of at most one half.
    private var chanceOfHalf: Double {
        guard mean > 0 else { return 1 }
        guard mean < 1 else { return 0 }
        let spread = secondMoment - mean * mean
        guard spread > 0 else { return mean <= 0.5 ? 1 : 0 }
        let total = mean * (1 - mean) / spread - 1
        return incompleteBeta(mean * total, (1 - mean) * total, at: 0.5)
    }

    /// Whether the upper end of the share's 95 % interval lies below one half.
    var upperTailIsBelowHalf: Bool { chanceOfHalf > 0.975 }

    /// Whether the lower end, which allows for the next event among those still at risk, has come down
    /// to one half.
    func lowerTailIsReached(nextAtRisk count: Int) -> Bool {
        guard count > 0 else { return true }
        var lower = self
        lower.multiply(byBeta: Double(count), 1)
        return lower.chanceOfHalf >= 0.025
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
