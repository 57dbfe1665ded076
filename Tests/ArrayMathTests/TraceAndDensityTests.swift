import ArrayMath
import Foundation
import TestSupport
import Testing

struct TraceAndDensityTests {
    private func randomMatrix(_ order: Int, seed: Int) -> (matrix: [Double], values: [Double]) {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<order).map { _ in Double.random(in: -1...2, using: &generator) }
        return (symmetricMatrix(withEigenvalues: values, seed: seed), values)
    }

    @Test("Hutchinson stays within five standard errors and is exact for a diagonal")
    func hutchinson() throws {
        let (matrix, values) = randomMatrix(60, seed: 1)
        let estimate = try hutchinsonTrace(
            of: LinearOperator(matrix: matrix, order: 60), probeCount: 200, seed: 3)
        let trace = values.reduce(0, +)
        let error = try #require(estimate.standardError)
        #expect(abs(estimate.trace - trace) < 5 * error)
        // The variance of one probe is 2 (‖A‖_F² − Σ a_ii²).
        let squares = matrix.reduce(0) { $0 + $1 * $1 }
        let diagonal = (0..<60).reduce(0) { $0 + matrix[$1 * 61] * matrix[$1 * 61] }
        let expected = (2 * (squares - diagonal) / 200).squareRoot()
        #expect(error > 0.7 * expected && error < 1.4 * expected)
        let exact = try hutchinsonTrace(
            of: LinearOperator(matrix: [3, 0, 0, -1], order: 2), probeCount: 2, seed: 0)
        #expect(exact.trace == 2)
        #expect(exact.standardError == 0)
        #expect(
            try hutchinsonTrace(
                of: LinearOperator(matrix: [3], order: 1), probeCount: 1, seed: 0
            ).standardError == nil)
    }

    @Test("Hutch++ is exact on a full sketch and better than Hutchinson on few large values")
    func hutchPlusPlus() throws {
        let (matrix, values) = randomMatrix(20, seed: 2)
        let whole = LinearOperator(matrix: matrix, order: 20)
        let exact = try hutchPlusPlusTrace(of: whole, productCount: 60, seed: 1)
        #expect(abs(exact.trace - values.reduce(0, +)) < 1e-12)
        #expect(exact.standardError == 0)
        let steep = (0..<300).map { pow(0.7, Double($0)) }
        let dominated = LinearOperator(
            matrix: symmetricMatrix(withEigenvalues: steep, seed: 5), order: 300)
        let sketched = try hutchPlusPlusTrace(of: dominated, productCount: 60, seed: 1)
        let plain = try hutchinsonTrace(of: dominated, probeCount: 60, seed: 1)
        let trace = steep.reduce(0, +)
        #expect(sketched.productCount <= 60)
        #expect(abs(sketched.trace - trace) <= 5 * (sketched.standardError ?? 0) + 1e-9)
        #expect((sketched.standardError ?? 1) < 0.1 * (plain.standardError ?? 0))
        #expect(throws: NonFiniteProduct.self) {
            _ = try hutchPlusPlusTrace(
                of: LinearOperator(matrix: [.nan], order: 1), productCount: 3, seed: 0)
        }
    }

    @Test("the density integrates low moments of the full spectrum")
    func density() throws {
        let (matrix, values) = randomMatrix(40, seed: 4)
        let density = try spectralDensity(
            of: LinearOperator(matrix: matrix, order: 40), stepCount: 12, probeCount: 30, seed: 9)
        #expect(density.productCount == 360)
        for nodes in density.probes {
            #expect(nodes.count == 12)
            #expect(abs(nodes.reduce(0) { $0 + $1.weight } - 1) < 1e-12)
        }
        for power in 1...6 {
            let exact = values.reduce(0) { $0 + pow($1, Double(power)) } / 40
            let (value, error) = density.mean { pow($0, Double(power)) }
            #expect(abs(value - exact) < 5 * (error ?? 0) + 1e-12, "moment \(power)")
        }
        let share = density.share(in: -1...0)
        let exact = Double(values.count { $0 <= 0 }) / 40
        #expect(abs(share.value - exact) < 0.15)
        // Nodes lie inside the spectrum, and smoothing keeps the total mass.
        let bounds = (values.min() ?? 0, values.max() ?? 0)
        for node in density.probes.joined() {
            #expect(node.eigenvalue > bounds.0 - 1e-9 && node.eigenvalue < bounds.1 + 1e-9)
        }
        let mass = (0..<600).reduce(0) {
            $0 + density.smoothed(at: -2 + 0.01 * Double($1), deviation: 0.05) * 0.01
        }
        #expect(abs(mass - 1) < 1e-6)
    }

    @Test("as many steps as dimensions give the quadrature of the probe exactly")
    func fullDensity() throws {
        let density = try spectralDensity(
            of: LinearOperator(matrix: [2, 0, 0, 0, 2, 0, 0, 0, 5], order: 3), stepCount: 9,
            probeCount: 1, seed: 1)
        // A sign vector sees the double eigenvalue once, with two thirds of the weight.
        let nodes = density.probes[0].filter { $0.weight > 1e-12 }
        #expect(nodes.count == 2)
        #expect(abs(nodes[0].eigenvalue - 2) < 1e-12 && abs(nodes[0].weight - 2.0 / 3) < 1e-12)
        #expect(abs(nodes[1].eigenvalue - 5) < 1e-12 && abs(nodes[1].weight - 1.0 / 3) < 1e-12)
    }
}
