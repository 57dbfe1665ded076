/// `Float` or `Double`: the numbers that arrays are made of.
///
/// The requirements are whole-array operations, so that code that is generic over the scalar pays
/// one indirect call per array and none per element.
@usableFromInline
package protocol ArrayScalar: BinaryFloatingPoint, Codable, SIMDScalar, BitwiseCopyable, Sendable,
    SendableMetatype
{
    /// One 32-byte vector of this scalar.
    associatedtype Wide: SIMD, BitwiseCopyable where Wide.Scalar == Self

    /// e^x for each lane; relative error below 2 ulp. Underflows to 0, overflows to infinity.
    static func exponential(_ x: Wide) -> Wide

    /// C ← alpha·op(A)·op(B) + beta·C for row-major matrices; see `gemm`.
    static func product(
        transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, inner: Int,
        alpha: Self, a: UnsafePointer<Self>, strideA: Int, b: UnsafePointer<Self>, strideB: Int,
        beta: Self, c: UnsafeMutablePointer<Self>, strideC: Int)
}
