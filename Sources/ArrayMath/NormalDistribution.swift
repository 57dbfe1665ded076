internal import Foundation

// Φ, the distribution function of N(0, 1), and φ, its density, on whole vectors.

extension Float {
    /// Chebyshev coefficients of erfcx(2(1 + t)/(1 − t)) = exp(z²)·erfc(z) on [-1, 1], computed by
    /// interpolation in 60 nodes; the terms left out are below 4e-8 of the value for z up to 15.
    private static let scaledErrorSeries: [Float] = [
        0.3773761, -0.482_509_12, 0.122_324_595, -0.017_831_15, 0.000_321_173_65,
        0.000_350_395_26, -2.243_880_7e-05, -1.053_743_3e-05, 5.671_331_1e-07, 4.297_681_6e-07,
        5.104_952_4e-09, -1.889_97e-08,
    ]

    @usableFromInline
    package static func normalDistribution(
        _ x: UnsafePointer<Float>, count: Int, distribution: UnsafeMutablePointer<Float>,
        density: UnsafeMutablePointer<Float>
    ) {
        scaledErrorSeries.withUnsafeBufferPointer { series in
            var index = 0
            while index < count {
                let value = loadWide(x, index)
                let isNegative = value .< SIMD4(repeating: 0)
                let size = choose(-value, over: value, where: isNegative) * 0.707_106_77
                // Beyond 20, exp(−z²) is 0 in single precision whatever the series gives.
                let limit = SIMD4<Float>(repeating: 20)
                let z = choose(limit, over: size, where: size .> limit)
                let t = (z - 2) / (z + 2)
                var (last, next) = (SIMD4<Float>(repeating: 0), SIMD4<Float>(repeating: 0))
                for term in stride(from: series.count - 1, to: 0, by: -1) {
                    (last, next) = (t * 2 * last - next + series[term], last)
                }
                let scaled = t * last - next + series[0]
                let exponential = exponential(-z * z)
                let tail = exponential * scaled * 0.5
                storeWide(
                    choose(tail, over: 1 - tail, where: isNegative), distribution, index)
                storeWide(exponential * 0.398_942_28, density, index)
                index &+= 4
            }
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
