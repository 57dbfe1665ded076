import Analysis
import ArrayMath
import Foundation
import TestSupport
import Testing

struct FitIntervalTests {
    /// A way to measure an accuracy: when, how noisily, and how much the noise carries over.
    struct Setting: Sendable, CustomTestStringConvertible {
        enum Noise: Sendable {
            case constant(Double)
            /// Counting right answers among so many rows.
            case binomial(Int)
        }

        let isLogarithmic: Bool
        let count: Int
        let noise: Noise
        let autocorrelation: Double

        /// Accuracies along a known rise, and the step of its middle.
        func curve(seed: Int) -> (curve: Curve, truth: Double) {
            var generator = ProbeGenerator(seed: UInt64(seed))
            let steps: [Int] =
                isLogarithmic
                ? Array(
                    Set(
                        (0..<count).map {
                            Int(pow(10, 5 * Double($0) / Double(count - 1)).rounded())
                        })
                ).sorted() : (0..<count).map { $0 * (20_000 / count) }
            let width = count < 100 ? 900.0 : 300
            var carried = 0.0
            let values = steps.enumerated().map { place, step -> Double in
                let share =
                    isLogarithmic
                    ? 0.02 + 0.95 / (1 + exp(-8 * (log10(Double(step) + 1) - 3.5)))
                    : 0.08 + 0.82 / (1 + exp(-(Double(step) - 6_000) / width))
                let fresh = generator.normals(1)[0]
                let rest = (1 - autocorrelation * autocorrelation).squareRoot()
                carried = place == 0 ? fresh : autocorrelation * carried + rest * fresh
                switch noise {
                case .constant(let deviation): return share + deviation * carried
                case .binomial(let rows) where autocorrelation == 0:
                    let hits = (0..<rows).count { _ in generator.uniform() < share }
                    return Double(hits) / Double(rows)
                case .binomial(let rows):
                    return share + (share * (1 - share) / Double(rows)).squareRoot() * carried
                }
            }
            let truth = isLogarithmic ? pow(10, 3.5) - 1 : 6_000
            return (Curve(steps: steps, values: values), truth)
        }

        /// The share of repeats whose interval holds the true midpoint, with the true time scale or
        /// with the one that the criterion chooses.
        func coverage(repeats: Int, choosesScale: Bool = false) -> Double {
            var (hits, fits) = (0, 0)
            for seed in 0..<repeats {
                let (curve, truth) = curve(seed: seed)
                let scale: TimeScale = isLogarithmic ? .logarithmic : .linear
                let scales: [TimeScale] = choosesScale ? [.logarithmic, .linear] : [scale]
                let found = scales.compactMap {
                    curve.transitionFit(chance: nil, timeScale: $0).fit
                }
                guard let fit = found.min(by: { $0.aicc < $1.aicc }),
                    let interval = curve.interval(of: fit, chance: nil)
                else { continue }
                fits += 1
                if interval.midpointStep.contains(truth) { hits += 1 }
            }
            return Double(hits) / Double(max(fits, 1))
        }

        var testDescription: String {
            let kind =
                switch noise {
                case .constant(let deviation): "constant \(deviation)"
                case .binomial(let rows): "binomial \(rows)"
                }
            return "\(isLogarithmic ? "log" : "linear") \(count), \(kind), ρ \(autocorrelation)"
        }

        /// The table of the documentation; the first two are tested always.
        static let all = [
            Setting(
                isLogarithmic: true, count: 60, noise: .binomial(500), autocorrelation: 0),
            Setting(
                isLogarithmic: false, count: 200, noise: .constant(0.02), autocorrelation: 0.8),
            Setting(
                isLogarithmic: true, count: 300, noise: .binomial(6_586), autocorrelation: 0),
            Setting(
                isLogarithmic: false, count: 500, noise: .constant(0.02), autocorrelation: 0),
            Setting(
                isLogarithmic: true, count: 120, noise: .constant(0.02), autocorrelation: 0.8),
            Setting(
                isLogarithmic: false, count: 100, noise: .binomial(2_000), autocorrelation: 0.8),
            Setting(
                isLogarithmic: true, count: 30, noise: .binomial(500), autocorrelation: 0),
            Setting(
                isLogarithmic: false, count: 50, noise: .constant(0.02), autocorrelation: 0),
        ]
    }

    @Test(
        "the 95 % interval of the midpoint holds the truth 92 to 98 times in a hundred",
        arguments: Setting.all.prefix(2))
    func coverage(setting: Setting) {
        let coverage = setting.coverage(repeats: 250)
        #expect(coverage >= 0.92 && coverage <= 0.98, "\(setting) \(coverage)")
    }

    /// Settings that no choice of the method was made on: the last table of the documentation.
    static let others = [
        Setting(isLogarithmic: true, count: 40, noise: .constant(0.02), autocorrelation: 0),
        Setting(isLogarithmic: false, count: 80, noise: .constant(0.01), autocorrelation: 0),
        Setting(isLogarithmic: false, count: 60, noise: .binomial(500), autocorrelation: 0),
        Setting(isLogarithmic: false, count: 300, noise: .binomial(1_000), autocorrelation: 0.5),
        Setting(isLogarithmic: true, count: 100, noise: .constant(0.02), autocorrelation: 0.5),
        Setting(isLogarithmic: true, count: 200, noise: .binomial(1_000), autocorrelation: 0.8),
        Setting(isLogarithmic: false, count: 120, noise: .constant(0.02), autocorrelation: 0.3),
        Setting(isLogarithmic: true, count: 60, noise: .constant(0.03), autocorrelation: 0),
    ]

    /// The whole table: `CAIRN_COVERAGE=1 swift test --filter coverageTable` prints it.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["CAIRN_COVERAGE"] != nil,
            "CAIRN_COVERAGE is not set"))
    func coverageTable() {
        for setting in Setting.all + Self.others {
            let coverage = setting.coverage(repeats: 250)
            let chosen = setting.coverage(repeats: 250, choosesScale: true)
            print("| \(setting.testDescription) | \(coverage) | \(chosen) |")
            #expect(coverage >= 0.92 && coverage <= 0.98, "\(setting) \(coverage)")
            #expect(chosen >= 0.92 && chosen <= 0.98, "\(setting) \(chosen)")
        }
    }

    @Test("the interval says what it found of the noise, and when it is finer than the data")
    func noiseAndSpacing() throws {
        let correlated = Setting(
            isLogarithmic: true, count: 300, noise: .constant(0.02), autocorrelation: 0.9
        ).curve(seed: 3).curve
        let fit = try #require(correlated.transitionFit(chance: 0.01).fit)
        let interval = try #require(correlated.interval(of: fit, chance: 0.01))
        #expect(interval.autocorrelation > 0.7 && interval.binomialShare < 0.5)
        #expect(interval == correlated.interval(of: fit, chance: 0.01))
        #expect(interval.steepness.contains(fit.curve.steepness))
        let counted = Setting(
            isLogarithmic: true, count: 300, noise: .binomial(500), autocorrelation: 0
        ).curve(seed: 3).curve
        let second = try #require(counted.transitionFit(chance: 0.01).fit)
        let other = try #require(counted.interval(of: second, chance: 0.01))
        #expect(other.autocorrelation < 0.3 && other.binomialShare > 0.9)
        // Hardly any noise and few evaluations: the sigmoid says more than they do.
        let sparse = (0..<24).map { Int(pow(10, 5 * Double($0) / 23)) }
        let exact = Curve(
            steps: sparse,
            values: sparse.map {
                0.02 + 0.95 / (1 + exp(-5 * (log10(Double($0) + 1) - 3.5)))
                    + 1e-4 * sin(Double($0))
            })
        let third = try #require(exact.transitionFit(chance: 0.01).fit)
        let narrow = try #require(exact.interval(of: third, chance: 0.01))
        #expect(narrow.isFinerThanData)
        #expect(narrow.spacing > 0 && narrow.spacing < 2000)
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
