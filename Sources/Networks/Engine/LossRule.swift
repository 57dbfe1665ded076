internal import ArrayMath
internal import VectorMath

/// The losses other than cross-entropy on a tile's outputs, computed in double precision.
///
/// With outputs z of one example, its class t or real answer y, C outputs and one over the number of
/// answers as the weight:
/// - mean squared error: Σ(z − y)² / C, or Σ(z − y)²; a class is its one-hot code;
/// - StableMax: −ln(s(z_t) / Σ s(z)), s(z) = z + 1 for z ≥ 0 and 1/(1 − z) below (Prieto and others 2025);
/// - hinge: max(0, 1 − (2t − 1)·z); logistic: ln(1 + exp(−(2t − 1)·z)), for one output.
struct LossRule<Scalar: NetworkScalar> {
    /// What the loss of one tile is computed from.
    struct Tile {
        let outputs: UnsafePointer<Scalar>
        let rows: Int
        let columns: Int
        let targets: UnsafePointer<Int32>
        /// The example of each row.
        let answers: UnsafePointer<Int32>
        /// Real answers of all examples, `[examples, columns]`; nil where answers are classes.
        let realAnswers: UnsafePointer<Double>?
        let weight: Double
    }

    let kind: LossConfiguration.Kind
    /// The factor on a sum over outputs.
    let share: Double
    /// A real answer counts as right below this mean of squared errors.
    let threshold: Double

    init(_ loss: LossConfiguration, columns: Int) {
        kind = loss.kind
        share = loss.reduction == .sum ? 1 : 1 / Double(columns)
        threshold = loss.accuracyThreshold ?? 0
    }

    /// Adds up the losses of the rows, and puts their derivatives times the weight into `gradient`.
    func evaluate(_ tile: Tile, gradient: UnsafeMutablePointer<Scalar>?) -> LossSum {
        var sum = LossSum()
        evaluateRows(self, tile, gradient: gradient, into: &sum)
        return sum
    }

    /// The changes of the loss's derivatives along changes of the outputs.
    func curvature(
        _ tile: Tile, _ tangent: UnsafePointer<Scalar>, into change: UnsafeMutablePointer<Scalar>
    ) { changeRows(self, tile, tangent, into: change) }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func evaluateRows<Scalar: NetworkScalar>(
    _ rule: LossRule<Scalar>, _ tile: LossRule<Scalar>.Tile,
    gradient: UnsafeMutablePointer<Scalar>?, into sum: inout LossSum
) {
    let (columns, weight) = (tile.columns, tile.weight)
    for row in 0..<tile.rows {
        let outputs = tile.outputs + row * columns
        let target = Int(tile.targets[row])
        switch rule.kind {
        case .crossEntropy: preconditionFailure("cross-entropy has kernels of its own")
        case .meanSquaredError:
            let answers = tile.realAnswers.map { $0 + Int(tile.answers[row]) * columns }
            var squares = 0.0
            for column in 0..<columns {
                let answer = answers.map { $0[column] } ?? (column == target ? 1 : 0)
                let error = Double(outputs[column]) - answer
                squares += error * error
                gradient?[row * columns + column] = Scalar(2 * rule.share * weight * error)
            }
            sum.loss += rule.share * squares
            if answers != nil {
                if squares / Double(columns) < rule.threshold { sum.rightExamples += 1 }
            } else if leads(outputs, columns, target) {
                sum.rightExamples += 1
            }
        case .stableMax:
            var total = 0.0
            for column in 0..<columns { total += stableExponential(Double(outputs[column])) }
            let share = stableExponential(Double(outputs[target])) / total
            sum.loss -= share.logarithm
            if leads(outputs, columns, target) { sum.rightExamples += 1 }
            guard let gradient else { continue }
            for column in 0..<columns {
                let output = Double(outputs[column])
                let rest = stableExponential(output) / total - (column == target ? 1 : 0)
                gradient[row * columns + column] = Scalar(weight * rest / (1 + output.magnitude))
            }
        case .hinge, .logistic:
            let sign = Double(2 * target - 1)
            let margin = sign * Double(outputs[0])
            if margin > 0 { sum.rightExamples += 1 }
            if rule.kind == .hinge {
                // NaN must not count as no loss.
                sum.loss += margin >= 1 ? 0 : 1 - margin
                gradient?[row] = margin >= 1 ? 0 : Scalar(-sign * weight)
            } else {
                sum.loss += logisticLoss(margin)
                gradient?[row] = Scalar(-sign * weight * logistic(-margin))
            }
        }
    }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func changeRows<Scalar: NetworkScalar>(
    _ rule: LossRule<Scalar>, _ tile: LossRule<Scalar>.Tile, _ tangent: UnsafePointer<Scalar>,
    into change: UnsafeMutablePointer<Scalar>
) {
    let (columns, weight) = (tile.columns, tile.weight)
    for row in 0..<tile.rows {
        let start = row * columns
        let target = Int(tile.targets[row])
        switch rule.kind {
        case .crossEntropy: preconditionFailure("cross-entropy has kernels of its own")
        case .meanSquaredError:
            let factor = Scalar(2 * rule.share * weight)
            for place in start..<start + columns { change[place] = factor * tangent[place] }
        case .stableMax:
            // ∂L/∂z_i = s′_i/S − [i = t]·s′_t/s_t, with s′/s = 1/(1 + |z|).
            var (total, totalChange) = (0.0, 0.0)
            for place in start..<start + columns {
                let output = Double(tile.outputs[place])
                total += stableExponential(output)
                totalChange += stableSlope(output) * Double(tangent[place])
            }
            for place in start..<start + columns {
                let (output, direction) = (Double(tile.outputs[place]), Double(tangent[place]))
                let bend = output < 0 ? 2 * stableSlope(output) / (1 - output) : 0
                var value =
                    bend * direction / total - stableSlope(output) * totalChange / (total * total)
                if place == start + target {
                    // The derivative of 1/(1 + |z|).
                    let factor = 1 / (1 + output.magnitude)
                    value -= (output < 0 ? 1 : -1) * factor * factor * direction
                }
                change[place] = Scalar(weight * value)
            }
        case .hinge: change[row] = 0
        case .logistic:
            let output = Double(tile.outputs[row])
            change[row] = Scalar(
                weight * logistic(output) * logistic(-output) * Double(tangent[row]))
        }
    }
}

/// Whether the target's output is the largest, the first of equals; never with NaN.
@inline(__always)
private func leads<Scalar: NetworkScalar>(
    _ outputs: UnsafePointer<Scalar>, _ columns: Int, _ target: Int
) -> Bool {
    for column in 0..<columns {
        guard
            column < target
                ? outputs[column] < outputs[target] : outputs[column] <= outputs[target]
        else { return false }
    }
    return true
}

private func stableExponential(_ z: Double) -> Double { z < 0 ? 1 / (1 - z) : z + 1 }

private func stableSlope(_ z: Double) -> Double { z < 0 ? 1 / ((1 - z) * (1 - z)) : 1 }
