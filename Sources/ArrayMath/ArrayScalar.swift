/// `Float` or `Double`: the numbers that arrays are made of.
///
/// The requirements are whole-array operations, so that code that is generic over the scalar pays
/// one indirect call per array and none per element.
@usableFromInline
package protocol ArrayScalar: BinaryFloatingPoint, Codable, SIMDScalar, BitwiseCopyable, Sendable,
    SendableMetatype
{
    /// One 16-byte vector of this scalar: what every 64-bit processor has in hardware.
    associatedtype Wide: SIMD, BitwiseCopyable where Wide.Scalar == Self

    /// e^x for each lane; relative error below 2 ulp. Underflows to 0, overflows to infinity.
    static func exponential(_ x: Wide) -> Wide

    /// x ← e^x over `count` elements, a multiple of the vector's.
    static func exponentiate(_ x: UnsafeMutablePointer<Self>, count: Int)

    /// Φ(x) and φ(x), the distribution function of N(0, 1) and its density, over `count` elements,
    /// a multiple of the vector's; absolute error below 2 ulp of 1. NaN stays NaN.
    static func normalDistribution(
        _ x: UnsafePointer<Self>, count: Int, distribution: UnsafeMutablePointer<Self>,
        density: UnsafeMutablePointer<Self>)

    /// `value` with 0 in the lanes in which `gate` is negative.
    static func clearing(_ value: Wide, whereNegative gate: Wide) -> Wide

    /// `value` with 0 in the lanes in which `gate` is negative or 0.
    static func clearing(_ value: Wide, whereNotPositive gate: Wide) -> Wide

    /// The larger of each pair of lanes; the first where the second is NaN.
    static func larger(_ first: Wide, _ second: Wide) -> Wide

    /// C ← alpha·op(A)·op(B) + beta·C for row-major matrices; see `gemm`.
    static func product(
        transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, inner: Int,
        alpha: Self, a: UnsafePointer<Self>, strideA: Int, b: UnsafePointer<Self>, strideB: Int,
        beta: Self, c: UnsafeMutablePointer<Self>, strideC: Int)
}
