package import Checkpoints
internal import Foundation

/// A measured curve in step order, each step once, without NaN.
///
/// Steps are updates done. The logarithmic abscissa everywhere is x = log10(step + 1).
package struct Curve: Sendable, Equatable {
    package let steps: [Int]
    package let values: [Double]
    /// Points left out because their value was NaN.
    package let droppedCount: Int
    /// Whether the last evaluation was NaN.
    package let endsInNaN: Bool

    /// Sorts by step, keeps the last of repeated steps and drops NaN; infinities are data.
    package init(steps: [Int], values: [Double]) {
        precondition(steps.count == values.count, "a value for each step")
        var latest: [Int: Double] = [:]
        var dropped = 0
        var lastNaN: Int?
        for (step, value) in zip(steps, values) {
            if value.isNaN {
                dropped += 1
                lastNaN = max(lastNaN ?? step, step)
            } else {
                latest[step] = value
            }
        }
        self.steps = latest.keys.sorted()
        self.values = self.steps.compactMap { latest[$0] }
        droppedCount = dropped
        let last = latest.keys.max()
        endsInNaN = lastNaN.map { $0 > last ?? Int.min } ?? false
    }

    /// The points of one metric, whatever their names.
    package init(_ points: [MetricPoint]) {
        self.init(steps: points.map(\.step), values: points.map(\.value))
    }

    /// The same curve in another unit.
    package func divided(by factor: Double) -> Curve {
        let ending = endsInNaN ? [Int.max] : []
        return Curve(
            steps: steps + ending, values: values.map { $0 / factor } + ending.map { _ in .nan })
    }

    /// Whether the last evaluation was no finite number.
    package var endsNotFinite: Bool { endsInNaN || values.last?.isFinite == false }

    package var count: Int { steps.count }
    package var isEmpty: Bool { steps.isEmpty }

    /// log10(step + 1) of each point; negative steps count as 0.
    package var positions: [Double] { steps.map { log10(Double(max($0, 0)) + 1) } }

    /// Half the distance between the neighbours of each point in x, the ends one-sided, scaled to a
    /// mean of 1: a weight that keeps dense stretches from dominating.
    ///
    /// A single point weighs 1.
    package var halfGapWeights: [Double] {
        let x = positions
        guard x.count > 1 else { return x.map { _ in 1 } }
        let gaps = x.indices.map { index in
            0.5 * (x[min(index + 1, x.count - 1)] - x[max(index - 1, 0)])
        }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        return gaps.map { $0 / mean }
    }

    /// The value at the last point that is not after `step`; nil before the first.
    package func value(heldAt step: Int) -> Double? {
        guard let index = steps.lastIndex(where: { $0 <= step }) else { return nil }
        return values[index]
    }
}

/// Which side of a level counts as having crossed it.
package enum CrossingDirection: Sendable, Equatable {
    /// Accuracies: at or above the level.
    case rising
    /// Losses: strictly below the level.
    case falling

    func isBeyond(_ value: Double, _ level: Double) -> Bool {
        self == .rising ? value >= level : value < level
    }
}
