package import VectorMath

/// `Float` or `Double`: the numbers that arrays are made of.
///
/// The requirements are whole-array operations, so that code that is generic over the scalar pays
/// one indirect call per array and none per element.
package protocol ArrayScalar: LaneScalar {
    /// C ← alpha·op(A)·op(B) + beta·C for row-major matrices; see `gemm`.
    static func product(
        transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, inner: Int,
        alpha: Self, a: UnsafePointer<Self>, strideA: Int, b: UnsafePointer<Self>, strideB: Int,
        beta: Self, c: UnsafeMutablePointer<Self>, strideC: Int)
}

extension Float: ArrayScalar {}
extension Double: ArrayScalar {}
