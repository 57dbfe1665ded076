internal import Foundation

/// A mark on an axis; minor ones have no label.
package struct Tick: Sendable, Equatable {
    package let value: Double
    /// Empty for a minor tick.
    package let label: String

    package init(_ value: Double, _ label: String = "") {
        self.value = value
        self.label = label
    }
}

extension Scale {
    /// The densest of a few tidy sets of ticks whose labels keep apart by `gap`.
    ///
    /// `length` is how long the axis is, and `extent` how much of it a label takes, centred on its
    /// tick; all in one unit.
    package func ticks(
        length: Double, gap: Double, extent: (String) -> Double
    ) -> [Tick] {
        let sets = tickSets(length: length)
        for ticks in sets where fits(ticks, length: length, gap: gap, extent: extent) {
            return ticks
        }
        return withoutOverlaps(sets.last ?? [], length: length, gap: gap, extent: extent)
    }

    private func fits(
        _ ticks: [Tick], length: Double, gap: Double, extent: (String) -> Double
    ) -> Bool {
        let labelled = ticks.filter { !$0.label.isEmpty }
        return withoutOverlaps(labelled, length: length, gap: gap, extent: extent) == labelled
    }

    /// Takes labels away that would touch the one before.
    private func withoutOverlaps(
        _ ticks: [Tick], length: Double, gap: Double, extent: (String) -> Double
    ) -> [Tick] {
        var end = -Double.infinity
        return ticks.map { tick in
            guard !tick.label.isEmpty else { return tick }
            let center = position(tick.value) * length
            let half = extent(tick.label) / 2
            guard center - half >= end + gap || end == -.infinity else { return Tick(tick.value) }
            end = center + half
            return tick
        }
    }

    /// Sets of ticks from dense to sparse.
    private func tickSets(length: Double) -> [[Tick]] {
        switch kind {
        case .linear: linearSets()
        case .logarithmic: logarithmicSets()
        case .symmetricLogarithmic(let unit): symmetricSets(unit: unit)
        }
    }

    // MARK: Linear

    private func linearSets() -> [[Tick]] {
        let span = upper - lower
        let power = pow(10, floor(log10(span)) - 1)
        let steps = [1, 2, 5, 10, 20, 25, 50, 100].map { $0 * power }
        var sets: [[Tick]] = []
        for step in steps {
            let values = multiples(of: step)
            guard (2...8).contains(values.count) else { continue }
            sets.append(labelled(values, step: step))
        }
        if sets.isEmpty { sets = [labelled([lower, upper], step: span)] }
        return sets
    }

    private func multiples(of step: Double) -> [Double] {
        let first = (lower / step - 1e-9).rounded(.up)
        let last = (upper / step + 1e-9).rounded(.down)
        guard first <= last, last - first < 64 else { return [] }
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    private func labelled(_ values: [Double], step: Double) -> [Tick] {
        let largest = values.map(abs).max() ?? 1
        return values.map { Tick($0, NumberLabel.text($0, step: step, largest: largest)) }
    }

    // MARK: Logarithmic

    private func logarithmicSets() -> [[Tick]] {
        let (low, high) = (log10(lower), log10(upper))
        let exponents = Array(
            stride(
                from: Int((low - 1e-9).rounded(.up)), through: Int((high + 1e-9).rounded(.down)),
                by: 1))
        guard exponents.count >= 2 else { return shortLogarithmicSets(low: low, high: high) }
        let plain = exponents.allSatisfy { (-3...4).contains($0) }
        return [1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 100].map { every in
            var ticks = exponents.map { exponent in
                Tick(
                    pow(10, Double(exponent)),
                    exponent % every == 0 ? NumberLabel.powerOfTen(exponent, plain: plain) : "")
            }
            // Nine ticks a decade are a grey block beyond a dozen decades.
            if high - low <= 12.5 { ticks += minorTicks(low: low, high: high) }
            return ticks.sorted { $0.value < $1.value }
        }.filter { set in set.contains { !$0.label.isEmpty } }
    }

    private func minorTicks(low: Double, high: Double) -> [Tick] {
        (Int(floor(low))...Int(ceil(high))).flatMap { exponent in
            (2...9).map { Double($0) * pow(10, Double(exponent)) }
        }.filter { $0 >= lower && $0 <= upper }.map { Tick($0) }
    }

    /// Less than two powers of ten: multiples of them are labelled, or an even step.
    private func shortLogarithmicSets(low: Double, high: Double) -> [[Tick]] {
        let decades = Int(floor(low))...Int(floor(high))
        func set(_ factors: [Int]) -> [Tick] {
            let labelled = decades.flatMap { exponent in
                factors.map { (Double($0), exponent) }
            }.filter {
                let value = $0.0 * pow(10, Double($0.1))
                return value >= lower * (1 - 1e-12) && value <= upper * (1 + 1e-12)
            }
            let ticks = labelled.map { factor, exponent in
                Tick(
                    factor * pow(10, Double(exponent)),
                    NumberLabel.rounded(factor * pow(10, Double(exponent)), digits: 2))
            }
            let values = Set(ticks.map(\.value))
            let rest = minorTicks(low: low, high: high).filter { !values.contains($0.value) }
            return (ticks + rest).sorted { $0.value < $1.value }
        }
        let sets = [Array(1...9), [1, 2, 5], [1, 3], [1, 5]].map(set).filter { set in
            set.filter { !$0.label.isEmpty }.count >= 2
        }
        return sets.isEmpty ? linearSets() : sets
    }

    // MARK: Symmetric logarithmic

    private func symmetricSets(unit: Double) -> [[Tick]] {
        let largest = max(abs(lower), abs(upper))
        let last = Int(floor(log10(largest / unit) + 1e-9))
        guard last >= 1 else { return linearSets() }
        let first = Int((log10(unit)).rounded())
        var signs: [Double] = []
        if lower < 0 { signs.append(-1) }
        if upper > 0 { signs.append(1) }
        let plain = (first...(first + last)).allSatisfy { (-3...5).contains($0) }
        return [1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 100].map { every in
            var ticks = [Tick(0, "0")]
            for sign in signs {
                for power in 0...last {
                    let size = unit * pow(10, Double(power))
                    // The farthest powers are named first; the unit itself where there is room.
                    let isLabelled = (last - power) % every == 0
                    let label = NumberLabel.powerOfTen(first + power, plain: plain)
                    ticks.append(
                        Tick(sign * size, isLabelled ? (sign < 0 ? "−" : "") + label : ""))
                    ticks += (2...9).map { Tick(sign * Double($0) * size) }
                }
            }
            return ticks.filter { $0.value >= lower && $0.value <= upper }
                .sorted { $0.value < $1.value }
        }
    }
}
