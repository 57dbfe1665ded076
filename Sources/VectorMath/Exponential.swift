// e^x on whole vectors. Written without branches or calls, so that the lanes stay in registers on
// every processor; the library's exp would be one call per element.

extension Float: LaneScalar {
    @usableFromInline
    package typealias Wide = SIMD8<Float>

    /// 2^n·e^r with n = round(x/ln 2) and |r| ≤ ln 2 / 2; e^r by its Taylor polynomial of degree 7,
    /// whose first term left out is below 5.2e-9.
    @inlinable @inline(__always)
    package static func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
        // Adding 1.5·2^23 leaves the rounded integer in the low bits of the fraction.
        let shifter = SIMD8<Float>(repeating: 12_582_912)
        let shifted = x * 1.442_695_04 + shifter
        let count = shifted - shifter
        // ln 2 in two parts, the first short enough that its product with count is exact.
        let rest = (x - count * 0.693_359_375) + count * 2.121_944_4e-4
        var series = SIMD8<Float>(repeating: 1 / 5040)
        series = series * rest + SIMD8(repeating: 1 / 720)
        series = series * rest + SIMD8(repeating: 1 / 120)
        series = series * rest + SIMD8(repeating: 1 / 24)
        series = series * rest + SIMD8(repeating: 1 / 6)
        series = series * rest + SIMD8(repeating: 0.5)
        series = series * (rest * rest) + rest + SIMD8(repeating: 1)
        // Two factors, because 2^n alone leaves the exponent range near both ends.
        let integer = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- 0x4b40_0000
        let half = integer &>> 1
        let first = unsafeBitCast((half &+ 127) &<< 23, to: SIMD8<Float>.self)
        let second = unsafeBitCast((integer &- half &+ 127) &<< 23, to: SIMD8<Float>.self)
        // Outside these bounds the bits above are meaningless and the result is 0 or infinity; NaN
        // fails both comparisons and stays.
        let inside = clear(
            clear((series * first) * second, where: x .< -104), where: x .> 89)
        return inside + keep(SIMD8(repeating: .infinity), where: x .> 89)
    }

    @inlinable @inline(__always)
    package static func exponentiate(_ x: UnsafeMutablePointer<Float>, count: Int) {
        var index = 0
        while index < count {
            storeWide(exponential(loadWide(x, index)), x, index)
            index &+= 8
        }
    }
}

extension Double: LaneScalar {
    @usableFromInline
    package typealias Wide = SIMD4<Double>

    /// As for `Float`, with degree 13: the first term left out is below 5e-18.
    @inlinable @inline(__always)
    package static func exponential(_ x: SIMD4<Double>) -> SIMD4<Double> {
        let shifter = SIMD4<Double>(repeating: 6_755_399_441_055_744)
        let shifted = x * 1.442_695_040_888_963_4 + shifter
        let count = shifted - shifter
        let rest = (x - count * 0.693_147_180_369_123_8) - count * 1.908_214_929_270_588e-10
        var series = SIMD4<Double>(repeating: 1 / 6_227_020_800)
        series = series * rest + SIMD4(repeating: 1 / 479_001_600)
        series = series * rest + SIMD4(repeating: 1 / 39_916_800)
        series = series * rest + SIMD4(repeating: 1 / 3_628_800)
        series = series * rest + SIMD4(repeating: 1 / 362_880)
        series = series * rest + SIMD4(repeating: 1 / 40_320)
        series = series * rest + SIMD4(repeating: 1 / 5040)
        series = series * rest + SIMD4(repeating: 1 / 720)
        series = series * rest + SIMD4(repeating: 1 / 120)
        series = series * rest + SIMD4(repeating: 1 / 24)
        series = series * rest + SIMD4(repeating: 1 / 6)
        series = series * rest + SIMD4(repeating: 0.5)
        series = series * (rest * rest) + rest + SIMD4(repeating: 1)
        let integer = unsafeBitCast(shifted, to: SIMD4<Int64>.self) &- 0x4338_0000_0000_0000
        // Shifted as unsigned, because SSE2 has no arithmetic shift of 64-bit lanes.
        let half =
            unsafeBitCast(
                unsafeBitCast(integer &+ 4096, to: SIMD4<UInt64>.self) &>> 1,
                to: SIMD4<Int64>.self) &- 2048
        let first = unsafeBitCast((half &+ 1023) &<< 52, to: SIMD4<Double>.self)
        let second = unsafeBitCast((integer &- half &+ 1023) &<< 52, to: SIMD4<Double>.self)
        let inside = clear(
            clear((series * first) * second, where: x .< -746), where: x .> 710)
        return inside + keep(SIMD4(repeating: .infinity), where: x .> 710)
    }

    @inlinable @inline(__always)
    package static func exponentiate(_ x: UnsafeMutablePointer<Double>, count: Int) {
        var index = 0
        while index < count {
            storeWide(exponential(loadWide(x, index)), x, index)
            index &+= 4
        }
    }
}

extension Double {
    /// As for whole vectors; the upper half, which nobody reads, is not computed.
    @inlinable @inline(__always)
    package static func exponential(_ x: SIMD2<Double>) -> SIMD2<Double> {
        exponential(SIMD4(lowHalf: x, highHalf: .zero)).lowHalf
    }
}
