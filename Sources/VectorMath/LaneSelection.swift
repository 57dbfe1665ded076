// Choosing lanes by a comparison. Masks are used as the bit patterns they are, because the standard
// library's `replacing(with:where:)` goes lane by lane with a branch each.

extension Float {
    /// `first` in the lanes of the mask, `second` in the others.
    @inlinable @inline(__always)
    static func choose(
        _ first: SIMD8<Float>, over second: SIMD8<Float>, where mask: SIMDMask<SIMD8<Int32>>
    ) -> SIMD8<Float> {
        let bits = unsafeBitCast(mask, to: SIMD8<Int32>.self)
        let (first, second) = (
            unsafeBitCast(first, to: SIMD8<Int32>.self),
            unsafeBitCast(second, to: SIMD8<Int32>.self)
        )
        return unsafeBitCast((first & bits) | (second & ~bits), to: SIMD8<Float>.self)
    }

    @inlinable @inline(__always)
    static func clear(_ value: SIMD8<Float>, where mask: SIMDMask<SIMD8<Int32>>) -> SIMD8<Float> {
        let bits = unsafeBitCast(value, to: SIMD8<Int32>.self)
        return unsafeBitCast(
            bits & ~unsafeBitCast(mask, to: SIMD8<Int32>.self), to: SIMD8<Float>.self)
    }

    /// `value` in the lanes of the mask, 0 in the others.
    @inlinable @inline(__always)
    static func keep(_ value: SIMD8<Float>, where mask: SIMDMask<SIMD8<Int32>>) -> SIMD8<Float> {
        let bits = unsafeBitCast(value, to: SIMD8<Int32>.self)
        return unsafeBitCast(
            bits & unsafeBitCast(mask, to: SIMD8<Int32>.self), to: SIMD8<Float>.self)
    }

    @inlinable @inline(__always)
    package static func larger(_ first: SIMD8<Float>, _ second: SIMD8<Float>) -> SIMD8<Float> {
        // Lane by lane: the compiler makes one instruction of it, but not of a mask and a choice.
        var result = first
        for lane in 0..<8 { result[lane] = second[lane] > first[lane] ? second[lane] : first[lane] }
        return result
    }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD8<Float>, whereNegative gate: SIMD8<Float>
    )
        -> SIMD8<Float>
    { clear(value, where: gate .< SIMD8(repeating: 0)) }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD8<Float>, whereNotPositive gate: SIMD8<Float>
    )
        -> SIMD8<Float>
    { clear(value, where: gate .<= SIMD8(repeating: 0)) }
}

extension Double {
    /// `first` in the lanes of the mask, `second` in the others.
    @inlinable @inline(__always)
    static func choose(
        _ first: SIMD4<Double>, over second: SIMD4<Double>, where mask: SIMDMask<SIMD4<Int64>>
    ) -> SIMD4<Double> {
        let bits = unsafeBitCast(mask, to: SIMD4<Int64>.self)
        let (first, second) = (
            unsafeBitCast(first, to: SIMD4<Int64>.self),
            unsafeBitCast(second, to: SIMD4<Int64>.self)
        )
        return unsafeBitCast((first & bits) | (second & ~bits), to: SIMD4<Double>.self)
    }

    @inlinable @inline(__always)
    static func clear(_ value: SIMD4<Double>, where mask: SIMDMask<SIMD4<Int64>>) -> SIMD4<Double> {
        let bits = unsafeBitCast(value, to: SIMD4<Int64>.self)
        return unsafeBitCast(
            bits & ~unsafeBitCast(mask, to: SIMD4<Int64>.self), to: SIMD4<Double>.self)
    }

    /// `value` in the lanes of the mask, 0 in the others.
    @inlinable @inline(__always)
    static func keep(_ value: SIMD4<Double>, where mask: SIMDMask<SIMD4<Int64>>) -> SIMD4<Double> {
        let bits = unsafeBitCast(value, to: SIMD4<Int64>.self)
        return unsafeBitCast(
            bits & unsafeBitCast(mask, to: SIMD4<Int64>.self), to: SIMD4<Double>.self)
    }

    @inlinable @inline(__always)
    package static func larger(_ first: SIMD4<Double>, _ second: SIMD4<Double>) -> SIMD4<Double> {
        // Lane by lane: the compiler makes one instruction of it, but not of a mask and a choice.
        var result = first
        for lane in 0..<4 { result[lane] = second[lane] > first[lane] ? second[lane] : first[lane] }
        return result
    }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD4<Double>, whereNegative gate: SIMD4<Double>
    )
        -> SIMD4<Double>
    { clear(value, where: gate .< SIMD4(repeating: 0)) }

    @inlinable @inline(__always)
    package static func clearing(
        _ value: SIMD4<Double>, whereNotPositive gate: SIMD4<Double>
    )
        -> SIMD4<Double>
    { clear(value, where: gate .<= SIMD4(repeating: 0)) }
}
