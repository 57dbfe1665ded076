internal import ArrayMath
internal import Foundation

/// The singular values of the last few updates of a run: its spectral edge.
///
/// As in arXiv 2603.28964 and its replication: the rows of X are consecutive differences of the
/// weights at evenly spaced checkpoints.
package struct UpdateSpectrum: Sendable, Equatable {
    /// Singular values of X, falling; as many as differences.
    package let values: [Double]

    /// σ₂² − σ₃²; nil below three values.
    package var secondGap: Double? {
        values.count > 2 ? values[1] * values[1] - values[2] * values[2] : nil
    }

    /// k* = argmax of σ_j / σ_{j+1}, counted from 1, with the ratio R at k*; nil for zeros.
    package var edge: (rank: Int, ratio: Double)? { largest { _ in 1 } }

    /// The same with each ratio weighted by σ_j / Σσ.
    package var weightedEdge: (rank: Int, ratio: Double)? {
        let sum = values.reduce(0, +)
        return largest { values[$0] / sum }
    }

    private func largest(_ weight: (Int) -> Double) -> (rank: Int, ratio: Double)? {
        let ranks = values.indices.dropLast().filter { values[$0 + 1] > 0 }
        let best = ranks.max {
            weight($0) * values[$0] / values[$0 + 1] < weight($1) * values[$1] / values[$1 + 1]
        }
        return best.map { ($0 + 1, values[$0] / values[$0 + 1]) }
    }

    /// The spectrum of the differences of consecutive weight vectors, by their Gram matrix.
    ///
    /// Nil for fewer than three vectors or vectors of different lengths.
    package init?(weights: [[Double]]) {
        guard weights.count >= 3, let count = weights.first?.count,
            weights.allSatisfy({ $0.count == count })
        else { return nil }
        let rows = zip(weights, weights.dropFirst()).flatMap { before, after in
            zip(before, after).map { $1 - $0 }
        }
        values = singularValues(rows, rows: weights.count - 1, columns: count)
    }

    /// The spectrum of rows as they are, of gradients for example.
    ///
    /// Nil for fewer than two rows or rows of different lengths.
    package init?(rows: [[Double]]) {
        guard rows.count >= 2, let count = rows.first?.count,
            rows.allSatisfy({ $0.count == count })
        else { return nil }
        values = singularValues(rows.flatMap { $0 }, rows: rows.count, columns: count)
    }

    /// Whether steps are evenly spaced, as the measure requires.
    package static func isEvenlySpaced(_ steps: [Int]) -> Bool {
        guard steps.count >= 3 else { return false }
        return Set(zip(steps, steps.dropFirst()).map { $1 - $0 }).count == 1
    }
}

/// Slingshot cycles: growth of the last layer's norm followed by a spike of the training loss.
///
/// Counts spikes (training loss above `factor` times its running median) before which the norm grew
/// since the previous spike or the start; spikes within `mergedWithin` evaluations count once. After
/// Thilak and others (2206.04817), who find none for weight decay 0.1 and more.
package func slingshotCount(
    lastLayerNorm: Curve, trainLoss: Curve, factor: Double = 100, mergedWithin: Int = 10
) -> Int {
    var cycles = 0
    var normBefore = lastLayerNorm.values.first
    var lastIndex: Int?
    let places = Dictionary(
        uniqueKeysWithValues: trainLoss.steps.enumerated().map { ($1, $0) })
    for step in trainLoss.spikes(factor: factor) {
        guard let index = places[step], let norm = lastLayerNorm.value(heldAt: step),
            let before = normBefore
        else { continue }
        if let lastIndex, index - lastIndex <= mergedWithin { continue }
        if norm > before { cycles += 1 }
        normBefore = norm
        lastIndex = index
    }
    return cycles
}
