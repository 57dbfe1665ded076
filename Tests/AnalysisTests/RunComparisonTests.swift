import Analysis
import Foundation
import TestSupport
import Testing

struct RunComparisonTests {
    /// Remission of leukaemia patients under 6-MP in weeks (Freireich and others 1963), the worked
    /// example of survival textbooks.
    private let remission: [CensoredTime] =
        [6, 6, 6, 7, 10, 13, 16, 22, 23].map { CensoredTime($0, isReached: true) }
        + [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map { CensoredTime($0, isReached: false) }

    @Test("Kaplan–Meier agrees with the textbook example")
    func kaplanMeier() {
        let curve = SurvivalCurve(remission)
        #expect(curve.count == 21)
        #expect(curve.reachedCount == 9)
        let expected = [
            (6.0, 0.8571, 0.0764), (7, 0.8067, 0.0869), (10, 0.7529, 0.0963), (13, 0.6902, 0.1068),
            (16, 0.6275, 0.1141), (22, 0.5378, 0.1282), (23, 0.4482, 0.1346),
        ]
        #expect(curve.steps.count == expected.count)
        for (step, (time, survival, error)) in zip(curve.steps, expected) {
            #expect(step.time == time)
            #expect(abs(step.survival - survival) < 5e-5)
            #expect(abs(step.standardError - error) < 5e-5)
        }
        #expect(curve.median == 23)
        // The beta product of an independent program (SciPy's beta distribution).
        #expect(curve.medianInterval.low == 11)
        #expect(curve.medianInterval.high == nil)
    }

    @Test("the median is decided by exact fractions")
    func exactMedian() {
        for half in 1...40 {
            let times = (1...2 * half).map { CensoredTime(Double($0), isReached: true) }
            #expect(SurvivalCurve(times).median == Double(half))
        }
        // 2/3 · 3/4 = 1/2 over a censored time.
        let censored = [
            (1.0, true), (2, true), (2.5, false), (3, true), (4, true), (5, false), (6, false),
        ].map { CensoredTime($0.0, isReached: $0.1) }
        #expect(SurvivalCurve(Array(censored.prefix(4))).median == 2)
        #expect(SurvivalCurve(censored.map { $0 }).median == 4)
    }

    @Test("few runs bound no median, more bound it as order statistics do")
    func medianIntervals() {
        func interval(_ count: Int) -> (low: Double?, high: Double?) {
            SurvivalCurve((1...count).map { CensoredTime(Double($0), isReached: true) })
                .medianInterval
        }
        for count in 1...5 {
            #expect(interval(count).low == nil && interval(count).high == nil)
        }
        // Without censoring the interval of order statistics (binomial, at least 95 %).
        for (count, low, high) in [(6, 1.0, 6.0), (10, 2, 9), (28, 9, 20)] {
            #expect(interval(count).low == low && interval(count).high == high)
        }
        // All censored: the median is later than the last.
        let none = SurvivalCurve(
            [CensoredTime](repeating: CensoredTime(9, isReached: false), count: 8))
        #expect(none.medianInterval.low == 9 && none.medianInterval.high == nil)
    }

    @Test("the interval of the median covers, with and without censoring", arguments: [6, 10, 30])
    func medianCoverage(count: Int) {
        var generator = SeededGenerator(seed: count)
        func exponential(_ mean: Double) -> Double {
            -mean * log(1 - Double.random(in: 0..<1, using: &generator))
        }
        for isCensored in [false, true] {
            var hits = 0
            for _ in 0..<400 {
                let times = (0..<count).map { _ -> CensoredTime in
                    let (time, end) = (exponential(1), isCensored ? exponential(2) : .infinity)
                    return CensoredTime(min(time, end), isReached: time <= end)
                }
                let (low, high) = SurvivalCurve(times).medianInterval
                if (low ?? 0) <= log(2), log(2) <= high ?? .infinity { hits += 1 }
            }
            // Of 400 at a true coverage of 0.95 fewer than 366 have a chance of 0.1 %.
            #expect(hits >= 366, "\(count) \(isCensored) \(hits)")
        }
    }

    @Test("no runs, all censored and one run have defined medians")
    func kaplanMeierEdges() {
        #expect(SurvivalCurve([]).median == nil)
        #expect(SurvivalCurve([CensoredTime(5, isReached: false)]).median == nil)
        #expect(SurvivalCurve([CensoredTime(5, isReached: true)]).median == 5)
        #expect(
            geometricMean([CensoredTime(4, isReached: true), CensoredTime(9, isReached: true)])
                .map { abs($0 - 6) < 1e-12 } == true)
        #expect(geometricMean(remission) == nil)
        #expect(geometricMean([]) == nil)
    }

    @Test("Wilson intervals of known shares")
    func wilson() throws {
        let interval = try #require(wilsonInterval(successes: 8, of: 10))
        #expect(abs(interval.lowerBound - 0.4901625) < 1e-6)
        #expect(abs(interval.upperBound - 0.9433178) < 1e-6)
        #expect(wilsonInterval(successes: 0, of: 3)?.lowerBound == 0)
        #expect(wilsonInterval(successes: 3, of: 3)?.upperBound == 1)
        #expect(wilsonInterval(successes: 0, of: 0) == nil)
    }

    @Test("bands hold the previous value and end where runs end")
    func bands() {
        let curves = [
            Curve(steps: [0, 9, 99], values: [0, 0.5, 1]),
            Curve(steps: [0, 9], values: [0.2, 0.4]),
            Curve(steps: [0, 9, 99], values: [0.1, 0.9, 1]), Curve(steps: [], values: []),
        ]
        let band = seedBand(of: curves, pointCount: 3)
        #expect(band.positions.map { $0.rounded() } == [0, 9, 99])
        #expect(band.counts == [3, 3, 2])
        #expect(band.median == [0.1, 0.5, 1])
        #expect(abs(band.low[1] - 0.42) < 1e-12 && abs(band.high[1] - 0.82) < 1e-12)
        let aligned = seedBand(of: curves, alignedAt: [9, nil, 9, nil], pointCount: 3)
        #expect(aligned.positions.map { $0.rounded() } == [-1, 0, 1])
        #expect(aligned.counts == [2, 2, 2])
        #expect(seedBand(of: []).positions.isEmpty)
        #expect(seedBand(of: [Curve(steps: [4], values: [0.3])]).median == [0.3])
    }

    @Test("power laws come back with their exponents")
    func scaling() throws {
        let x = [0.1, 0.3, 1, 3, 10]
        let exact = try #require(scalingFit(x: x, y: x.map { 5 * pow($0, -1.5) }))
        #expect(abs(exact.exponent + 1.5) < 1e-12)
        #expect(abs(exact.prefactor - 5) < 1e-11)
        #expect(abs(exact.rSquared - 1) < 1e-12)
        let interval = try #require(exact.exponentInterval)
        #expect(abs(interval.lowerBound + 1.5) < 1e-9 && abs(interval.upperBound + 1.5) < 1e-9)
        let noisy = try #require(scalingFit(x: x, y: [40, 30, 4, 1.3, 0.1], seed: 3))
        #expect(noisy == scalingFit(x: x, y: [40, 30, 4, 1.3, 0.1], seed: 3))
        #expect(noisy.exponentInterval?.contains(noisy.exponent) == true)
        #expect(scalingFit(x: [1, 2], y: [1, 2]) == nil)
        #expect(scalingFit(x: [1, 1, 1], y: [1, 2, 3]) == nil)
        #expect(scalingFit(x: [1, 2, 3, 4], y: [1, .nan, -3, 0]) == nil)
    }

    @Test("the point where a law diverges comes back, and is nil where the data do not bound it")
    func critical() throws {
        let x = [0.25, 0.28, 0.3, 0.4, 0.5, 0.6, 0.8, 0.95]
        let law = try #require(CriticalLaw(x: x, y: x.map { 70 * pow($0 - 0.21, -1.4) }))
        #expect(abs(law.point - 0.21) < 1e-6)
        #expect(abs(law.exponent + 1.4) < 1e-5)
        #expect(abs(law.rSquared - 1) < 1e-9)
        // A plain power law is the law with its point at 0.
        let plain = try #require(CriticalLaw(x: x, y: x.map { 3 * pow($0, -2) }))
        #expect(abs(plain.point) < 1e-6 && abs(plain.exponent + 2) < 1e-5)
        #expect(CriticalLaw(x: [1, 2, 3], y: [3, 2, 1]) == nil)
        #expect(CriticalLaw(x: [1, 2, 3, 4], y: [1, .nan, 2, 0]) == nil)
        // A jump after the smallest x pulls the point to it: no finite distance is best.
        #expect(CriticalLaw(x: [1, 2, 3, 4], y: [1e9, 1, 1, 1]) == nil)
        let noisy = x.enumerated().map { 70 * pow($0.1 - 0.21, -1.4) * ($0.0 % 2 == 0 ? 1.1 : 0.9) }
        let laws = try #require(CriticalLaw.resampled(x: x, y: noisy, seed: 4))
        #expect(laws == CriticalLaw.resampled(x: x, y: noisy, seed: 4))
        let points = laws.map(\.point).sorted()
        #expect(quantile(points, 0.025) < 0.21 && quantile(points, 0.975) > 0.2)
    }
}
