// Choosing lanes by a comparison. Masks are used as the bit patterns they are, because the standard
// library's `replacing(with:where:)` goes lane by lane with a branch each.

extension Float {
    /// `first` in the lanes of the mask, `second` in the others.
    @inlinable @inline(__always)
    static func choose(
        _ first: SIMD4<Float>, over second: SIMD4<Float>, where mask: SIMDMask<SIMD4<Int32>>
    ) -> SIMD4<Float> {
        let bits = unsafeBitCast(mask, to: SIMD4<Int32>.self)
        let (first, second) = (
            unsafeBitCast(first, to: SIMD4<Int32>.self),
            unsafeBitCast(second, to: SIMD4<Int32>.self)
        )
        return unsafeBitCast((first & bits) | (second & ~bits), to: SIMD4<Float>.self)
    }

    @inlinable @inline(__always)
    static func clear(_ value: SIMD4<Float>, where mask: SIMDMask<SIMD4<Int32>>) -> SIMD4<Float> {
        let bits = unsafeBitCast(value, to: SIMD4<Int32>.self)
        return unsafeBitCast(
            bits & ~unsafeBitCast(mask, to: SIMD4<Int32>.self), to: SIMD4<Float>.self)
    }

    /// `value` in the lanes of the mask, 0 in the others.
    @inlinable @inline(__always)
    static func keep(_ value: SIMD4<Float>, where mask: SIMDMask<SIMD4<Int32>>) -> SIMD4<Float> {
        let bits = unsafeBitCast(value, to: SIMD4<Int32>.self)
        return unsafeBitCast(
            bits & unsafeBitCast(mask, to: SIMD4<Int32>.self), to: SIMD4<Float>.self)
    }

    @inlinable @inline(__always)
    package static func larger(_ first: SIMD4<Float>, _ second: SIMD4<Float>) -> SIMD4<Float> {
        choose(second, over: first, where: second .> first)
    }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD4<Float>, whereNegative gate: SIMD4<Float>
    )
        -> SIMD4<Float>
    { clear(value, where: gate .< SIMD4(repeating: 0)) }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD4<Float>, whereNotPositive gate: SIMD4<Float>
    )
        -> SIMD4<Float>
    { clear(value, where: gate .<= SIMD4(repeating: 0)) }
}

extension Double {
    /// `first` in the lanes of the mask, `second` in the others.
    @inlinable @inline(__always)
    static func choose(
        _ first: SIMD2<Double>, over second: SIMD2<Double>, where mask: SIMDMask<SIMD2<Int64>>
    ) -> SIMD2<Double> {
        let bits = unsafeBitCast(mask, to: SIMD2<Int64>.self)
        let (first, second) = (
            unsafeBitCast(first, to: SIMD2<Int64>.self),
            unsafeBitCast(second, to: SIMD2<Int64>.self)
        )
        return unsafeBitCast((first & bits) | (second & ~bits), to: SIMD2<Double>.self)
    }

    @inlinable @inline(__always)
    static func clear(_ value: SIMD2<Double>, where mask: SIMDMask<SIMD2<Int64>>) -> SIMD2<Double> {
        let bits = unsafeBitCast(value, to: SIMD2<Int64>.self)
        return unsafeBitCast(
            bits & ~unsafeBitCast(mask, to: SIMD2<Int64>.self), to: SIMD2<Double>.self)
    }

    /// `value` in the lanes of the mask, 0 in the others.
    @inlinable @inline(__always)
    static func keep(_ value: SIMD2<Double>, where mask: SIMDMask<SIMD2<Int64>>) -> SIMD2<Double> {
        let bits = unsafeBitCast(value, to: SIMD2<Int64>.self)
        return unsafeBitCast(
            bits & unsafeBitCast(mask, to: SIMD2<Int64>.self), to: SIMD2<Double>.self)
    }

    @inlinable @inline(__always)
    package static func larger(_ first: SIMD2<Double>, _ second: SIMD2<Double>) -> SIMD2<Double> {
        choose(second, over: first, where: second .> first)
    }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD2<Double>, whereNegative gate: SIMD2<Double>
    )
        -> SIMD2<Double>
    { clear(value, where: gate .< SIMD2(repeating: 0)) }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD2<Double>, whereNotPositive gate: SIMD2<Double>
    )
        -> SIMD2<Double>
    { clear(value, where: gate .<= SIMD2(repeating: 0)) }
}
