/// `Float` or `Double`, with the arithmetic of whole vectors of them.
///
/// All of it is written without branches and calls and is inlined where it is used, so that it is
/// compiled for the processor that the using module is compiled for. The vector's width is fixed:
/// sums have the same order, and results the same bits, on every processor.
@usableFromInline
package protocol LaneScalar: BinaryFloatingPoint, Codable, SIMDScalar, BitwiseCopyable, Sendable,
    SendableMetatype
{
    /// One 32-byte vector of this scalar: one register of AVX2, two of SSE2 or NEON.
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

    /// Four elements, as doubles.
    static func fourDoubles(_ x: UnsafePointer<Self>, _ index: Int) -> SIMD4<Double>

    /// The sum of all lanes, half by half.
    static func total(_ x: Wide) -> Self
}

extension Float {
    @inlinable @inline(__always)
    package static func total(_ x: SIMD8<Float>) -> Float {
        let four = x.lowHalf + x.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
}

extension Double {
    @inlinable @inline(__always)
    package static func total(_ x: SIMD4<Double>) -> Double {
        let two = x.lowHalf + x.highHalf
        return two.x + two.y
    }
}
