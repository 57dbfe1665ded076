internal import Foundation

// Φ, the distribution function of N(0, 1), and φ, its density, on whole vectors.

extension Float {
    /// e^(z²)·erfc(z) for 0 ≤ z ≤ 20, by Clenshaw's recurrence in t = (z − 2)/(z + 2).
    ///
    /// Chebyshev coefficients of erfcx(2(1 + t)/(1 − t)) on [-1, 1], computed by interpolation in 60
    /// nodes; the terms left out are below 4e-8 of the value for z up to 15.
    @inlinable @inline(__always)
    static func scaledErrorFunction(_ z: SIMD8<Float>) -> SIMD8<Float> {
        let t = (z - 2) / (z + 2)
        let twice = t * 2
        var (last, next) = (SIMD8<Float>(repeating: -1.889_97e-08), SIMD8<Float>.zero)
        (last, next) = (twice * last - next + 5.104_952_4e-09, last)
        (last, next) = (twice * last - next + 4.297_681_6e-07, last)
        (last, next) = (twice * last - next + 5.671_331_1e-07, last)
        (last, next) = (twice * last - next - 1.053_743_3e-05, last)
        (last, next) = (twice * last - next - 2.243_880_7e-05, last)
        (last, next) = (twice * last - next + 0.000_350_395_26, last)
        (last, next) = (twice * last - next + 0.000_321_173_65, last)
        (last, next) = (twice * last - next - 0.017_831_15, last)
        (last, next) = (twice * last - next + 0.122_324_595, last)
        (last, next) = (twice * last - next - 0.482_509_12, last)
        return t * last - next + 0.3773761
    }

    @inlinable @inline(__always)
    package static func normalDistribution(
        _ x: UnsafePointer<Float>, count: Int, distribution: UnsafeMutablePointer<Float>,
        density: UnsafeMutablePointer<Float>
    ) {
        var index = 0
        while index < count {
            let value = loadWide(x, index)
            let isNegative = value .< SIMD8(repeating: 0)
            let size = choose(-value, over: value, where: isNegative) * 0.707_106_77
            // Beyond 20, exp(−z²) is 0 in single precision whatever the series gives.
            let limit = SIMD8<Float>(repeating: 20)
            let z = choose(limit, over: size, where: size .> limit)
            let exponential = exponential(-z * z)
            let tail = exponential * scaledErrorFunction(z) * 0.5
            storeWide(choose(tail, over: 1 - tail, where: isNegative), distribution, index)
            storeWide(exponential * 0.398_942_28, density, index)
            index &+= 8
        }
    }
}

extension Double {
    /// From the library's functions, one element at a time: accurate to its last digits.
    @usableFromInline
    package static func normalDistribution(
        _ x: UnsafePointer<Double>, count: Int, distribution: UnsafeMutablePointer<Double>,
        density: UnsafeMutablePointer<Double>
    ) {
        for index in 0..<count {
            distribution[index] = 0.5 * erfc(-x[index] * 0.707_106_781_186_547_5)
            density[index] = 0.398_942_280_401_432_7 * exp(-0.5 * x[index] * x[index])
        }
    }
}
