internal import COpenBLAS

/// Orthonormal vectors of one dimension, row after row in one block of memory.
///
/// The last row may be raw: a product that is yet to be made orthogonal to the rows before it.
struct KrylovBasis {
    private let dimension: Int
    private(set) var count = 0
    private var rows: [Double]
    private var scratch: [Double]

    init(dimension: Int, capacity: Int) {
        self.dimension = dimension
        rows = [Double](repeating: 0, count: dimension * capacity)
        scratch = []
    }

    private var last: Range<Int> { (count - 1) * dimension..<count * dimension }

    mutating func append(_ vector: [Double]) {
        count += 1
        replaceLast(vector)
    }

    mutating func replaceLast(_ vector: [Double]) {
        let start = last.lowerBound
        for index in 0..<dimension { rows[start + index] = vector[index] }
    }

    mutating func clearLast() { for index in last { rows[index] = 0 } }

    mutating func removeLast() { count -= 1 }

    /// A copy of one row.
    func row(_ index: Int) -> [Double] {
        Array(rows[index * dimension..<(index + 1) * dimension])
    }

    /// Makes room for one more row without filling it.
    mutating func extend() { count += 1 }

    /// Hands out the last but one row to read and the last to write.
    mutating func withLastTwo(
        _ body: (UnsafeBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) throws -> Void
    ) rethrows {
        let start = last.lowerBound
        try rows.withUnsafeMutableBufferPointer { all in
            let source = UnsafeMutableBufferPointer(
                rebasing: all[start - dimension..<start])
            let target = UnsafeMutableBufferPointer(rebasing: all[start..<start + dimension])
            try body(UnsafeBufferPointer(source), target)
        }
    }

    var lastIsFinite: Bool { lastNorm.isFinite }

    var lastNorm: Double {
        rows.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return 0 }
            return cblas_dnrm2(Int32(dimension), base + last.lowerBound, 1)
        }
    }

    /// Scales the last row to length one; false, and no change, when it is zero.
    mutating func normalizeLast() -> Bool {
        let norm = lastNorm
        guard norm > 0, norm.isFinite else { return false }
        for index in last { rows[index] /= norm }
        return true
    }

    /// Removes from the last row its parts along all rows before it, and returns them.
    ///
    /// The two rows before it, which hold nearly all of a Lanczos product, go first; one pass over
    /// all rows then leaves errors of the size of rounding, and a second follows where it cancelled
    /// much (twice is enough: Kahan, in Parlett 1980, section 6.9).
    mutating func orthogonalizeLast() -> [Double] {
        let others = count - 1
        var total = [Double](repeating: 0, count: others)
        guard others > 0 else { return total }
        let (width, start) = (Int32(dimension), last.lowerBound)
        rows.withUnsafeMutableBufferPointer { all in
            guard let base = all.baseAddress else { return }
            let target = base + start
            for index in (max(0, others - 2)..<others).reversed() {
                let row = base + index * dimension
                let part = cblas_ddot(width, row, 1, target, 1)
                cblas_daxpy(width, -part, row, 1, target, 1)
                total[index] += part
            }
            var part = total
            var before = cblas_dnrm2(width, target, 1)
            for _ in 0..<3 {
                cblas_dgemv(
                    CblasRowMajor, CblasNoTrans, Int32(others), width, 1, base, width, target, 1, 0,
                    &part, 1)
                cblas_dgemv(
                    CblasRowMajor, CblasTrans, Int32(others), width, -1, base, width, part, 1, 1,
                    target, 1)
                for index in total.indices { total[index] += part[index] }
                let after = cblas_dnrm2(width, target, 1)
                // Also ends where nothing finite or nothing at all is left.
                if !(after < 0.7 * before) || after == 0 { return }
                before = after
            }
        }
        return total
    }

    /// The products of all rows with a vector.
    func products(with vector: [Double]) -> [Double] {
        vector.withUnsafeBufferPointer { products(with: $0) }
    }

    func products(with vector: UnsafeBufferPointer<Double>) -> [Double] {
        var result = [Double](repeating: 0, count: count)
        guard count > 0 else { return result }
        cblas_dgemv(
            CblasRowMajor, CblasNoTrans, Int32(count), Int32(dimension), 1, rows, Int32(dimension),
            vector.baseAddress, 1, 0, &result, 1)
        return result
    }

    /// Takes Σ c_i row_i from a vector.
    func subtractCombination(
        _ coefficients: [Double], from vector: UnsafeMutableBufferPointer<Double>
    ) {
        guard count > 0 else { return }
        cblas_dgemv(
            CblasRowMajor, CblasTrans, Int32(count), Int32(dimension), -1, rows, Int32(dimension),
            coefficients, 1, 1, vector.baseAddress, 1)
    }

    /// Σ c_i row_i over the first rows.
    func combination(_ coefficients: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: dimension)
        cblas_dgemv(
            CblasRowMajor, CblasTrans, Int32(coefficients.count), Int32(dimension), 1, rows,
            Int32(dimension), coefficients, 1, 0, &result, 1)
        return result
    }

    /// Replaces the first `from` rows by `to` combinations of them and puts the last row behind.
    ///
    /// `coefficients` is row-major `to` × `from`.
    mutating func rotate(_ coefficients: [Double], from: Int, to: Int) {
        // Columns in strips: the new rows overwrite the old ones strip by strip.
        let strip = 4096
        scratch = [Double](repeating: 0, count: to * strip)
        let lastStart = last.lowerBound
        rows.withUnsafeMutableBufferPointer { all in
            guard let base = all.baseAddress else { return }
            var column = 0
            while column < dimension {
                let width = min(strip, dimension - column)
                cblas_dgemm(
                    CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(to), Int32(width), Int32(from),
                    1, coefficients, Int32(from), base + column, Int32(dimension), 0, &scratch,
                    Int32(width))
                for row in 0..<to {
                    for offset in 0..<width {
                        all[row * dimension + column + offset] = scratch[row * width + offset]
                    }
                }
                for offset in 0..<width {
                    all[to * dimension + column + offset] = all[lastStart + column + offset]
                }
                column += width
            }
        }
        count = to + 1
    }
}
