internal import ArrayMath
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
    let pairs: [(curve: Curve, shift: Double)] = curves.enumerated().compactMap { index, curve in
        guard !curve.isEmpty else { return nil }
        guard let origins else { return (curve, 0) }
        guard let origin = origins[index] else { return nil }
        return (curve, log10(Double(origin) + 1))
    }
    let starts = pairs.compactMap { pair in pair.curve.positions.first.map { $0 - pair.shift } }
    let ends = pairs.compactMap { pair in pair.curve.positions.last.map { $0 - pair.shift } }
    guard let first = starts.min(), let last = ends.max() else {
        return SeedBand(positions: [], median: [], low: [], high: [], counts: [])
    }
    let count = first == last ? 1 : max(pointCount, 2)
    var (positions, rows) = ([Double](), [[Double]]())
    for index in 0..<count {
        let x = count == 1 ? first : first + (last - first) * Double(index) / Double(count - 1)
        // A grid point within rounding of an evaluation holds that evaluation.
        let values = pairs.compactMap { pair -> Double? in
            let own = pair.curve.positions
            guard let end = own.last, x + pair.shift <= end + 1e-9,
                let place = own.lastIndex(where: { $0 <= x + pair.shift + 1e-9 })
            else { return nil }
            return pair.curve.values[place]
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

/// The quantile of sorted values by linear interpolation between order statistics (type 7).
package func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return .nan }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    let fraction = place - Double(index)
    return fraction == 0
        ? sorted[index] : sorted[index] + fraction * (sorted[index + 1] - sorted[index])
}

/// A fitted power law y = prefactor · x^exponent.
package struct ScalingFit: Sendable, Equatable {
    package let exponent: Double
    package let prefactor: Double
    /// The 95 % bootstrap interval of the exponent over the points (runs), seeded.
    package let exponentInterval: ClosedRange<Double>?
    package let rSquared: Double
    package let pointCount: Int
}

/// The least-squares line through log y against log x, for example the gap against weight decay.
///
/// Points must be positive and finite, others are left out; nil for fewer than three points or one
/// single x. The interval resamples whole points, because runs are independent and steps are not; it
/// is nil when fewer than half of the resamples have two different x.
package func scalingFit(
    x: [Double], y: [Double], resamples: Int = 1000, seed: UInt64 = 0
) -> ScalingFit? {
    precondition(x.count == y.count, "a value for each point")
    let points = zip(x, y).filter { $0 > 0 && $1 > 0 && $0.isFinite && $1.isFinite }
        .map { (log($0.0), log($0.1)) }
    guard points.count >= 3, let line = straightLine(points) else { return nil }
    var generator = ProbeGenerator(seed: seed)
    var exponents: [Double] = []
    for _ in 0..<resamples {
        let sample = points.map { _ in points[generator.index(below: points.count)] }
        if let slope = straightLine(sample)?.slope { exponents.append(slope) }
    }
    exponents.sort()
    let isEnough = 2 * exponents.count >= resamples && !exponents.isEmpty
    return ScalingFit(
        exponent: line.slope, prefactor: exp(line.intercept),
        exponentInterval: isEnough
            ? quantile(exponents, 0.025)...quantile(exponents, 0.975) : nil,
        rSquared: line.rSquared, pointCount: points.count)
}

private func straightLine(
    _ points: [(Double, Double)]
) -> (slope: Double, intercept: Double, rSquared: Double)? {
    let count = Double(points.count)
    let (centreX, centreY) = (
        points.reduce(0) { $0 + $1.0 } / count, points.reduce(0) { $0 + $1.1 } / count
    )
    var (xx, xy, yy) = (0.0, 0.0, 0.0)
    for (x, y) in points {
        xx += (x - centreX) * (x - centreX)
        xy += (x - centreX) * (y - centreY)
        yy += (y - centreY) * (y - centreY)
    }
    guard xx > 1e-24 * max(1, centreX * centreX) else { return nil }
    return (xy / xx, centreY - xy / xx * centreX, yy > 0 ? xy * xy / (xx * yy) : 1)
}
