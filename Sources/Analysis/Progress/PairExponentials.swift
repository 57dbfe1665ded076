internal import ArrayMath
internal import Foundation
internal import VectorMath

/// e^(L_c − L_t) for the logits L of all pairs, with t the right answer of each: what the losses of
/// many changes of the same logits share.
///
/// The cross-entropy of a pair is ln(1 + S) with S = Σ over c ≠ t of e^(L_c − L_t). Taking rows κ that
/// depend on the answer alone away from L multiplies each term by e^(κ_t − κ_c), so that the sums of
/// all pairs of one answer under many such rows are one matrix product, and only L and the rows are
/// exponentiated. All terms are positive: S keeps the relative accuracy of its terms, at worst
/// (600 + n + 8) · 2⁻⁵³ from the rounding of the exponents, the exponentials and the sum, whatever
/// its size. Where exponents together exceed `widest`, and for NaN, the rows are taken as they are.
///
/// The pairs may be those of some left operands alone: each answer then has one pair for each of them.
struct PairExponentials {
    let grid: GroupGrid
    /// Logits of the pairs, [pairs, n].
    let logits: [Double]
    /// Elements from one row of `exponentials` to the next; the padding holds zeros.
    let stride: Int
    /// [pairs, stride] in the order of `places`, 0 at the right answer and in rows that are too wide.
    let exponentials: [Double]
    /// max over c of |L_c − L_t| of each row; infinite with NaN.
    let spreads: [Double]
    /// The row of each pair: pairs with one answer follow each other, those trained on first.
    let places: [Int]
    /// The pairs of the grid that these are.
    private let range: Range<Int>
    /// Pairs of each answer.
    private let rowCount: Int
    /// The pair of each row, counted from the first.
    private let pairs: [Int]
    private let trainCounts: [Int]

    /// The largest sum of exponents whose exponentials are multiplied: e^600 is far from overflow
    /// and its reciprocal a normal number.
    static let widest = 600.0

    /// Takes the logits of all pairs, or of those of some left operands.
    init(_ logits: [Double], on grid: GroupGrid, lefts: Range<Int>? = nil) {
        let order = grid.order
        let lefts = lefts ?? 0..<order
        let range = lefts.lowerBound * order..<lefts.upperBound * order
        precondition(logits.count == range.count * order, "logits of each pair")
        self.grid = grid
        self.logits = logits
        self.range = range
        rowCount = lefts.count
        var trainCounts = [Int](repeating: 0, count: order)
        for (answer, isTrain) in zip(grid.answers[range], grid.isTrain[range]) where isTrain {
            trainCounts[answer] += 1
        }
        var next = (0..<order).map { $0 * lefts.count }
        var nextTest = (0..<order).map { $0 * lefts.count + trainCounts[$0] }
        var places = [Int](repeating: 0, count: range.count)
        var pairs = places
        for pair in places.indices {
            let answer = grid.answers[range.lowerBound + pair]
            if grid.isTrain[range.lowerBound + pair] {
                places[pair] = next[answer]
                next[answer] += 1
            } else {
                places[pair] = nextTest[answer]
                nextTest[answer] += 1
            }
            pairs[places[pair]] = pair
        }
        let stride = PairExponentials.stride(order)
        var rows = [Double](repeating: -.infinity, count: range.count * stride)
        var spreads = [Double](repeating: .infinity, count: range.count)
        logits.withUnsafeBufferPointer { source in
            rows.withUnsafeMutableBufferPointer { rows in
                for (place, pair) in pairs.enumerated() {
                    let answer = place / lefts.count
                    spreads[place] = PairExponentials.differences(
                        of: source, at: pair * order, count: order, from: answer,
                        into: rows, at: place * stride)
                    // Nothing of a row that is too wide, nor of the answer's own term.
                    let isWide = spreads[place] > PairExponentials.widest
                    for column in isWide ? 0..<order : answer..<answer + 1 {
                        rows[place * stride + column] = -.infinity
                    }
                    for column in order..<stride { rows[place * stride + column] = -.infinity }
                }
                if let base = rows.baseAddress { Double.exponentiate(base, count: rows.count) }
            }
        }
        exponentials = rows
        self.stride = stride
        self.spreads = spreads
        self.places = places
        self.pairs = pairs
        self.trainCounts = trainCounts
    }

    /// A row of n elements padded to whole vectors of eight.
    static func stride(_ order: Int) -> Int { (order + 7) / 8 * 8 }

    /// target[c] = source[c] − source[t], and zeros in the padding; gives the largest magnitude,
    /// infinity with NaN.
    static func differences(
        of source: UnsafeBufferPointer<Double>, at start: Int, count: Int, from answer: Int,
        into target: UnsafeMutableBufferPointer<Double>, at place: Int
    ) -> Double {
        for column in count..<stride(count) { target[place + column] = 0 }
        let own = source[start + answer]
        var (smallest, largest, sum) = (0.0, 0.0, 0.0)
        for column in 0..<count {
            let difference = source[start + column] - own
            target[place + column] = difference
            // No comparison is true of NaN, but the sum is NaN where an element is.
            smallest = difference < smallest ? difference : smallest
            largest = difference > largest ? difference : largest
            sum += difference
        }
        return sum.isFinite ? max(largest, -smallest) : .infinity
    }

    /// The losses of the logits without change.
    func losses() -> SplitLosses {
        losses(subtracting: [[Double](repeating: 0, count: grid.order * grid.order)])[0]
    }

    /// The losses with each of some rows [n, n] of a function of the answer taken away.
    func losses(subtracting corrections: [[Double]]) -> [SplitLosses] {
        sums(subtracting: corrections).map { SplitLosses($0) }
    }

    /// The same on train pairs alone; nil where there are none.
    func trainLosses(subtracting corrections: [[Double]]) -> [Double?] {
        sums(subtracting: corrections, trainOnly: true).map { SplitLosses($0).train }
    }

    /// The same before the means are taken.
    func sums(subtracting corrections: [[Double]], trainOnly: Bool = false) -> [SplitSums] {
        let (order, count) = (grid.order, corrections.count)
        var result = [SplitSums](repeating: SplitSums(), count: count)
        var factors = [Double](repeating: 0, count: count * stride)
        var widths = [Double](repeating: 0, count: count)
        for answer in 0..<order {
            let rows = trainOnly ? trainCounts[answer] : rowCount
            guard rows > 0 else { continue }
            factors.withUnsafeMutableBufferPointer { factors in
                for (index, correction) in corrections.enumerated() {
                    correction.withUnsafeBufferPointer {
                        widths[index] = PairExponentials.differences(
                            of: $0, at: answer * order, count: order, from: answer,
                            into: factors, at: index * stride)
                    }
                }
                for place in factors.indices { factors[place] = -factors[place] }
                if let base = factors.baseAddress {
                    Double.exponentiate(base, count: factors.count)
                }
            }
            let first = answer * rowCount
            let sums = product(of: rows, from: first, with: factors, count: count)
            for row in 0..<rows {
                let isTrain = row < trainCounts[answer]
                for index in 0..<count {
                    let isMild = spreads[first + row] + widths[index] <= PairExponentials.widest
                    let loss =
                        isMild
                        ? log1p(sums[row * count + index])
                        : directLoss(pairs[first + row], answer, corrections[index])
                    result[index].add(loss, isTrain: isTrain)
                }
            }
        }
        for (pair, trained) in grid.trainedAnswers where range.contains(pair) {
            let (right, row) = (grid.answers[pair], (pair - range.lowerBound) * order)
            let own = logits[row + right] - logits[row + trained]
            for (index, correction) in corrections.enumerated() {
                result[index].addNoise(
                    own - correction[right * order + right] + correction[right * order + trained])
            }
        }
        return result
    }

    /// The sums of rows of exponentials times each row of factors, [rows, count].
    private func product(
        of rows: Int, from first: Int, with factors: [Double], count: Int
    ) -> [Double] {
        let part = Array(exponentials[first * stride..<(first + rows) * stride])
        return matrixProduct(
            part, transposed: false, factors, transposed: true, rows: rows, columns: count,
            inner: stride)
    }

    private func directLoss(_ pair: Int, _ answer: Int, _ correction: [Double]) -> Double {
        crossEntropy(
            count: grid.order, target: answer,
            logit: { logits[pair * grid.order + $0] - correction[answer * grid.order + $0] })
    }
}
