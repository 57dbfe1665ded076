internal import ArrayMath
internal import Foundation

/// Which progress measures of a cyclic task to compute.
package struct ModularMeasureOptions: Sendable {
    /// The key frequencies, fixed from the final model and applied to all checkpoints.
    package var keys: [Int]
    /// Also the excluded loss of every frequency alone, whose largest needs no key set.
    package var everyFrequency: Bool

    package init(keys: [Int], everyFrequency: Bool = true) {
        self.keys = keys
        self.everyFrequency = everyFrequency
    }
}

/// Restricted and excluded loss of a cyclic task in every variant and split, with the coefficients
/// they rest on (Nanda et al.
///
/// 2023, section 5.1, and its released code).
///
/// L[x, y, z] are the logits of all n² pairs, P_S the projection on the functions cos(w_k s),
/// sin(w_k s) of the answer s for the keys k. Variants: `sum` uses P_S (10 directions for 5 keys),
/// `block2x2` the products {cos, sin} of x times {cos, sin} of y, `block3x3` those with constants
/// (the 40 components). Restricted accuracy (`trig accuracy`) is the share of pairs whose restricted
/// logits are largest at the answer. Restricted is the projection plus the mean of L over pairs (which is keeping
/// the constant component), excluded is L minus the projection; `sum/k` excludes one key alone.
///
/// `trig_coefficient` with variant k is ⟨L, c_k⟩ / ‖c_k‖ for c_k = cos(w_k (s − z));
/// `logit_fraction_explained` the part of the class-centred logits' power in the keys' cosines. The
/// projection uses the logits of all pairs, so that even the train value depends on test inputs.
/// Without keys the restricted loss is that of the mean logits; a key outside 1 … n/2 is ignored.
package func modularMeasures(
    logits: [Double], on grid: GroupGrid, options: ModularMeasureOptions
) -> [MeasuredValue] {
    let order = grid.order
    var keys: [Int] = []
    for key in options.keys where key >= 1 && 2 * key <= order && !keys.contains(key) {
        keys.append(key)
    }
    let context = ModularContext(logits, grid)
    let shared = PairExponentials(logits, on: grid)
    let rows = context.projectedRows(keys)
    let none = [Double](repeating: 0, count: order * order)
    let excluded = shared.losses(
        subtracting: [none, rows] + keys.map { context.projectedRows([$0]) })
    let restricted = context.addingMean(toRows: rows)
    var result = excluded[0].measurements("loss", variant: "")
    result += grid.lossesOfAnswerLogits(restricted)
        .measurements("restricted_loss", variant: "sum")
    result += grid.accuraciesOfAnswerLogits(restricted)
        .measurements("restricted_accuracy", variant: "sum")
    result += excluded[1].measurements("excluded_loss", variant: "sum")
    for (key, losses) in zip(keys, excluded.dropFirst(2)) {
        result += losses.measurements("excluded_loss", variant: "sum/\(key)")
    }
    let blocks = BlockLosses(shared, keys: keys, mean: context.mean)
    for (name, restricted, excluded) in [
        ("block2x2", blocks.restricted2, blocks.excluded2),
        ("block3x3", blocks.restricted3, blocks.excluded3),
    ] {
        result += SplitLosses(restricted).measurements("restricted_loss", variant: name)
        result += SplitLosses(excluded).measurements("excluded_loss", variant: name)
    }
    if options.everyFrequency {
        let train = shared.trainLosses(
            subtracting: (1...max(order / 2, 1)).filter { 2 * $0 <= order }
                .map { context.projectedRows([$0]) })
        result.append(
            MeasuredValue(
                "largest_single_excluded_loss", variant: "sum", split: "train",
                value: train.compactMap { $0 }.max()))
    }
    result += context.trigCoefficients()
    result += trigRatios(logits, answerSums: context.answerSums, grid, keys, name: "logits")
    result.append(
        MeasuredValue("logit_fraction_explained", variant: "cos", value: context.explained(keys)))
    return result
}

/// Sums of the logits that all variants share.
private struct ModularContext {
    let grid: GroupGrid
    let order: Int
    /// Σ of the logits over the pairs with one answer, [n, n].
    let answerSums: [Double]
    /// The orthonormal Fourier basis of n points and its products with answerSums, [n, n] each.
    private let basis: [Double]
    private let coefficients: [Double]
    /// The mean logits over all pairs, [n].
    let mean: [Double]
    /// Σ over w − z = u of answerSums[w, z].
    let quotientSums: [Double]
    let centredSquares: Double

    init(_ logits: [Double], _ grid: GroupGrid) {
        self.grid = grid
        let order = grid.order
        self.order = order
        answerSums = grid.sums(logits, columns: order, by: .answer)
        basis = grid.fourierBasis
        coefficients = matrixProduct(
            basis, answerSums, rows: order, columns: order, inner: order)
        var mean = [Double](repeating: 0, count: order)
        for answer in 0..<order {
            for column in 0..<order {
                mean[column] += answerSums[answer * order + column] / Double(order * order)
            }
        }
        self.mean = mean
        quotientSums = grid.characters.quotientSums(answerSums)
        var squares = 0.0
        logits.withUnsafeBufferPointer { logits in
            for start in stride(from: 0, to: logits.count, by: order) {
                var sum = 0.0
                for column in start..<start + order { sum += logits[column] }
                let average = sum / Double(order)
                for column in start..<start + order {
                    squares += (logits[column] - average) * (logits[column] - average)
                }
            }
        }
        centredSquares = squares
    }

    /// P_S L as a function of the answer, [n, n]: Σ over the keys' basis functions f of f(s)
    /// ⟨f, answerSums⟩ / n, because each answer occurs n times.
    func projectedRows(_ keys: [Int]) -> [Double] {
        var projected = [Double](repeating: 0, count: order * order)
        for wave in keys.flatMap({ basisRows(ofFrequency: $0, count: order) }) {
            projected.withUnsafeMutableBufferPointer { projected in
                coefficients.withUnsafeBufferPointer { coefficients in
                    for answer in 0..<order {
                        let factor = basis[wave * order + answer] / Double(order)
                        for column in 0..<order {
                            projected[answer * order + column] +=
                                factor * coefficients[wave * order + column]
                        }
                    }
                }
            }
        }
        return projected
    }

    /// P_S L plus the mean of L, as a function of the answer, [n, n].
    func addingMean(toRows rows: [Double]) -> [Double] {
        var shifted = rows
        for answer in 0..<order {
            for column in 0..<order { shifted[answer * order + column] += mean[column] }
        }
        return shifted
    }

    /// ⟨L, c_k⟩ and ‖c_k‖² with c_k[x, y, z] = cos(w_k (answer − z)).
    private func inner(_ frequency: Int) -> (product: Double, squares: Double) {
        var (product, squares) = (0.0, 0.0)
        for element in 0..<order {
            let wave = cos(2 * .pi * Double(frequency * element % order) / Double(order))
            product += wave * quotientSums[element]
            squares += wave * wave
        }
        return (product, squares * Double(order * order))
    }

    func trigCoefficients() -> [MeasuredValue] {
        (0...order / 2).dropFirst().map { frequency in
            let (product, squares) = inner(frequency)
            return MeasuredValue(
                "trig_coefficient", variant: "\(frequency)", split: "all",
                value: product / squares.squareRoot())
        }
    }

    func explained(_ keys: [Int]) -> Double? {
        guard centredSquares > 0 else { return nil }
        return keys.reduce(0) { sum, key in
            let (product, squares) = inner(key)
            return sum + product * product / (squares * centredSquares)
        }
    }
}
