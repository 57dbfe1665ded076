import ArrayMath
import Foundation
import TestSupport
import Testing

@Suite("Vector exponential")
struct ExponentialTests {
    @Test("is within 2 ulp of the library's, in Float", arguments: 0..<200)
    func single(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var x = SIMD4<Float>()
        for lane in 0..<4 { x[lane] = Float.random(in: -87...88, using: &generator) }
        let result = Float.exponential(x)
        for lane in 0..<4 {
            let expected = exp(Double(x[lane]))
            let tolerance = 2 * Double(Float(expected).ulp)
            #expect(abs(Double(result[lane]) - expected) <= tolerance, "exp(\(x[lane]))")
        }
    }

    @Test("is within 2 ulp of the library's, in Double", arguments: 0..<200)
    func double(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var x = SIMD2<Double>()
        for lane in 0..<2 { x[lane] = Double.random(in: -708...709, using: &generator) }
        let result = Double.exponential(x)
        for lane in 0..<2 {
            let expected = exp(x[lane])
            #expect(abs(result[lane] - expected) <= 2 * expected.ulp, "exp(\(x[lane]))")
        }
    }

    @Test("keeps the limits: 1 at 0, 0 below, infinity above, NaN through")
    func limits() {
        let single = Float.exponential([0, -1000, 1000, .nan])
        #expect(single[0] == 1 && single[1] == 0 && single[2] == .infinity && single[3].isNaN)
        #expect(Float.exponential([-.infinity, .infinity, -0.0, 0]) == [0, .infinity, 1, 1])
        let double = Double.exponential([0, -1000])
        #expect(double == [1, 0])
        let upper = Double.exponential([1000, .nan])
        #expect(upper[0] == .infinity && upper[1].isNaN)
    }
}
