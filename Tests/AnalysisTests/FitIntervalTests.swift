import Analysis
import Foundation
import TestSupport
import Testing

struct FitIntervalTests {
    private let steps = (0..<120).map { Int(pow(10, 5 * Double($0) / 119)) }

    private func noisy(seed: Int, correlation: Double) -> Curve {
        var generator = SeededGenerator(seed: seed)
        var noise = 0.0
        let values = steps.map { step in
            noise = correlation * noise + Double.random(in: -0.02...0.02, using: &generator)
            return 0.02 + 0.95 / (1 + exp(-8 * (log10(Double(step) + 1) - 3.5))) + noise
        }
        return Curve(steps: steps, values: values)
    }

    @Test("the interval of the midpoint holds the truth about as often as it says")
    func coverage() throws {
        let truth = pow(10, 3.5) - 1
        var hits = 0
        for seed in 0..<40 {
            let curve = noisy(seed: seed, correlation: 0.5)
            let fit = try #require(curve.transitionFit(chance: 0.01).fit)
            let interval = try #require(
                curve.interval(of: fit, chance: 0.01, resamples: 80, seed: 1))
            #expect(interval.midpointStep.contains(fit.midpointStep))
            if interval.midpointStep.contains(truth) { hits += 1 }
        }
        // Binomial(40, 0.95) is below 31 with probability 2e-4; block bootstraps run a little short.
        #expect(hits >= 31)
    }

    @Test("equal seeds give equal intervals, correlated residuals longer blocks")
    func seedsAndBlocks() throws {
        let curve = noisy(seed: 3, correlation: 0.95)
        let fit = try #require(curve.transitionFit(chance: 0.01).fit)
        let one = try #require(curve.interval(of: fit, chance: 0.01, seed: 5))
        #expect(one == curve.interval(of: fit, chance: 0.01, seed: 5))
        #expect(one != curve.interval(of: fit, chance: 0.01, seed: 6))
        #expect(one.blockLength >= 5)
        let bracket = try #require(curve.midpointBracket(of: fit))
        let reported = curve.midpointInterval(of: fit, bootstrap: one)
        #expect(reported.contains(one.midpointStep.lowerBound))
        #expect(bracket.lowerBound < bracket.upperBound)
    }

    @Test("phases follow their rules")
    func phases() {
        let checkpoints = [0, 100, 1000, 5000, 10_000]
        let boundaries = PhaseBoundaries(
            excludedTrainLoss: Curve(steps: checkpoints, values: [5, 1, 0.1, 2, 0.01]),
            restrictedLoss: Curve(steps: checkpoints, values: [5, 9, 8, 2, 0]),
            testLoss: Curve(steps: [0, 500, 6000, 9000], values: [4.6, 20, 4, 0.01]),
            testAccuracy: Curve(steps: [0, 500, 6000, 9000], values: [0, 0, 0.5, 1]),
            classCount: 113)
        #expect(boundaries.memorisationEnd == 1000)
        #expect(boundaries.restrictedPeak == 100)
        #expect(boundaries.cleanUpStart == 6000)
        #expect(boundaries.cleanUpEnd == 9000)
        let rows = boundaries.measurements(
            weightNorm: Curve(steps: checkpoints, values: [1, 2, 3, 4, 5]))
        #expect(rows.value("phase_weight_norm", subject: "clean_up_start") == 4)
        let empty = Curve(steps: [], values: [])
        let nothing = PhaseBoundaries(
            excludedTrainLoss: empty, restrictedLoss: empty, testLoss: empty, testAccuracy: empty,
            classCount: 113)
        #expect(nothing.cleanUpStart == nil && nothing.memorisationEnd == nil)
    }
}
