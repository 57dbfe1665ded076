import Figures
import Foundation
import TestSupport
import Testing

/// Axes: places rise with values, ticks cover the range, labels keep apart.
@Suite struct ScaleTests {
    /// A scale of a kind over a range that is drawn from a seed.
    private static func scale(seed: Int) -> Scale {
        var generator = SeededGenerator(seed: seed)
        let decades = Double.random(in: -9...9, using: &generator)
        let width = Double.random(in: 0.05...14, using: &generator)
        switch seed % 4 {
        case 0:
            let low = Double.random(in: -1e4...1e4, using: &generator)
            return Scale(.linear, from: low, to: low + power(decades) + abs(low) * 1e-3)
        case 1:
            return Scale(.logarithmic, from: power(decades), to: power(decades + width))
        case 2:
            return Scale(.symmetricLogarithmic(unit: 1), from: 0, to: 2 + power(min(width, 9)))
        default:
            return Scale(
                .symmetricLogarithmic(unit: power(decades)), from: -power(decades + width),
                to: power(decades + 0.3 * width))
        }
    }

    private static func power(_ exponent: Double) -> Double { pow(10, exponent) }

    @Test(arguments: 0..<400) func placesRiseWithValues(seed: Int) {
        let scale = ScaleTests.scale(seed: seed)
        var last = -Double.infinity
        for index in 0...200 {
            let share = Double(index) / 200
            let value = scale.value(at: share)
            let position = scale.position(value)
            #expect(position > last, "seed \(seed)")
            #expect(abs(position - share) < 1e-6, "seed \(seed)")
            last = position
        }
        #expect(abs(scale.position(scale.lower)) < 1e-9)
        #expect(abs(scale.position(scale.upper) - 1) < 1e-9)
    }

    @Test(arguments: 0..<400) func ticksCoverTheAxisAndLabelsKeepApart(seed: Int) {
        let scale = ScaleTests.scale(seed: seed)
        let length = Double(40 + seed * 7 % 160)
        let ticks = scale.ticks(length: length, gap: 2) { Double($0.count) }
        #expect(ticks.contains { !$0.label.isEmpty }, "seed \(seed)")
        #expect(
            ticks.allSatisfy { (-1e-6...1 + 1e-6).contains(scale.position($0.value)) },
            "seed \(seed)")
        #expect(zip(ticks, ticks.dropFirst()).allSatisfy { $0.value < $1.value }, "seed \(seed)")
        let labelled = ticks.filter { !$0.label.isEmpty }
        for (left, right) in zip(labelled, labelled.dropFirst()) {
            let space = (scale.position(right.value) - scale.position(left.value)) * length
            #expect(
                space >= Double(left.label.count + right.label.count) / 2 + 2 - 1e-6,
                "seed \(seed): \(left.label) and \(right.label)")
        }
        #expect(Set(labelled.map(\.label)).count == labelled.count, "seed \(seed)")
        // No half of the axis is without a tick.
        let places = [0] + ticks.map { scale.position($0.value) } + [1]
        let largest = zip(places, places.dropFirst()).map { $1 - $0 }.max() ?? 1
        #expect(largest <= 0.75, "seed \(seed): \(ticks)")
    }

    @Test func logarithmicAxesHaveMinorTicksBelowOneAndOverTwelveDecades() {
        let small = Scale(.logarithmic, from: 1e-3, to: 0.5)
            .ticks(length: 60, gap: 2) { Double($0.count) }
        #expect(small.filter { !$0.label.isEmpty }.map(\.label) == ["0.001", "0.01", "0.1"])
        #expect(small.contains { $0.label.isEmpty && abs($0.value - 0.02) < 1e-12 })
        let long = Scale(.logarithmic, from: 1e-6, to: 1e6)
            .ticks(length: 80, gap: 2) { Double($0.count) }
        #expect(long.filter { !$0.label.isEmpty }.count >= 4)
        #expect(long.filter(\.label.isEmpty).count >= 90)
        #expect(long.contains { $0.label == "10⁻⁶" })
    }

    @Test func stepZeroHasAPlaceOnTheAxisOfSteps() {
        let ticks = Scale(.symmetricLogarithmic(unit: 1), from: 0, to: 40_000)
            .ticks(length: 70, gap: 2) { Double($0.count) }
        #expect(
            ticks.map(\.label).filter { !$0.isEmpty } == [
                "0", "1", "10", "100", "1,000", "10,000",
            ])
    }

    @Test func scalesOfOneOrNoNumberHaveRoom() {
        for kind in [Scale.Kind.linear, .logarithmic, .symmetricLogarithmic(unit: 1)] {
            let one = Scale(kind, holding: 5, 5)
            #expect(one.lower < 5 && one.upper > 5)
            let none = Scale(kind, holding: .infinity, -.infinity)
            #expect(none.lower < none.upper)
        }
        let zero = Scale(.linear, holding: 0, 0)
        #expect(zero.lower < 0 && zero.upper > 0)
        let huge = Scale(.linear, holding: -1e308, 1e308)
        #expect(huge.lower.isFinite && huge.upper.isFinite)
    }

    @Test func numbersAreWrittenForPeople() {
        #expect(NumberLabel.rounded(0.000012345) == "1.23×10⁻⁵")
        #expect(NumberLabel.rounded(1234.5) == "1,234")
        #expect(NumberLabel.rounded(-0.5) == "−0.5")
        #expect(NumberLabel.rounded(2e9) == "2×10⁹")
        #expect(NumberLabel.rounded(.nan) == "NaN" && NumberLabel.rounded(.infinity) == "∞")
    }
}
