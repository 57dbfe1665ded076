internal import Foundation

/// When a curve crossed a level, known only between two evaluations.
///
/// The true time lies in (`lastBefore`, `step`]. A curve that is beyond the level at its first point
/// has no `lastBefore` (left-censored); one that never crosses has no `step` and is right-censored
/// at `lastStep`. The resolution of every time is therefore part of it.
package struct CrossingTime: Sendable, Equatable {
    /// The last evaluation before the crossing; nil when there is none.
    package let lastBefore: Int?
    /// The first evaluation at or beyond the level; nil when not reached.
    package let step: Int?
    /// The step at which the line between the two, in x = log10(step + 1), meets the level.
    ///
    /// The step itself when there is no point before, nil when not reached or when a neighbour is
    /// infinite.
    package let interpolated: Double?
    /// The last evaluation of the curve; nil for an empty curve.
    package let lastStep: Int?

    package var isReached: Bool { step != nil }
}

/// The three published meanings of "reached", for one level.
package struct Crossings: Sendable, Equatable {
    package let level: Double
    /// The first evaluation beyond the level.
    package let first: CrossingTime
    /// The start of the first run of at least three consecutive evaluations beyond the level, or
    /// of a shorter run that lasts until the end.
    package let sustained: CrossingTime
    /// The first evaluation beyond the level after which the curve never falls behind
    /// level − 0.01 again (for losses: never rises above 1.01 times the level).
    package let stable: CrossingTime
}

extension Curve {
    /// The consecutive evaluations that make a crossing sustained.
    package static let sustainedCount = 3

    /// First, sustained and stable crossing of a level.
    ///
    /// An empty curve reaches nothing; a curve with one point beyond the level reaches it there.
    package func crossings(
        of level: Double, direction: CrossingDirection = .rising
    ) -> Crossings {
        let beyond = values.map { direction.isBeyond($0, level) }
        let sustained = beyond.indices.first { start in
            let end = min(start + Self.sustainedCount, count)
            return beyond[start..<end].allSatisfy { $0 }
        }
        let slack = direction == .rising ? level - 0.01 : level * 1.01
        let lastFailure = values.lastIndex {
            direction == .rising ? $0 < slack : $0 > slack
        }
        let stable = beyond.indices.first { $0 > (lastFailure ?? -1) && beyond[$0] }
        return Crossings(
            level: level, first: time(at: beyond.firstIndex(of: true), level: level),
            sustained: time(at: sustained, level: level), stable: time(at: stable, level: level))
    }

    private func time(at index: Int?, level: Double) -> CrossingTime {
        guard let index else {
            return CrossingTime(
                lastBefore: steps.last, step: nil, interpolated: nil, lastStep: steps.last)
        }
        guard index > 0 else {
            return CrossingTime(
                lastBefore: nil, step: steps[0], interpolated: Double(steps[0]),
                lastStep: steps.last)
        }
        let (before, after) = (values[index - 1], values[index])
        var interpolated: Double?
        if before.isFinite, after.isFinite {
            let x = (log10(Double(steps[index - 1]) + 1), log10(Double(steps[index]) + 1))
            // A stable crossing may start between two points beyond the level.
            let share = before == after ? 1 : (level - before) / (after - before)
            interpolated = pow(10, x.0 + min(max(share, 0), 1) * (x.1 - x.0)) - 1
        }
        return CrossingTime(
            lastBefore: steps[index - 1], step: steps[index], interpolated: interpolated,
            lastStep: steps.last)
    }

    /// Passes back behind the level, after `start`, counted with the hysteresis of `depth`.
    ///
    /// A pass counts when the curve falls behind level − depth (losses: above level · (1 + depth))
    /// after having been beyond the level.
    package func recrossings(
        of level: Double, depth: Double, direction: CrossingDirection = .rising, after start: Int
    ) -> Int {
        var passes = 0
        var isBeyond = false
        for (step, value) in zip(steps, values) where step >= start {
            if direction.isBeyond(value, level) {
                isBeyond = true
            } else if isBeyond {
                let isBehind =
                    direction == .rising ? value < level - depth : value > level * (1 + depth)
                if isBehind {
                    passes += 1
                    isBeyond = false
                }
            }
        }
        return passes
    }

    /// Steps where the value exceeds `factor` times the median of the `window` points before it.
    ///
    /// Needs at least five points before; used for spikes of the training loss.
    package func spikes(factor: Double = 100, window: Int = 51) -> [Int] {
        values.indices.compactMap { index in
            let recent = values[max(0, index - window)..<index]
            guard recent.count >= 5 else { return nil }
            return values[index] > factor * median(Array(recent)) ? steps[index] : nil
        }
    }
}
