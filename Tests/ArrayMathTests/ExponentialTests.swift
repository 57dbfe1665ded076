import ArrayMath
import Foundation
import TestSupport
import Testing
import VectorMath

@Suite("Vector exponential")
struct ExponentialTests {
    @Test("is within 2 ulp of the library's, in Float", arguments: 0..<200)
    func single(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var x = SIMD8<Float>()
        for lane in 0..<8 { x[lane] = Float.random(in: -87...88, using: &generator) }
        let result = Float.exponential(x)
        for lane in 0..<8 {
            let expected = exp(Double(x[lane]))
            let tolerance = 2 * Double(Float(expected).ulp)
            #expect(abs(Double(result[lane]) - expected) <= tolerance, "exp(\(x[lane]))")
        }
    }

    @Test("is within 2 ulp of the library's, in Double", arguments: 0..<200)
    func double(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var x = SIMD4<Double>()
        for lane in 0..<4 { x[lane] = Double.random(in: -708...709, using: &generator) }
        let result = Double.exponential(x)
        for lane in 0..<4 {
            let expected = exp(x[lane])
            #expect(abs(result[lane] - expected) <= 2 * expected.ulp, "exp(\(x[lane]))")
        }
    }

    @Test("keeps the limits: 1 at 0, 0 below, infinity above, NaN through")
    func limits() {
        let single = Float.exponential([0, -1000, 1000, .nan, -.infinity, .infinity, -0.0, 1])
        #expect(single[0] == 1 && single[1] == 0 && single[2] == .infinity && single[3].isNaN)
        #expect(single[4] == 0 && single[5] == .infinity && single[6] == 1)
        let double = Double.exponential([0, -1000, 1000, .nan] as SIMD4)
        #expect(double[0] == 1 && double[1] == 0 && double[2] == .infinity && double[3].isNaN)
        #expect(Double.exponential([0, -1000] as SIMD2) == [1, 0])
    }
}
