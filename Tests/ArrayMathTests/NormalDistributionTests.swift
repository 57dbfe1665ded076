import ArrayMath
import Foundation
import TestSupport
import Testing
import VectorMath

@Suite("Normal distribution")
struct NormalDistributionTests {
    private func evaluate<Scalar: ArrayScalar>(_ x: [Scalar]) -> [(Scalar, Scalar)] {
        var (distribution, density) = (x, x)
        distribution.withUnsafeMutableBufferPointer { distribution in
            density.withUnsafeMutableBufferPointer { density in
                x.withUnsafeBufferPointer { x in
                    guard let x = x.baseAddress, let first = distribution.baseAddress,
                        let second = density.baseAddress
                    else { return }
                    Scalar.normalDistribution(x, count: 8, distribution: first, density: second)
                }
            }
        }
        return Array(zip(distribution, density))
    }

    @Test("agrees with the library's error function", arguments: 0..<300)
    func agrees(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let x = (0..<8).map { _ in Float.random(in: -8...8, using: &generator) }
        for (value, (distribution, density)) in zip(x, evaluate(x)) {
            let exact = 0.5 * erfc(-Double(value) / 2.0.squareRoot())
            #expect(abs(Double(distribution) - exact) <= 2 * Double(Float.ulpOfOne), "\(value)")
            let slope = exp(-0.5 * Double(value) * Double(value)) / (2 * Double.pi).squareRoot()
            #expect(abs(Double(density) - slope) <= 2 * Double(Float.ulpOfOne), "\(value)")
        }
        for (value, (distribution, _)) in zip(x, evaluate(x.map { Double($0) })) {
            let exact = 0.5 * erfc(-Double(value) / 2.0.squareRoot())
            #expect(abs(distribution - exact) <= 2 * Double.ulpOfOne)
        }
    }

    @Test("keeps its limits")
    func limits() {
        let values = evaluate([Float.infinity, -.infinity, .nan, 0, 1, 2, 3, 4])
        #expect(values[0] == (1, 0) && values[1] == (0, 0))
        #expect(values[2].0.isNaN && values[2].1.isNaN)
        #expect(abs(values[3].0 - 0.5) <= Float.ulpOfOne)
    }
}
