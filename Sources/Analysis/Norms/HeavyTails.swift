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
    /// The Kolmogorov–Smirnov distance at λ_min, as in WeightWatcher's fit: the largest |F(λ) − i/n|
    /// with i the number of tail values below λ, one side of each step of the empirical law.
    package let distance: Double
    package let tailCount: Int

    /// Eigenvalues below this number are not fitted.
    package static let fewestEigenvalues = 50
}

/// Continuous maximum likelihood: α = 1 + n / Σ ln(λ/λ_min), λ_min minimising the KS distance
/// (Clauset, Shalizi and Newman 2009), without an upper cut.
///
/// Values at or below `floor` are rounding and left out. Nil for fewer than 50 that are left.
/// Outliers can give spurious large exponents.
package func powerLawTail(
    ofSingularValues values: [Double], above floor: Double = 0
) -> PowerLawTail? {
    let sorted = values.filter { $0 > floor && $0.isFinite }.map { $0 * $0 }.sorted()
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
            distance = max(distance, abs(Double(index - start) / Double(tail) - model))
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

/// Correlation traps: the entries are shuffled with the seed, σ² scaled to Σλ = count, the σ of a
/// Marchenko–Pastur law taken from their median (√(median λ / median of the law of σ = 1)), and the eigenvalues above
/// λ⁺ + √(Q^(−1/2) λ⁺^(2/3) M^(−2/3)) counted.
///
/// WeightWatcher fits σ to a kernel density instead, which the singularity of the law at 0 draws up to
/// 1.15 for square matrices whose true σ is 1; the median has no such bias, and outliers do not move
/// it.
///
/// `values` is row-major. Nil for fewer than 50 eigenvalues, for numbers that are not finite, and where
/// more than half of the eigenvalues are rounding, so that there is no bulk.
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
    // Where more than half are rounding there is no bulk.
    let middle = quantile(eigenvalues.sorted(), 0.5)
    guard middle > Double(large) * Double.ulpOfOne * (eigenvalues.max() ?? 0) else { return nil }
    let deviation = (middle / marchenkoPasturMedian(ratio: ratio)).squareRoot()
    let edge = pow(deviation * (1 + 1 / ratio.squareRoot()), 2)
    let width = (pow(edge, 2.0 / 3) / ratio.squareRoot() * pow(Double(small), -2.0 / 3))
        .squareRoot()
    return CorrelationTraps(
        count: eigenvalues.count { $0 > edge + width }, bulkDeviation: deviation,
        edge: edge + width, largest: eigenvalues.max() ?? 0)
}

/// The median of the Marchenko–Pastur law of σ = 1 for Q = `ratio` ≥ 1, by the midpoint rule to 1e-8.
///
/// With λ = (1 + r²) − 2 r cos θ, r = Q^(−1/2), the density becomes
/// 2 sin² θ / (π λ) dθ on 0…π, smooth but for Q = 1, where it is 1 + cos θ over π.
package func marchenkoPasturMedian(ratio: Double) -> Double {
    let root = 1 / max(ratio, 1).squareRoot()
    let count = 20_000
    var sums = [0.0]
    for index in 0..<count {
        let angle = (Double(index) + 0.5) * .pi / Double(count)
        let value = 1 + root * root - 2 * root * cos(angle)
        sums.append(sums[index] + 2 * sin(angle) * sin(angle) / (.pi * value))
    }
    let half = 0.5 * (sums.last ?? 0)
    let place = sums.firstIndex { $0 >= half } ?? count
    let share = (half - sums[place - 1]) / (sums[place] - sums[place - 1])
    let angle = (Double(place - 1) + share) * .pi / Double(count)
    return 1 + root * root - 2 * root * cos(angle)
}
