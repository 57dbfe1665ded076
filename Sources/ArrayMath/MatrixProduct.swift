internal import COpenBLAS
internal import Foundation

/// OpenBLAS set to one thread inside a call, once per process: Cairn runs products and decompositions
/// side by side, and results must not depend on how many threads one took.
let singleThreadedBLAS: Bool = {
    openblas_set_num_threads(1)
    return true
}()

extension Float {
    @usableFromInline
    package static func product(
        transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, inner: Int,
        alpha: Float, a: UnsafePointer<Float>, strideA: Int, b: UnsafePointer<Float>, strideB: Int,
        beta: Float, c: UnsafeMutablePointer<Float>, strideC: Int
    ) {
        precondition(singleThreadedBLAS)
        guard rows > 0 && columns > 0 else { return }
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
            transposeB ? CblasTrans : CblasNoTrans, blasint(rows), blasint(columns),
            blasint(inner), alpha, a, blasint(strideA), b, blasint(strideB), beta, c,
            blasint(strideC))
    }
}

extension Double {
    @usableFromInline
    package static func product(
        transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, inner: Int,
        alpha: Double, a: UnsafePointer<Double>, strideA: Int, b: UnsafePointer<Double>,
        strideB: Int, beta: Double, c: UnsafeMutablePointer<Double>, strideC: Int
    ) {
        precondition(singleThreadedBLAS)
        guard rows > 0 && columns > 0 else { return }
        cblas_dgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
            transposeB ? CblasTrans : CblasNoTrans, blasint(rows), blasint(columns),
            blasint(inner), alpha, a, blasint(strideA), b, blasint(strideB), beta, c,
            blasint(strideC))
    }
}

/// A row-major matrix in memory that someone else owns.
package struct MatrixView<Scalar: ArrayScalar> {
    package let base: UnsafeMutablePointer<Scalar>
    package let rows: Int
    package let columns: Int
    /// Elements from the start of one row to the start of the next.
    package let stride: Int

    @inlinable
    package init(
        _ base: UnsafeMutablePointer<Scalar>, rows: Int, columns: Int, stride: Int? = nil
    ) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }
}

/// C ← alpha·op(A)·op(B) + beta·C, on one thread.
///
/// With `beta` 0 the old C is never read, so that it may hold anything, NaN too. An empty inner
/// extent scales C by `beta`.
package func gemm<Scalar: ArrayScalar>(
    _ a: MatrixView<Scalar>, _ b: MatrixView<Scalar>, into c: MatrixView<Scalar>,
    transposeA: Bool = false, transposeB: Bool = false, alpha: Scalar = 1, beta: Scalar = 0
) {
    let inner = transposeA ? a.rows : a.columns
    precondition(inner == (transposeB ? b.columns : b.rows), "inner extents differ")
    precondition(
        c.rows == (transposeA ? a.columns : a.rows)
            && c.columns == (transposeB ? b.rows : b.columns), "the result has another shape")
    Scalar.product(
        transposeA: transposeA, transposeB: transposeB, rows: c.rows, columns: c.columns,
        inner: inner, alpha: alpha, a: a.base, strideA: max(a.stride, 1), b: b.base,
        strideB: max(b.stride, 1), beta: beta, c: c.base, strideC: max(c.stride, 1))
}

/// The product op(A)·op(B) of row-major matrices in arrays, `[rows, columns]`.
package func matrixProduct<Scalar: ArrayScalar>(
    _ a: [Scalar], transposed transposeA: Bool = false, _ b: [Scalar],
    transposed transposeB: Bool = false, rows: Int, columns: Int, inner: Int
) -> [Scalar] {
    precondition(a.count == rows * inner && b.count == inner * columns, "extents differ")
    var result = [Scalar](repeating: 0, count: rows * columns)
    a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
            result.withUnsafeMutableBufferPointer { result in
                guard let a = a.baseAddress, let b = b.baseAddress, let c = result.baseAddress
                else { return }
                Scalar.product(
                    transposeA: transposeA, transposeB: transposeB, rows: rows, columns: columns,
                    inner: inner, alpha: 1, a: a, strideA: max(1, transposeA ? rows : inner), b: b,
                    strideB: max(1, transposeB ? inner : columns), beta: 0, c: c,
                    strideC: max(1, columns))
            }
        }
    }
    return result
}
