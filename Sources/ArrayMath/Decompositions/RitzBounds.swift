/// Bounds on the distance of Ritz values from eigenvalues, from their residuals and gaps.
///
/// The quadratic residual bound (Li and Li 2005, A note on eigenvalues of perturbed Hermitian
/// matrices): with R the residuals of a cluster C of Ritz pairs and η the distance of θ from the
/// rest of the spectrum, |λ − θ| ≤ 2‖R‖² / (η + √(η² + 4‖R‖²)), which is ‖R‖ for η = 0. The rest of
/// the spectrum is not known exactly: the other Ritz values stand for it, each reaching as far as
/// its own residual.
struct RitzBounds {
    /// Rising.
    let values: [Double]
    /// ‖A v − θ v‖ of each unit Ritz vector.
    let residuals: [Double]
    /// How near eigenvalues outside the Ritz values may come, from below and from above; ±∞ for
    /// nothing that is not among them.
    var outside: (below: Double, above: Double) = (-.infinity, .infinity)

    /// Near values are joined into clusters of at most this many.
    private static let largestCluster = 32

    /// The bound of one Ritz value: the least over clusters of its nearest neighbours.
    subscript(index: Int) -> Double {
        let value = values[index]
        var (low, high) = (index, index)
        var square = 0.0
        var best = residuals[index]
        for size in 1...Self.largestCluster {
            if size == 1 {
                square = residuals[index] * residuals[index]
            } else {
                let below = low > 0 ? value - values[low - 1] : .infinity
                let above = high + 1 < values.count ? values[high + 1] - value : .infinity
                guard min(below, above).isFinite else { break }
                if below < above { low -= 1 } else { high += 1 }
                let added = residuals[below < above ? low : high]
                square += added * added
                // A larger cluster cannot do better once its own residuals exceed the bound.
                if square.squareRoot() > 1e3 * best { break }
            }
            var gap = min(value - outside.below, outside.above - value)
            for other in values.indices where other < low || other > high {
                gap = min(gap, abs(values[other] - value) - residuals[other])
            }
            gap = max(gap, 0)
            // Without anything outside, the gap is unknown rather than infinite.
            let bound =
                gap.isFinite && square > 0
                ? 2 * square / (gap + (gap * gap + 4 * square).squareRoot()) : square.squareRoot()
            best = min(best, bound)
        }
        return best
    }
}
