internal import ArrayMath
internal import Foundation

/// A power law fitted to the eigenvalues σ² of a weight matrix.
package struct PowerLawTail: Sendable, Equatable {
    /// α of the density λ^(−α); below 2 over-, above 6 under-trained by WeightWatcher's labels.
    package let exponent: Double
    /// (α − 1) / √n.
    package let standardError: Double
    /// The start of the tail, λ_min.
    package let smallest: Double
    /// The Kolmogorov–Smirnov distance at λ_min.
    package let distance: Double
    package let tailCount: Int

    /// Eigenvalues below this number are not fitted.
    package static let fewestEigenvalues = 50
}

/// Continuous maximum likelihood: α = 1 + n / Σ ln(λ/λ_min), λ_min minimising the KS distance
/// (Clauset, Shalizi and Newman 2009), without an upper cut.
///
/// Nil for fewer than 50 positive eigenvalues. Outliers can give spurious large exponents.
package func powerLawTail(ofSingularValues values: [Double]) -> PowerLawTail? {
    let sorted = values.map { $0 * $0 }.filter { $0 > 0 && $0.isFinite }.sorted()
    let count = sorted.count
    guard count >= PowerLawTail.fewestEigenvalues else { return nil }
    let logs = sorted.map { log($0) }
    var suffix = [Double](repeating: 0, count: count + 1)
    for index in logs.indices.reversed() { suffix[index] = suffix[index + 1] + logs[index] }
    var best: PowerLawTail?
    for start in 0..<count - 1 {
        let tail = count - start
        let sum = suffix[start] - Double(tail) * logs[start]
        guard sum > 0 else { continue }
        let exponent = 1 + Double(tail) / sum
        var distance = 0.0
        for index in start..<count {
            let model = 1 - exp((1 - exponent) * (logs[index] - logs[start]))
            let rank = Double(index - start)
            distance = max(
                distance, abs(rank / Double(tail) - model), abs((rank + 1) / Double(tail) - model))
        }
        if best == nil || distance < (best?.distance ?? 0) {
            best = PowerLawTail(
                exponent: exponent, standardError: (exponent - 1) / Double(tail).squareRoot(),
                smallest: sorted[start], distance: distance, tailCount: tail)
        }
    }
    return best
}

/// Eigenvalues of a weight matrix that stick out of the bulk of its shuffled self.
package struct CorrelationTraps: Sendable, Equatable {
    /// Eigenvalues of the shuffled matrix above the Marchenko–Pastur edge.
    package let count: Int
    /// σ of the fitted Marchenko–Pastur density.
    package let bulkDeviation: Double
    /// λ⁺ = (σ (1 + Q^(−1/2)))², Q = N/M ≥ 1, plus its Tracy–Widom width.
    package let edge: Double
    package let largest: Double
}

/// Correlation traps: the entries are shuffled with the seed, σ² scaled to Σλ = count, a
/// Marchenko–Pastur σ fitted to their linear kernel density (bandwidth 0.1), and the eigenvalues
/// above λ⁺ + √(Q^(−1/2) λ⁺^(2/3) M^(−2/3)) counted.
///
/// `values` is row-major. Nil for fewer than 50 eigenvalues, zeros and numbers that are not finite.
package func correlationTraps(
    _ values: [Double], rows: Int, columns: Int, seed: UInt64
) -> CorrelationTraps? {
    let (small, large) = (min(rows, columns), max(rows, columns))
    guard small >= PowerLawTail.fewestEigenvalues else { return nil }
    var shuffled = values
    var generator = ProbeGenerator(seed: seed)
    generator.shuffle(&shuffled)
    let raw = singularValues(shuffled, rows: rows, columns: columns).map { $0 * $0 }
    let sum = raw.reduce(0, +)
    guard sum > 0, sum.isFinite else { return nil }
    let eigenvalues = raw.map { $0 * Double(small) / sum }
    let ratio = Double(large) / Double(small)
    let deviation = marchenkoPasturDeviation(eigenvalues, ratio: ratio)
    let edge = pow(deviation * (1 + 1 / ratio.squareRoot()), 2)
    let width = (pow(edge, 2.0 / 3) / ratio.squareRoot() * pow(Double(small), -2.0 / 3))
        .squareRoot()
    return CorrelationTraps(
        count: eigenvalues.count { $0 > edge + width }, bulkDeviation: deviation,
        edge: edge + width, largest: eigenvalues.max() ?? 0)
}

/// The σ in steps of 0.005 whose density is closest (least squares at 100 points) to the kernel
/// density of the eigenvalues.
private func marchenkoPasturDeviation(_ eigenvalues: [Double], ratio: Double) -> Double {
    let (low, high) = (eigenvalues.min() ?? 0, eigenvalues.max() ?? 1)
    let points = (0..<100).map { low + (high - low) * (Double($0) + 0.5) / 100 }
    let bandwidth = 0.1
    let density = points.map { point in
        eigenvalues.reduce(0) { $0 + max(0, 1 - abs(point - $1) / bandwidth) / bandwidth }
            / Double(eigenvalues.count)
    }
    var best = (deviation: 1.0, miss: Double.infinity)
    for step in 20...300 {
        let deviation = 0.005 * Double(step)
        let root = 1 / ratio.squareRoot()
        let (bottom, top) = (
            pow(deviation * (1 - root), 2), pow(deviation * (1 + root), 2)
        )
        var miss = 0.0
        for (point, observed) in zip(points, density) {
            let inside = (top - point) * (point - bottom)
            let model =
                inside > 0 && point > 0
                ? ratio * inside.squareRoot() / (2 * .pi * deviation * deviation * point) : 0
            miss += (model - observed) * (model - observed)
        }
        if miss < best.miss { best = (deviation, miss) }
    }
    return best.deviation
}
