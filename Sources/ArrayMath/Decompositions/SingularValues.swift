internal import COpenBLAS

/// How singular values are computed.
package enum SingularValueMethod: Sendable {
    /// Square roots of the eigenvalues of the smaller Gram matrix, formed in `Double`.
    ///
    /// Several times faster than a direct decomposition; the absolute error is about
    /// 1e-8 of the largest singular value for the smallest ones and rounding for the large ones,
    /// below what the entries of a `Float` matrix determine.
    case gram
    /// LAPACK's divide and conquer on the matrix itself: every value to rounding of the largest.
    case direct
}

/// The singular values of a `rows` × `columns` matrix in row-major order, falling.
///
/// There are `min(rows, columns)` of them, all ≥ 0. A matrix with NaN or an infinity gives NaN
/// everywhere; an empty matrix gives none.
package func singularValues(
    _ matrix: [Double], rows: Int, columns: Int, method: SingularValueMethod = .gram
) -> [Double] {
    precondition(matrix.count == rows * columns, "a matrix has rows times columns elements")
    let count = min(rows, columns)
    guard count > 0 else { return [] }
    let largest = VectorSizes(of: matrix).largestMagnitude
    guard largest.isFinite else { return [Double](repeating: .nan, count: count) }
    guard count > 1 else { return [vectorNorm(matrix)] }
    // The square of an entry beyond these bounds would overflow or vanish.
    let squaresAreSafe = largest < 1e140 && largest > 1e-140
    switch method {
    case .gram where squaresAreSafe:
        let gram = gramMatrix(matrix, rows: rows, columns: columns)
        return symmetricEigenvalues(gram, order: count).reversed().map { max(0, $0).squareRoot() }
    case .gram, .direct: return directSingularValues(matrix, rows: rows, columns: columns)
    }
}

/// The smaller of A Aᵀ and Aᵀ A for a row-major `rows` × `columns` matrix A.
///
/// Symmetric, of order `min(rows, columns)`; only the lower triangle in column-major reading is
/// filled, the rest is zero.
package func gramMatrix(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
    let order = min(rows, columns)
    var gram = [Double](repeating: 0, count: order * order)
    guard order > 0 else { return gram }
    precondition(singleThreadedBLAS)
    cblas_dsyrk(
        CblasRowMajor, CblasUpper, rows <= columns ? CblasNoTrans : CblasTrans, Int32(order),
        Int32(max(rows, columns)), 1, matrix, Int32(columns), 0, &gram, Int32(order))
    return gram
}

/// The Euclidean norm, safe against overflow and underflow of the squares.
///
/// NaN when an element is NaN, else infinity when one is infinite; 0 for no elements.
package func vectorNorm(_ values: [Double]) -> Double {
    let sum = VectorSizes(of: values).sumOfSquares
    if sum.isFinite, sum > 1e-280 { return sum.squareRoot() }
    let largest = values.reduce(0) { $1.isNaN || $0.isNaN ? .nan : max($0, abs($1)) }
    guard largest.isFinite, largest > 0 else { return largest }
    return largest * values.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
}

private func directSingularValues(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
    precondition(singleThreadedBLAS)
    let count = min(rows, columns)
    // Row-major rows × columns is column-major columns × rows: the same singular values.
    var extent = (Int32(columns), Int32(rows))
    var copy = matrix
    var values = [Double](repeating: .nan, count: count)
    var job = CChar(bitPattern: UInt8(ascii: "N"))
    var one: Int32 = 1
    var unused = (0.0, 0.0)
    let larger = max(rows, columns)
    var workCount = Int32(3 * count + max(larger, 7 * count) + 64 * (rows + columns))
    var work = [Double](repeating: 0, count: Int(workCount))
    var integers = [Int32](repeating: 0, count: 8 * count)
    var info: Int32 = 0
    var leading = extent.0
    dgesdd_(
        &job, &extent.0, &extent.1, &copy, &leading, &values, &unused.0, &one, &unused.1, &one,
        &work, &workCount, &integers, &info)
    return info == 0 ? values : [Double](repeating: .nan, count: count)
}
