internal import ArrayMath
internal import Foundation

/// Mean cross-entropy over train pairs, test pairs and all pairs, in nats.
package struct SplitLosses: Sendable, Equatable {
    /// Nil when there is no such pair.
    package let train: Double?
    package let test: Double?
    package let all: Double

    /// Means of per-pair losses.
    init(_ losses: [Double], isTrain: [Bool]) {
        var (train, test, trainCount) = (0.0, 0.0, 0)
        for (loss, flag) in zip(losses, isTrain) {
            if flag {
                train += loss
                trainCount += 1
            } else {
                test += loss
            }
        }
        let testCount = losses.count - trainCount
        self.train = trainCount > 0 ? train / Double(trainCount) : nil
        self.test = testCount > 0 ? test / Double(testCount) : nil
        all = (train + test) / Double(max(losses.count, 1))
    }

    /// The three values as measurements.
    func measurements(_ measure: String, variant: String) -> [MeasuredValue] {
        [("train", train), ("test", test), ("all", all)].map {
            MeasuredValue(measure, variant: variant, split: $0.0, value: $0.1)
        }
    }
}

extension GroupGrid {
    /// Losses of logits [n², n] with the rows [n, n] of a function of the answer taken away.
    ///
    /// Cross-entropy of row (x, y) against the answer xy. Without a correction the logits as they
    /// are.
    func losses(
        of logits: [Double], subtracting correction: [Double]? = nil, only wanted: [Bool]? = nil
    ) -> SplitLosses {
        var losses = [Double](repeating: 0, count: logits.count / order)
        var row = [Double](repeating: 0, count: (order + 3) / 4 * 4)
        logits.withUnsafeBufferPointer { source in
            row.withUnsafeMutableBufferPointer { row in
                for pair in losses.indices where wanted?[pair] ?? true {
                    let answer = answers[pair]
                    let start = pair * order
                    if let correction {
                        correction.withUnsafeBufferPointer { correction in
                            let offset = answer * order
                            for column in 0..<order {
                                row[column] = source[start + column] - correction[offset + column]
                            }
                        }
                    } else {
                        for column in 0..<order { row[column] = source[start + column] }
                    }
                    losses[pair] = crossEntropy(row, count: order, target: answer)
                }
            }
        }
        return SplitLosses(losses, isTrain: isTrain)
    }

    /// Whether the largest of logits that depend on the answer alone, [n, n], is at the answer: 1 or
    /// 0 for each pair, as means over the splits; the first of equals counts as the largest.
    func accuraciesOfAnswerLogits(_ logits: [Double]) -> SplitLosses {
        let isRight = (0..<order).map { answer -> Double in
            let row = logits[answer * order..<(answer + 1) * order]
            guard row.allSatisfy({ !$0.isNaN }) else { return .nan }
            return row.firstIndex(of: row.max() ?? 0) == row.startIndex + answer ? 1 : 0
        }
        return SplitLosses(answers.map { isRight[$0] }, isTrain: isTrain)
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
        return SplitLosses(answers.map { each[$0] }, isTrain: isTrain)
    }
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
