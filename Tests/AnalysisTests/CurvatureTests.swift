import Analysis
import ArrayMath
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

/// A network small enough for explicit matrices: 2-block products modulo 5, 345 parameters.
private struct SmallNetwork {
    let evaluator: NetworkEvaluator<Double>
    let parameters: [Double]

    init(kind: NetworkConfiguration.Kind, seed: Int) throws {
        let network =
            switch kind {
            case .mlp:
                NetworkConfiguration(
                    kind: .mlp, embeddingWidth: 5, hiddenWidth: 9, mlpBiases: false)
            case .oneHot:
                NetworkConfiguration(
                    kind: .oneHot, hiddenWidth: 12, activation: .quadratic, mlpBiases: false)
            case .transformer:
                NetworkConfiguration(
                    layers: 1, width: 4, heads: 2, mlpWidth: 8, activation: .gelu)
            }
        let model = ModelConfiguration(
            task: TaskConfiguration(operation: .subtract, modulus: 5), network: network)
        let task = try model.makeTask()
        evaluator = try model.evaluator(for: task, examples: task.trainExamples)
        var generator = SeededGenerator(seed: seed)
        parameters = evaluator.layout.initialParameters(using: &generator)
    }
}

struct CurvatureTests {
    @Test(
        "eigenvalues agree with those of the dense Hessian to 1e-8",
        arguments: [NetworkConfiguration.Kind.mlp, .oneHot, .transformer])
    func agreesWithDense(kind: NetworkConfiguration.Kind) throws {
        let small = try SmallNetwork(kind: kind, seed: 3)
        #expect(small.parameters.count <= 400)
        for curvature in CurvatureOperator.allCases {
            let whole = curvatureOperator(
                curvature, of: small.evaluator, at: small.parameters)
            let dense = symmetricEigenvalues(
                try whole.denseMatrix(), order: small.parameters.count)
            let spectrum = try curvatureSpectrum(
                of: whole, options: LanczosOptions(top: 5, bottom: 3, tolerance: 1e-10))
            let top = spectrum.eigenvalues.filter { $0.side == .top }
            let bottom = spectrum.eigenvalues.filter { $0.side == .bottom }
            #expect(top.map(\.rank) == [1, 2, 3, 4, 5])
            for (row, exact) in zip(top, dense.reversed()) {
                #expect(abs(row.eigenvalue - exact) <= 1e-8 * dense[dense.count - 1])
                #expect(row.converged)
            }
            for (row, exact) in zip(bottom, dense) {
                #expect(abs(row.eigenvalue - exact) <= 1e-8 * dense[dense.count - 1])
            }
            if curvature == .gaussNewton { #expect(dense[0] > -1e-12) }
        }
    }

    @Test("the Hessian's columns are differences of gradients")
    func hessianIsTheDerivativeOfTheGradient() throws {
        let small = try SmallNetwork(kind: .transformer, seed: 5)
        let whole = curvatureOperator(.hessian, of: small.evaluator, at: small.parameters)
        let count = small.parameters.count
        var generator = SeededGenerator(seed: 8)
        let direction = (0..<count).map { _ in Double.random(in: -1...1, using: &generator) }
        let exact = try whole.product(with: direction)
        // From here on the evaluator is no longer linearised at the parameters.
        let step = 1e-5
        func gradient(_ sign: Double) -> [Double] {
            var result = [Double](repeating: 0, count: count)
            let moved = zip(small.parameters, direction).map { $0 + sign * step * $1 }
            _ = small.evaluator.gradient(moved, into: &result)
            return result
        }
        let (ahead, behind) = (gradient(1), gradient(-1))
        let scale = vectorNorm(exact)
        let miss = vectorNorm((0..<count).map { (ahead[$0] - behind[$0]) / (2 * step) - exact[$0] })
        // Truncation of the central difference: step² times a third derivative of size one.
        #expect(miss <= 1e-6 * max(1, scale))
    }

    @Test("Gauss–Newton is the mean of Jᵀ (diag p − p pᵀ) J over examples")
    func gaussNewtonByHand() throws {
        let small = try SmallNetwork(kind: .mlp, seed: 7)
        let count = small.parameters.count
        let logits = small.evaluator.logits(small.parameters)
        let whole = curvatureOperator(.gaussNewton, of: small.evaluator, at: small.parameters)
        var generator = SeededGenerator(seed: 2)
        let vector = (0..<count).map { _ in Double.random(in: -1...1, using: &generator) }
        let tangents = small.evaluator.jacobianProduct(vector)
        var form = 0.0
        for row in 0..<logits.count / 5 {
            let exponentials = (0..<5).map { exp(logits[row * 5 + $0]) }
            let sum = exponentials.reduce(0, +)
            let change = (0..<5).map { tangents[row * 5 + $0] }
            let mean = (0..<5).reduce(0) { $0 + exponentials[$1] / sum * change[$1] }
            form += (0..<5).reduce(0) {
                $0 + exponentials[$1] / sum * change[$1] * (change[$1] - mean)
            }
        }
        form /= Double(logits.count / 5)
        let image = try whole.product(with: vector)
        let product = zip(vector, image).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(product - form) <= 1e-12 * abs(form))
    }

    @Test("blocks, trace, density and preconditioned sharpness agree with the dense Hessian")
    func measuresAgreeWithDense() throws {
        let small = try SmallNetwork(kind: .mlp, seed: 9)
        let whole = curvatureOperator(.hessian, of: small.evaluator, at: small.parameters)
        let count = small.parameters.count
        let dense = try whole.denseMatrix()
        let layout = small.evaluator.layout
        let rows = try curvatureMeasures(
            of: whole, layout: layout,
            options: CurvatureMeasureOptions(
                traceProducts: 3 * count, densitySteps: 20, densityProbes: 2, topOfBlocks: 2))
        let trace = (0..<count).reduce(0) { $0 + dense[$1 * (count + 1)] }
        #expect(abs((rows.value("trace", variant: "hutch++") ?? 0) - trace) <= 1e-10 * abs(trace))
        for entry in layout.entries {
            let block = entry.range.flatMap { row in entry.range.map { dense[row * count + $0] } }
            let exact = symmetricEigenvalues(block, order: entry.count)
            let found = rows.value("block_eigenvalue", subject: entry.name)
            let largest = exact.map(abs).max() ?? 1
            #expect(abs((found ?? 0) - exact[exact.count - 1]) <= 1e-6 * largest)
        }
        #expect(rows.count { $0.measure == "density_weight" } == 40)
        let second = (0..<count).map { 1e-4 * Double($0 % 7 + 1) }
        let adam = AdamState(
            learningRate: 1e-3, beta1: 0.9, beta2: 0.98, weightDecay: 1, step: 10,
            secondMoments: second)
        let scaled = adam.inverseRoots
        let explicit = (0..<count * count).map {
            dense[$0] * scaled[$0 / count] * scaled[$0 % count]
        }
        let sharpness = try preconditionedSharpness(of: whole, adam: adam, tolerance: 1e-10)
        let exact = symmetricEigenvalues(explicit, order: count)[count - 1]
        let value = try #require(sharpness.value("preconditioned_sharpness"))
        #expect(abs(value - exact) <= 1e-8 * exact)
        #expect(abs(adam.threshold - 38_000) < 1e-6)
        #expect(abs(adam.thresholdWithDecay - 1.9 * (2 - 1e-3) / (0.1 * 1e-3)) < 1e-6)
        let before = AdamState(
            learningRate: 1e-3, beta1: 0.9, beta2: 0.98, step: 0, secondMoments: second)
        #expect(try preconditionedSharpness(of: whole, adam: before).first?.value == nil)
    }

    @Test("Keskar's sharpness of a linear loss is known in closed form")
    func keskarOfLinearLoss() throws {
        var generator = SeededGenerator(seed: 1)
        let slope = (0..<40).map { _ in Double.random(in: -1...1, using: &generator) }
        let point = (0..<40).map { _ in Double.random(in: -1...1, using: &generator) }
        func loss(_ x: [Double]) -> (loss: Double, gradient: [Double]) {
            (3 + zip(slope, x).reduce(0) { $0 + $1.0 * $1.1 }, slope)
        }
        let found = try #require(
            keskarSharpness(
                at: point, epsilon: 1e-2, iterations: 60, seed: 4, lossAndGradient: loss))
        #expect(found.lossAtCentre == loss(point).loss)
        // The maximum of a linear function on a box: every coordinate at its bound, so that a
        // smaller box gives less and more iterations give nothing.
        let again = try #require(
            keskarSharpness(
                at: point, epsilon: 1e-2, iterations: 200, seed: 4, lossAndGradient: loss))
        #expect(again.largestLoss == found.largestLoss)
        let half = try #require(
            keskarSharpness(
                at: point, epsilon: 5e-3, iterations: 60, seed: 4, lossAndGradient: loss))
        let ratio =
            (found.largestLoss - found.lossAtCentre) / (half.largestLoss - half.lossAtCentre)
        #expect(abs(ratio - 2) < 1e-9)
        #expect(found.sharpness > 0)
        #expect(keskarSharpness(at: point, seed: 1) { _ in (.nan, slope) } == nil)
        // A constant loss has no sharpness.
        let flat = keskarSharpness(at: point, seed: 1) { _ in (1, [Double](repeating: 0, count: 40))
        }
        #expect(flat?.sharpness == 0)
    }

    @Test("weights that are not finite have no spectrum, and say so")
    func notFinite() throws {
        let small = try SmallNetwork(kind: .mlp, seed: 1)
        var broken = small.parameters
        broken[0] = .nan
        let whole = curvatureOperator(.hessian, of: small.evaluator, at: broken)
        #expect(throws: UserError.self) {
            _ = try curvatureSpectrum(of: whole, options: LanczosOptions(top: 1))
        }
    }

    @Test(
        "the published A5 network's Hessian at its final weights",
        .enabled(if: ReferenceData.isAvailable))
    func publishedHessian() throws {
        let run = try PublishedGroupRun("A5_MLP_seed2")
        let network = NetworkConfiguration(
            kind: .mlp, embeddingWidth: 256, hiddenWidth: 128, mlpBiases: false)
        let evaluator = try NetworkEvaluator<Double>(
            network: network, space: run.task.tokenSpace, examples: run.task.trainExamples,
            threadCount: 2)
        let parameters: [Double] = try evaluator.layout.pack(run.weights)
        #expect(parameters.count == 103_936)
        #expect(run.task.trainExamples.count == 1800)
        var gradient = [Double](repeating: 0, count: parameters.count)
        let loss = evaluator.gradient(parameters, into: &gradient).loss
        #expect(abs(loss - 9.235492e-7) <= 1e-6 * 9.235492e-7)
        #expect(abs(vectorNorm(gradient) - 9.076050e-7) <= 1e-6 * 9.076050e-7)
        let hessian = curvatureOperator(.hessian, of: evaluator, at: parameters)
        let spectrum = try curvatureSpectrum(
            of: hessian, options: LanczosOptions(top: 5, tolerance: 1e-8))
        let published = [
            8.68999893e-6, 7.81095736e-6, 7.79936234e-6, 7.74953360e-6, 7.61535593e-6,
        ]
        for (row, expected) in zip(spectrum.eigenvalues, published) {
            #expect(row.converged)
            #expect(abs(row.eigenvalue - expected) <= 1e-6 * expected, "\(spectrum.productCount)")
        }
        let trace = try hutchinsonTrace(of: hessian, probeCount: 10, seed: 1)
        #expect(abs(trace.trace - 1.383e-3) <= 5 * (trace.standardError ?? 0) + 2e-5)
        let gaussNewton = try curvatureSpectrum(
            of: curvatureOperator(.gaussNewton, of: evaluator, at: parameters),
            options: LanczosOptions(top: 3, tolerance: 1e-8))
        for (row, expected) in zip(
            gaussNewton.eigenvalues, [8.69036796e-6, 7.81141645e-6, 7.79972600e-6])
        {
            #expect(abs(row.eigenvalue - expected) <= 1e-6 * expected)
        }
    }
}
