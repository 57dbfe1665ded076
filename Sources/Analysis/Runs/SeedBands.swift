internal import Foundation

/// How several runs of one setting go, at each step of a common grid.
package struct SeedBand: Sendable, Equatable {
    /// Steps, or log10 of the step relative to each run's generalisation for aligned bands.
    package let positions: [Double]
    /// Median and the 10 % and 90 % quantiles over the runs that have a value there.
    package let median: [Double]
    package let low: [Double]
    package let high: [Double]
    /// Runs that have a value at each position.
    package let counts: [Int]
}

/// Median and 10–90 % quantiles of curves on a log-spaced grid, the previous value held.
///
/// No smoothing, and never mean ± deviation, which leaves [0, 1] for bimodal accuracies. A run
/// contributes only between its first and last evaluation. With `alignedAt` (one step for each
/// curve, nil leaves the run out) the grid is log10((step + 1) / (aligned + 1)). No curves, or empty
/// ones, give an empty band.
package func seedBand(
    of curves: [Curve], alignedAt origins: [Int?]? = nil, pointCount: Int = 200
) -> SeedBand {
    let pairs: [(values: [Double], positions: [Double], shift: Double)] = curves.enumerated()
        .compactMap { index, curve in
            guard !curve.isEmpty else { return nil }
            guard let origins else { return (curve.values, curve.positions, 0) }
            guard let origin = origins[index] else { return nil }
            return (curve.values, curve.positions, log10(Double(origin) + 1))
        }
    let starts = pairs.compactMap { pair in pair.positions.first.map { $0 - pair.shift } }
    let ends = pairs.compactMap { pair in pair.positions.last.map { $0 - pair.shift } }
    guard let first = starts.min(), let last = ends.max() else {
        return SeedBand(positions: [], median: [], low: [], high: [], counts: [])
    }
    let count = first == last ? 1 : max(pointCount, 2)
    var (positions, rows) = ([Double](), [[Double]]())
    for index in 0..<count {
        let x = count == 1 ? first : first + (last - first) * Double(index) / Double(count - 1)
        // A grid point within rounding of an evaluation holds that evaluation.
        let values = pairs.compactMap { pair -> Double? in
            let own = pair.positions
            guard let end = own.last, x + pair.shift <= end + 1e-9,
                let place = own.lastIndex(where: { $0 <= x + pair.shift + 1e-9 })
            else { return nil }
            return pair.values[place]
        }
        guard !values.isEmpty else { continue }
        positions.append(origins == nil ? pow(10, x) - 1 : x)
        rows.append(values.sorted())
    }
    return SeedBand(
        positions: positions, median: rows.map { quantile($0, 0.5) },
        low: rows.map { quantile($0, 0.1) }, high: rows.map { quantile($0, 0.9) },
        counts: rows.map(\.count))
}

/// The middle one of some values, the greater of the two middle ones of an even number; not of none.
package func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// The quantile of sorted values by linear interpolation between order statistics (type 7).
package func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return .nan }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    let fraction = place - Double(index)
    // Between equal values, infinities included, there is nothing to interpolate.
    return fraction == 0 || sorted[index] == sorted[index + 1]
        ? sorted[index] : sorted[index] + fraction * (sorted[index + 1] - sorted[index])
}
