internal import ArrayMath
internal import Foundation

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
    let points = logarithms(x, y)
    guard points.count >= 3, let line = straightLine(points) else { return nil }
    let exponents = scalingExponents(x: x, y: y, resamples: resamples, seed: seed)
    return ScalingFit(
        exponent: line.slope, prefactor: exp(line.intercept),
        exponentInterval: exponents.map { quantile($0, 0.025)...quantile($0, 0.975) },
        rSquared: line.rSquared, pointCount: points.count)
}

/// The exponents of resampled points, rising; nil when there is no law or when fewer than half of
/// the resamples have two different x.
package func scalingExponents(
    x: [Double], y: [Double], resamples: Int = 1000, seed: UInt64 = 0
) -> [Double]? {
    let points = logarithms(x, y)
    guard points.count >= 3, resamples > 0, straightLine(points) != nil else { return nil }
    var generator = ProbeGenerator(seed: seed)
    let exponents = (0..<resamples).compactMap { _ in
        straightLine(points.map { _ in points[generator.index(below: points.count)] })?.slope
    }
    return 2 * exponents.count >= resamples ? exponents.sorted() : nil
}

/// The logarithms of the points whose coordinates are positive and finite.
private func logarithms(_ x: [Double], _ y: [Double]) -> [(Double, Double)] {
    zip(x, y).filter { $0 > 0 && $1 > 0 && $0.isFinite && $1.isFinite }.map {
        (log($0.0), log($0.1))
    }
}

/// A law that diverges or vanishes at a critical value: y = c · (x − point)^exponent.
package struct CriticalLaw: Sendable, Equatable {
    package let point: Double
    package let exponent: Double
    /// Share of the variance of ln y that the law explains.
    package let rSquared: Double

    /// The least-squares law in logarithms with 0 ≤ point < the smallest x, for example the time to
    /// generalise against the fraction of data.
    ///
    /// The residual is searched over the distance of the point below the smallest x, first on a
    /// logarithmic grid and then by golden section. Points must be positive and finite, others are
    /// left out; nil for fewer than four different x, and where the residual still falls at 10⁻⁴
    /// of the span of x below the smallest one: the data do not bound the point.
    package init?(x: [Double], y: [Double]) {
        let points = zip(x, y).filter { $0 > 0 && $1 > 0 && $0.isFinite && $1.isFinite }
        guard let smallest = points.map(\.0).min(), let largest = points.map(\.0).max(),
            Set(points.map(\.0)).count >= 4
        else { return nil }
        func line(_ distance: Double) -> (slope: Double, intercept: Double, rSquared: Double)? {
            straightLine(points.map { (log($0.0 - smallest + distance), log($0.1)) })
        }
        func miss(_ logDistance: Double) -> Double {
            1 - (line(exp(logDistance))?.rSquared ?? 0)
        }
        let (start, end) = (log(1e-4 * (largest - smallest)), log(smallest))
        guard start < end else { return nil }
        let grid = (0...60).map { start + (end - start) * Double($0) / 60 }
        let misses = grid.map(miss)
        guard let best = misses.indices.min(by: { misses[$0] < misses[$1] }), best > 0 else {
            return nil
        }
        var (low, high) = (grid[best - 1], grid[min(best + 1, 60)])
        let share = (5.0.squareRoot() - 1) / 2
        while high - low > 1e-9 {
            let (a, b) = (high - share * (high - low), low + share * (high - low))
            if miss(a) <= miss(b) { high = b } else { low = a }
        }
        // At the far end the law is a plain power of x.
        let distance = miss(end) <= miss(0.5 * (low + high)) ? smallest : exp(0.5 * (low + high))
        guard let fitted = line(distance) else { return nil }
        point = smallest - distance
        exponent = fitted.slope
        rSquared = fitted.rSquared
    }

    /// The laws of seeded resamples of the points; nil when there is no law or when fewer than half
    /// of the resamples have one.
    package static func resampled(
        x: [Double], y: [Double], resamples: Int = 200, seed: UInt64 = 0
    ) -> [CriticalLaw]? {
        guard CriticalLaw(x: x, y: y) != nil else { return nil }
        var generator = ProbeGenerator(seed: seed)
        let laws = (0..<resamples).compactMap { _ in
            let drawn = x.map { _ in generator.index(below: x.count) }
            return CriticalLaw(x: drawn.map { x[$0] }, y: drawn.map { y[$0] })
        }
        return 2 * laws.count >= resamples ? laws : nil
    }
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
