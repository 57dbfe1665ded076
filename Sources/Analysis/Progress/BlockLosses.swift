internal import ArrayMath
internal import Foundation
internal import VectorMath

/// Projections of logits [n², n] of a cyclic grid on products of basis functions of the operands.
///
/// `block2x2` is the span of {cos, sin} of x times {cos, sin} of y for each key, `block3x3` that of
/// {1, cos, sin}² without (1, 1): the former plus functions of one operand alone.
struct BlockProjection {
    private let count: Int
    /// The keys' basis functions, [waves, n].
    private let waves: [Double]
    private let waveCount: Int
    /// ⟨f_i f_j, L⟩, [waves, waves, n]; 0 where i and j belong to different keys.
    private let coefficients: [Double]
    /// What the 3 × 3 blocks add to the 2 × 2 ones: functions of x and of y, [n, n] each.
    let left: [Double]
    let right: [Double]

    init(_ logits: [Double], on grid: GroupGrid, keys: [Int]) {
        let n = grid.order
        let basis = grid.fourierBasis
        let owners = keys.flatMap { key in basisRows(ofFrequency: key, count: n).map { _ in key } }
        let waves = keys.flatMap { key in
            basisRows(ofFrequency: key, count: n).flatMap { Array(basis[$0 * n..<($0 + 1) * n]) }
        }
        let count = owners.count
        // A[i, y, z] = Σ_x f_i(x) L[x, y, z].
        let partial = matrixProduct(waves, logits, rows: count, columns: n * n, inner: n)
        var coefficients = [Double](repeating: 0, count: count * count * n)
        for i in 0..<count {
            let slab = Array(partial[i * n * n..<(i + 1) * n * n])
            let block = matrixProduct(waves, slab, rows: count, columns: n, inner: n)
            for j in 0..<count where owners[i] == owners[j] {
                for column in 0..<n {
                    coefficients[(i * count + j) * n + column] = block[j * n + column]
                }
            }
        }
        func alone(_ coordinate: GroupGrid.PairCoordinate) -> [Double] {
            let means = grid.sums(logits, columns: n, by: coordinate).map { $0 / Double(n) }
            let along = matrixProduct(waves, means, rows: count, columns: n, inner: n)
            return matrixProduct(
                waves, transposed: true, along, transposed: false, rows: n, columns: n,
                inner: count)
        }
        self.count = n
        self.waves = waves
        waveCount = count
        self.coefficients = coefficients
        left = alone(.left)
        right = alone(.right)
    }

    /// The 2 × 2 blocks' part for one left operand, [n, n] by right operand and class.
    func slab(_ x: Int) -> [Double] {
        // Σ_i f_i(x) ⟨f_i f_j, L⟩, [waves, n].
        let own = (0..<waveCount).map { waves[$0 * count + x] }
        let rows = matrixProduct(
            own, coefficients, rows: 1, columns: waveCount * count, inner: waveCount)
        return matrixProduct(
            waves, transposed: true, rows, transposed: false, rows: count, columns: count,
            inner: waveCount)
    }
}

/// Restricted and excluded losses of the 2 × 2 and 3 × 3 blocks.
struct BlockLosses {
    private(set) var restricted2 = SplitSums()
    private(set) var excluded2 = SplitSums()
    private(set) var restricted3 = SplitSums()
    private(set) var excluded3 = SplitSums()

    /// Losses of the projection P plus the mean m of the logits over pairs, and of L − P.
    ///
    /// With g_c = e^(P_c − P_t) of the 2 × 2 blocks, and with the exponentials of the logits, of m and
    /// of the functions of one operand that the 3 × 3 blocks add, all four are sums of products, as in
    /// `PairExponentials`.
    init(_ shared: PairExponentials, keys: [Int], mean: [Double]) {
        let grid = shared.grid
        let (order, stride) = (grid.order, shared.stride)
        let projection = BlockProjection(shared.logits, on: grid, keys: keys)
        let left = RowExponentials(projection.left, order: order)
        let right = RowExponentials(projection.right, order: order)
        var means = RowExponentials(mean, order: order)
        for column in order..<stride { means.values[column] = 0 }
        var ratios = [Double](repeating: 0, count: order * stride)
        var spreads = [Double](repeating: 0, count: order)
        for x in 0..<order {
            let slab = projection.slab(x)
            slab.withUnsafeBufferPointer { slab in
                ratios.withUnsafeMutableBufferPointer { ratios in
                    for y in 0..<order {
                        let answer = grid.answers[x * order + y]
                        spreads[y] = PairExponentials.differences(
                            of: slab, at: y * order, count: order, from: answer, into: ratios,
                            at: y * stride)
                    }
                    if let base = ratios.baseAddress {
                        Double.exponentiate(base, count: ratios.count)
                    }
                }
            }
            for y in 0..<order {
                let pair = x * order + y
                let (answer, isTrain) = (grid.answers[pair], grid.isTrain[pair])
                let place = shared.places[pair]
                let common = spreads[y] + left.widths[x] + right.widths[y]
                let losses: BlockSums
                if common + max(shared.spreads[place], means.widths[0]) <= PairExponentials.widest {
                    // The answer's own term counts nowhere; the logits' exponentials hold 0 there.
                    let own = means.values[answer]
                    means.values[answer] = 0
                    losses = BlockSums(
                        ratios: ratios[y * stride..<(y + 1) * stride],
                        logits: shared.exponentials[place * stride..<(place + 1) * stride],
                        means: means.values[0..<stride],
                        left: left.values[x * stride..<(x + 1) * stride],
                        right: right.values[y * stride..<(y + 1) * stride]
                    ).losses(
                        mean: own,
                        alone: left.values[x * stride + answer] * right.values[y * stride + answer])
                    means.values[answer] = own
                } else {
                    losses = BlockLosses.direct(
                        order, answer, logits: shared.logits[pair * order..<(pair + 1) * order],
                        part: slab[y * order..<(y + 1) * order], mean: mean,
                        alone: (0..<order).map {
                            projection.left[x * order + $0] + projection.right[y * order + $0]
                        })
                }
                restricted2.add(losses.restricted2, isTrain: isTrain)
                excluded2.add(losses.excluded2, isTrain: isTrain)
                restricted3.add(losses.restricted3, isTrain: isTrain)
                excluded3.add(losses.excluded3, isTrain: isTrain)
                if let trained = grid.trainedAnswers[pair] {
                    func difference(_ value: (Int) -> Double) -> Double {
                        value(answer) - value(trained)
                    }
                    let part = difference { slab[y * order + $0] }
                    let alone = difference {
                        projection.left[x * order + $0] + projection.right[y * order + $0]
                    }
                    let middle = difference { mean[$0] }
                    let whole = difference { shared.logits[pair * order + $0] }
                    restricted2.addNoise(part + middle)
                    excluded2.addNoise(whole - part)
                    restricted3.addNoise(part + alone + middle)
                    excluded3.addNoise(whole - part - alone)
                }
            }
        }
    }

    private static func direct(
        _ order: Int, _ answer: Int, logits: ArraySlice<Double>, part: ArraySlice<Double>,
        mean: [Double], alone: [Double]
    ) -> BlockSums {
        let (logits, part) = (Array(logits), Array(part))
        func loss(_ logit: (Int) -> Double) -> Double {
            crossEntropy(count: order, target: answer, logit: logit)
        }
        return BlockSums(
            restricted2: loss { part[$0] + mean[$0] }, excluded2: loss { logits[$0] - part[$0] },
            restricted3: loss { part[$0] + alone[$0] + mean[$0] },
            excluded3: loss { logits[$0] - part[$0] - alone[$0] })
    }
}

/// One number for each of the four losses of a pair.
private struct BlockSums {
    var restricted2: Double
    var excluded2: Double
    var restricted3: Double
    var excluded3: Double

    init(restricted2: Double, excluded2: Double, restricted3: Double, excluded3: Double) {
        self.restricted2 = restricted2
        self.excluded2 = excluded2
        self.restricted3 = restricted3
        self.excluded3 = excluded3
    }

    /// The sums over classes of g m, e / g, g m a and e / (g a) with a = left · right; the slices have
    /// one length, a multiple of eight.
    init(
        ratios: ArraySlice<Double>, logits: ArraySlice<Double>, means: ArraySlice<Double>,
        left: ArraySlice<Double>, right: ArraySlice<Double>
    ) {
        typealias Lanes = SIMD8<Double>
        var sums = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        ratios.withUnsafeBytes { ratios in
            logits.withUnsafeBytes { logits in
                means.withUnsafeBytes { means in
                    left.withUnsafeBytes { left in
                        right.withUnsafeBytes { right in
                            for start in stride(from: 0, to: ratios.count, by: 64) {
                                func lanes(_ bytes: UnsafeRawBufferPointer) -> Lanes {
                                    bytes.loadUnaligned(fromByteOffset: start, as: Lanes.self)
                                }
                                let ratio = lanes(ratios)
                                let alone = lanes(left) * lanes(right)
                                let kept = ratio * lanes(means)
                                let rest = lanes(logits) / ratio
                                sums.0 += kept
                                sums.1 += rest
                                sums.2 += kept * alone
                                sums.3 += rest / alone
                            }
                        }
                    }
                }
            }
        }
        self.init(
            restricted2: sums.0.sum(), excluded2: sums.1.sum(), restricted3: sums.2.sum(),
            excluded3: sums.3.sum())
    }

    /// ln(1 + S) of each sum, with the answer's own factors divided out.
    func losses(mean: Double, alone: Double) -> BlockSums {
        BlockSums(
            restricted2: log1p(restricted2 / mean), excluded2: log1p(excluded2),
            restricted3: log1p(restricted3 / (mean * alone)),
            excluded3: log1p(excluded3 * alone))
    }
}

/// e^(v_c − v_0) of rows v with n elements each, padded with ones.
private struct RowExponentials {
    /// [rows, stride].
    var values: [Double]
    /// max over c of |v_c − v_0| of each row, doubled: no two elements are further apart.
    ///
    /// Infinite with NaN.
    let widths: [Double]

    init(_ rows: [Double], order: Int) {
        let stride = PairExponentials.stride(order)
        let count = rows.count / order
        var values = [Double](repeating: 0, count: count * stride)
        var widths = [Double](repeating: 0, count: count)
        rows.withUnsafeBufferPointer { rows in
            values.withUnsafeMutableBufferPointer { values in
                for row in 0..<count {
                    widths[row] =
                        2
                        * PairExponentials.differences(
                            of: rows, at: row * order, count: order, from: 0, into: values,
                            at: row * stride)
                }
                if let base = values.baseAddress {
                    Double.exponentiate(base, count: values.count)
                }
            }
        }
        self.values = values
        self.widths = widths
    }
}
