internal import ArrayMath
internal import Foundation
internal import VectorMath

extension GroupGrid {
    /// Losses of logits [n², n]: cross-entropy of row (x, y) against the answer xy.
    func losses(of logits: [Double]) -> SplitLosses {
        SplitLosses(lossSums(of: logits, lefts: 0..<order))
    }

    /// The same before the means are taken, of the pairs of some left operands.
    func lossSums(of logits: [Double], lefts: Range<Int>) -> SplitSums {
        let range = lefts.lowerBound * order..<lefts.upperBound * order
        var sums = SplitSums()
        var row = [Double](repeating: 0, count: (order + 3) / 4 * 4)
        logits.withUnsafeBufferPointer { source in
            row.withUnsafeMutableBufferPointer { row in
                for (place, pair) in range.enumerated() {
                    for column in 0..<order { row[column] = source[place * order + column] }
                    sums.add(
                        crossEntropy(row, count: order, target: answers[pair]),
                        isTrain: isTrain[pair])
                }
            }
        }
        for (pair, trained) in trainedAnswers where range.contains(pair) {
            let start = (pair - range.lowerBound) * order
            sums.addNoise(logits[start + answers[pair]] - logits[start + trained])
        }
        return sums
    }

    /// What the loss of each noisy train pair has more against its trained answer: the right answer's
    /// logit less the trained one's, since the logarithm of the sum is common to both.
    func noise(_ difference: (_ pair: Int, _ right: Int, _ trained: Int) -> Double) -> [Double] {
        trainedAnswers.map { difference($0.key, answers[$0.key], $0.value) }
    }

    /// Whether the largest of logits that depend on the answer alone, [n, n], is at the answer: 1 or
    /// 0 for each pair, as means over the splits; the first of equals counts as the largest.
    func accuraciesOfAnswerLogits(_ logits: [Double]) -> SplitLosses {
        let largest = (0..<order).map { answer -> Int? in
            let row = logits[answer * order..<(answer + 1) * order]
            guard row.allSatisfy({ !$0.isNaN }) else { return nil }
            return row.firstIndex(of: row.max() ?? 0).map { $0 - row.startIndex }
        }
        func isRight(_ answer: Int, _ target: Int) -> Double {
            largest[answer].map { $0 == target ? 1 : 0 } ?? .nan
        }
        return SplitLosses(
            answers.map { isRight($0, $0) }, isTrain: isTrain,
            noise: noise { isRight($1, $2) - isRight($1, $1) })
    }

    /// Losses of logits that depend on the answer alone, [n, n].
    func lossesOfAnswerLogits(_ logits: [Double]) -> SplitLosses {
        var row = [Double](repeating: 0, count: (order + 3) / 4 * 4)
        let each = (0..<order).map { answer in
            for column in 0..<order { row[column] = logits[answer * order + column] }
            return row.withUnsafeMutableBufferPointer {
                crossEntropy($0, count: order, target: answer)
            }
        }
        return SplitLosses(
            answers.map { each[$0] }, isTrain: isTrain,
            noise: noise { logits[$1 * order + $1] - logits[$1 * order + $2] })
    }
}

/// −ln softmax(row)[target] of a row that is given element by element.
func crossEntropy(count: Int, target: Int, logit: (Int) -> Double) -> Double {
    var row = [Double](repeating: 0, count: (count + 3) / 4 * 4)
    for column in 0..<count { row[column] = logit(column) }
    return row.withUnsafeMutableBufferPointer { crossEntropy($0, count: count, target: target) }
}

/// −ln softmax(row)[target] for the first `count` entries; the row is padded to a multiple of four.
///
/// Keeps its relative accuracy down to losses of 1e-300: where the target has the largest logit the
/// sum of the others enters through log1p. NaN and mixed infinities give NaN.
func crossEntropy(
    _ row: UnsafeMutableBufferPointer<Double>, count: Int, target: Int
) -> Double {
    var largest = row[target]
    for index in 0..<count where row[index] > largest { largest = row[index] }
    let own = row[target]
    // The target and the padding drop out of the sum of the others.
    row[target] = -.infinity
    for index in count..<row.count { row[index] = -.infinity }
    let shift = SIMD2(repeating: largest)
    var sums = SIMD2<Double>.zero
    for start in stride(from: 0, to: row.count, by: 2) {
        sums += Double.exponential(SIMD2(row[start], row[start + 1]) - shift)
    }
    let others = sums.sum()
    return own == largest
        ? log1p(others) : largest - own + log(others + exp(own - largest))
}
