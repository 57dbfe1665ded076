import Analysis
import ArrayMath
import Foundation
import Testing

/// The local learning coefficient where it is known: quadratics, crossings, deep linear networks.
struct LearningCoefficientTests {
    /// Samples L(w) from w* = 0.
    private func sample(
        _ dimension: Int, _ settings: SamplerSettings,
        _ lossAndGradient: ([Double], inout [Double]) -> Double
    ) throws -> LearningCoefficient {
        var gradient = [Double](repeating: 0, count: dimension)
        let centre = [Double](repeating: 0, count: dimension)
        let loss = lossAndGradient(centre, &gradient)
        return try learningCoefficient(
            at: centre, exampleCount: 1000, settings: settings, centreLoss: loss
        ) { point, _, gradient in lossAndGradient(point, &gradient) }
    }

    /// L = ½ Σ h w²: a step is an autoregression, so that its mean over recorded steps is exact.
    ///
    /// With a = nβ h + γ, ρ = 1 − ε a/2 and s² = 1/(a (1 − ε a/4)) the expected estimate over the steps
    /// t is Σ ½ nβ h s² (1 − mean ρ^{2t}).
    @Test(
        "a quadratic has the expected estimate of its recorded steps",
        arguments: [
            (1.0, 100.0, 0.0, 1e-3, 1000), (1, 100, 100, 1e-4, 2000), (0.01, 100, 1, 1e-3, 2000),
        ])
    func quadratic(h: Double, temperature: Double, pull: Double, step: Double, draws: Int) throws {
        var settings = SamplerSettings()
        (settings.burnIn, settings.draws, settings.stepSize) = (0, draws, step)
        (settings.localization, settings.inverseTemperature) = (pull, temperature)
        settings.chains = 2
        let dimension = 400
        let found = try sample(dimension, settings) { point, gradient in
            for place in point.indices { gradient[place] = h * point[place] }
            return 0.5 * h * point.reduce(0) { $0 + $1 * $1 }
        }
        let a = temperature * h + pull
        let rho = 1 - step * a / 2
        let spread = step / (1 - rho * rho)
        let decay = (0..<draws).reduce(0) { $0 + pow(rho, 2 * Double($1)) } / Double(draws)
        let expected = 0.5 * temperature * h * spread * (1 - decay) * Double(dimension)
        let value = try #require(found.value)
        // The mean of correlated squares: eight standard errors at the slowest of the cases.
        #expect(abs(value - expected) < 0.08 * expected, "\(value), \(expected)")
    }

    @Test("a regular model has half its dimension, without warnings")
    func regular() throws {
        var settings = SamplerSettings()
        (settings.stepSize, settings.localization) = (2e-3, 1)
        settings.inverseTemperature = 1000
        (settings.burnIn, settings.draws) = (300, 1500)
        let found = try sample(30, settings) { point, gradient in
            gradient = point
            return 0.5 * point.reduce(0) { $0 + $1 * $1 }
        }
        let value = try #require(found.value)
        // Stationary: ½ (nβ/(nβ + γ)) / (1 − ε (nβ + γ)/4) each.
        let expected = 15 * (1000 / 1001.0) / (1 - 2e-3 * 1001 / 4)
        #expect(abs(value - expected) < 0.05 * expected, "\(value), \(expected)")
        #expect((found.chainAgreement ?? 9) < 1.1 && found.lostChains == 0)
        #expect((found.drift ?? 9) < 0.1 * value)
        #expect(found.trace().count == 50 && found.trace().first?.loss == 0)
        let again = try sample(30, settings) { point, gradient in
            gradient = point
            return 0.5 * point.reduce(0) { $0 + $1 * $1 }
        }
        #expect(found == again)
        let few = try #require(found.acceptance)
        #expect(few > 0 && few < 1)
        settings.stepSize = 2e-5
        let slow = try sample(30, settings) { point, gradient in
            gradient = point
            return 0.5 * point.reduce(0) { $0 + $1 * $1 }
        }
        #expect((slow.acceptance ?? 0) > 0.95)
    }

    /// K = (w₁ w₂)²: the expectation at this nβ by quadrature is 0.354204 (γ = 1), far from λ = 1/2.
    @Test("a crossing has the expectation of its temperature")
    func crossing() throws {
        var settings = SamplerSettings()
        (settings.stepSize, settings.localization) = (5e-4, 1)
        settings.inverseTemperature = 100
        (settings.burnIn, settings.draws, settings.chains) = (4000, 30_000, 4)
        let found = try sample(2, settings) { point, gradient in
            let product = point[0] * point[1]
            gradient[0] = 2 * product * point[1]
            gradient[1] = 2 * product * point[0]
            return product * product
        }
        let value = try #require(found.value)
        #expect(abs(value - 0.354_204) < 0.06, "\(value)")
    }

    /// W₂ W₁ towards diag(1, 0) from a minimum: 1.841 at nβ = 100, λ = 2 of four eighths.
    @Test("a deep linear network has the expectation of its temperature")
    func deepLinear() throws {
        var settings = SamplerSettings()
        (settings.stepSize, settings.localization) = (2e-4, 1)
        settings.inverseTemperature = 100
        (settings.burnIn, settings.draws, settings.chains) = (4000, 30_000, 4)
        // Around w* = 0, as the reference: the prior is centred there. L = ‖B A − diag(1, 0)‖².
        let found = try sample(8, settings) { w, gradient in
            let first = SIMD4(w[0], w[1], w[2], w[3])
            let second = SIMD4(w[4], w[5], w[6], w[7])
            func product(_ left: SIMD4<Double>, _ right: SIMD4<Double>) -> SIMD4<Double> {
                SIMD4(left.x, left.x, left.z, left.z) * SIMD4(right.x, right.y, right.x, right.y)
                    + SIMD4(left.y, left.y, left.w, left.w)
                    * SIMD4(right.z, right.w, right.z, right.w)
            }
            func transposed(_ a: SIMD4<Double>) -> SIMD4<Double> { SIMD4(a.x, a.z, a.y, a.w) }
            let miss = product(second, first) - SIMD4(1, 0, 0, 0)
            let (down, up) = (
                product(transposed(second), miss), product(miss, transposed(first))
            )
            for place in 0..<4 {
                gradient[place] = 2 * down[place]
                gradient[4 + place] = 2 * up[place]
            }
            return (miss * miss).sum()
        }
        // L(w*) is 1 at the centre of the prior and 0 at the minimum. The step adds some 2 %.
        let value = try #require(found.value) + 100
        #expect(abs(value - 1.841) < 0.15, "\(value)")
    }

    @Test("the acceptance of a step has its known values")
    func acceptance() {
        let first = metropolisAcceptance(
            from: ([0, 0], [0, 0], 0), to: ([1.5, 5.5], [1.5, 5.5], 16.25), stepSize: 0.1)
        #expect(abs(first - 0.666_143_6) < 1e-7)
        let second = metropolisAcceptance(
            from: ([1, 1], [1, 1], 1), to: ([1.5, 0.5], [1.5, 0.5], 1.25), stepSize: 0.5)
        #expect(abs(second - 0.969_233_2) < 1e-7)
    }

    @Test("what cannot be believed says why")
    func warnings() throws {
        var settings = SamplerSettings()
        (settings.burnIn, settings.draws, settings.stepSize) = (0, 200, 1e-4)
        settings.localization = 1
        // A slope: the loss falls away from w*.
        let slope = try sample(3, settings) { point, gradient in
            for place in 0..<3 { gradient[place] = 1 }
            return point.reduce(0, +)
        }
        #expect((slope.value ?? 0) < 0)
        #expect(slope.warnings.contains { $0.hasPrefix("it is negative") })
        #expect(slope.warnings.contains { $0.hasPrefix("the loss still drifts") })
        settings.stepSize = 1e3
        let lost = try sample(3, settings) { point, gradient in
            for place in 0..<3 { gradient[place] = 4 * pow(point[place], 3) }
            return point.reduce(0) { $0 + pow($1, 4) }
        }
        #expect(lost.value == nil && lost.lostChains == 4)
        #expect(lost.warnings == ["no chain stayed finite: the step is too large"])
    }

    @Test("the preconditioner divides the drift by the root of the second moment")
    func preconditioned() throws {
        var settings = SamplerSettings()
        settings.preconditioner = .rmsprop
        (settings.stepSize, settings.localization) = (2e-5, 1)
        settings.inverseTemperature = 1000
        (settings.burnIn, settings.draws) = (500, 1500)
        let found = try sample(40, settings) { point, gradient in
            for place in point.indices { gradient[place] = point[place] }
            return 0.5 * point.reduce(0) { $0 + $1 * $1 }
        }
        #expect(found.acceptance == nil)
        // Without the correction for the change of G the limit is near d/2, not at it.
        #expect(abs((found.value ?? 0) - 20) < 5, "\(found.value ?? 0)")
    }

    @Test(
        "deep linear networks have Aoyagi's coefficients",
        arguments: [
            ([1, 1, 1], 0, 0.5, 2), ([2, 2, 2], 0, 1.5, 1), ([2, 2, 2], 1, 2, 2),
            ([2, 2, 2], 2, 2, 1), ([2, 2, 2, 2], 0, 1.5, 3), ([3, 2, 3], 1, 3.5, 2),
            ([5, 3, 5], 0, 6.5, 2), ([5, 3, 5], 3, 10.5, 1), ([5, 4, 5], 0, 8, 1),
            ([4, 3, 8], 0, 6, 1), ([8, 3, 4], 0, 6, 1), ([3, 8, 4], 0, 6, 1),
            ([4, 4, 4, 4], 0, 5.5, 3), ([4, 4, 4, 4], 2, 7.5, 3), ([10, 8, 6, 8, 10], 4, 35.5, 1),
        ] as [([Int], Int, Double, Int)])
    func aoyagi(widths: [Int], rank: Int, value: Double, multiplicity: Int) {
        let found = deepLinearLearningCoefficient(widths: widths, rank: rank)
        #expect(abs(found.value - value) < 1e-12 && found.multiplicity == multiplicity)
    }
}
