import Analysis
import ArrayMath
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

/// A network small enough for explicit matrices: 2-block products modulo 5, 345 parameters.
private struct SmallNetwork {
    let model: ModelConfiguration
    let task: Networks.Task
    let evaluator: NetworkEvaluator<Double>
    let parameters: [Double]

    func curvature(_ kind: CurvatureOperator = .hessian) throws -> NetworkCurvature {
        try NetworkCurvature(
            kind, of: model, task: task, examples: task.trainExamples,
            at: evaluator.layout.unpack(parameters))
    }

    private static var feedforward: NetworkConfiguration {
        var network = NetworkConfiguration.defaults(for: .feedforward)
        network.widths = NumberList([7, 6])
        network.activation = .tanh
        return network
    }

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
            case .attentionOnly:
                NetworkConfiguration(
                    kind: .attentionOnly, layers: 2, width: 4, heads: 2, mlpBiases: false)
            case .feedforward: Self.feedforward
            }
        model = ModelConfiguration(
            task: TaskConfiguration(operation: .subtract, modulus: 5), network: network)
        task = try model.makeTask()
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
            // The same by Lanczos, which such a small matrix does not need.
            var options = LanczosOptions(top: 5, tolerance: 1e-10)
            options.denseOrder = 0
            let searched = try curvatureSpectrum(of: whole, options: options)
            for (row, exact) in zip(searched.eigenvalues, dense.reversed()) {
                #expect(abs(row.eigenvalue - exact) <= 1e-8 * dense[dense.count - 1])
                #expect(row.converged && row.method.hasPrefix("Lanczos"))
            }
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

    @Test("trace and blocks agree with the dense Hessian")
    func traceAndBlocks() throws {
        let small = try SmallNetwork(kind: .mlp, seed: 9)
        let curvature = try small.curvature()
        let count = small.parameters.count
        let dense = try curvature.exact.denseMatrix()
        func trace(_ range: Range<Int>) -> Double {
            range.reduce(0) { $0 + dense[$1 * (count + 1)] }
        }
        // With three times as many products as dimensions Hutch++ is exact.
        let exact = try curvatureTrace(of: curvature.exact, productCount: 3 * count, seed: 0)
        #expect(abs(exact.trace - trace(0..<count)) <= 1e-10 * abs(trace(0..<count)))
        let sketched = try curvatureTrace(of: curvature.exact, productCount: 60, seed: 4)
        let error = try #require(sketched.standardError)
        #expect(abs(sketched.trace - trace(0..<count)) <= 5 * error)
        let blocks = try curvature.blocks(top: 2, tolerance: 1e-10, probeCount: 200, seed: 1)
        #expect(blocks.map(\.tensor) == curvature.layout.entries.map(\.name))
        for (block, entry) in zip(blocks, curvature.layout.entries) {
            let matrix = entry.range.flatMap { row in
                entry.range.map { dense[row * count + $0] }
            }
            let values = symmetricEigenvalues(matrix, order: entry.count)
            let largest = values.map(abs).max() ?? 1
            for (found, expected) in zip(block.eigenvalues, values.reversed()) {
                #expect(abs(found.eigenvalue - expected) <= 1e-9 * largest)
                #expect(found.converged)
            }
            let error = try #require(block.trace.standardError)
            #expect(abs(block.trace.trace - trace(entry.range)) <= 5 * error, "\(entry.name)")
        }
        // Probes are common, so that the blocks' estimates add up to one of the whole.
        let whole = try hutchinsonTrace(of: curvature.exact, probeCount: 200, seed: 1)
        let sum = blocks.reduce(0) { $0 + $1.trace.trace }
        #expect(abs(whole.trace - sum) <= 1e-12 * max(1, abs(sum)) * Double(count))
    }

    @Test(
        "the density agrees with the full spectrum",
        arguments: [CurvatureOperator.hessian, .gaussNewton])
    func density(kind: CurvatureOperator) throws {
        let small = try SmallNetwork(kind: .mlp, seed: 12)
        let curvature = try small.curvature(kind)
        let count = small.parameters.count
        let values = symmetricEigenvalues(try curvature.exact.denseMatrix(), order: count)
        let density = try curvatureDensity(
            of: curvature.exact, stepCount: 40, probeCount: 60, seed: 2)
        let (low, high) = (values[0], values[count - 1])
        for power in 1...4 {
            let exact = values.reduce(0) { $0 + pow($1, Double(power)) } / Double(count)
            let found = density.mean { pow($0, Double(power)) }
            #expect(abs(found.value - exact) <= 5 * (found.standardError ?? 0) + 1e-12)
        }
        // Shares of the spectrum above a level that no eigenvalue comes near: the quadrature
        // separates what is further apart than its resolution.
        let resolution = (high - low) / 40
        let gap = zip(values, values.dropFirst()).max { $0.1 - $0.0 < $1.1 - $1.0 }
        let (below, above) = try #require(gap)
        try #require(above - below > resolution)
        let level = (below + above) / 2
        let exact = Double(values.count { $0 > level }) / Double(count)
        let share = density.share(in: level...(high + 1))
        #expect(abs(share.value - exact) <= 5 * (share.standardError ?? 0))
    }

    @Test("the preconditioned sharpness agrees with the dense matrix, for every kind of decay")
    func preconditioned() throws {
        let small = try SmallNetwork(kind: .mlp, seed: 9)
        let curvature = try small.curvature()
        let count = small.parameters.count
        let dense = try curvature.exact.denseMatrix()
        let second = (0..<count).map { 1e-4 * Double($0 % 7 + 1) }
        for decay in [AdamState.Decay.none, .decoupled(1), .coupled(0.3)] {
            let adam = AdamState(
                learningRate: 1e-3, beta1: 0.9, beta2: 0.98, decay: decay, step: 10,
                secondMoments: second)
            let roots = second.map { moment in
                let denominator = (moment / (1 - pow(0.98, 10))).squareRoot() + 1e-8
                return 1 / ((1 - pow(0.9, 10)) * denominator).squareRoot()
            }
            let shift = if case .coupled(let decay) = decay { decay } else { 0.0 }
            let explicit = (0..<count * count).map { index in
                let (row, column) = (index / count, index % count)
                return (dense[index] + (row == column ? shift : 0)) * roots[row] * roots[column]
            }
            let exact = symmetricEigenvalues(explicit, order: count)[count - 1]
            let found = try preconditionedSharpness(
                of: curvature.exact, draft: curvature.draft, adam: adam, tolerance: 1e-10)
            #expect(found.converged)
            #expect(abs(found.sharpness - exact) <= 1e-8 * exact)
            #expect(abs(found.threshold - 38_000) < 1e-6)
            let expected = decay == .decoupled(1) ? 1.9 * (2 - 1e-3) / (0.1 * 1e-3) : 38_000
            #expect(abs(found.thresholdWithDecay - expected) < 1e-6)
        }
        let before = AdamState(
            learningRate: 1e-3, beta1: 0.9, beta2: 0.98, step: 0, secondMoments: second)
        #expect(throws: UserError.self) {
            _ = try preconditionedSharpness(of: curvature.exact, adam: before)
        }
    }

    @Test("the draft in single precision changes no digit that is promised")
    func draftOfALargerNetwork() throws {
        let network = NetworkConfiguration(
            kind: .mlp, embeddingWidth: 24, hiddenWidth: 32, mlpBiases: false)
        let model = ModelConfiguration(
            task: TaskConfiguration(operation: .subtract, modulus: 13), network: network)
        let task = try model.makeTask()
        let layout = try model.layout(for: task)
        var generator = SeededGenerator(seed: 21)
        let parameters: [Double] = layout.initialParameters(using: &generator)
        let curvature = try NetworkCurvature(
            .hessian, of: model, task: task, examples: task.trainExamples,
            at: layout.unpack(parameters))
        let options = LanczosOptions(top: 6, bottom: 2, tolerance: 1e-9, maximumProducts: 4000)
        let drafted = try curvature.spectrum(options)
        #expect(drafted.draftProductCount > 0)
        let plain = try curvatureSpectrum(of: curvature.exact, options: options)
        for (one, other) in zip(drafted.eigenvalues, plain.eigenvalues) {
            #expect(one.converged && other.converged)
            #expect(
                abs(one.eigenvalue - other.eigenvalue) <= 2e-9 * plain.eigenvalues[0].eigenvalue)
        }
        #expect(drafted.productCount < plain.productCount)
    }

    @Test(
        "more eigenvalues than there are, or than memory holds, are refused before they are sought")
    func mostEigenvaluesOfASpace() throws {
        #expect(VectorMemory.eigenvalues(1, dimension: 900).most(physicalMemory: 1 << 34) == 900)
        // (9 k + 26) vectors of 226,816 numbers in half of 16 GiB.
        let most = VectorMemory.eigenvalues(1, dimension: 226_816)
            .most(physicalMemory: 1 << 34)
        #expect(most == (1 << 33) / 8 / 226_816 / 9 - 3 || most == (1 << 33) / 8 / 226_816 / 9 - 2)
        let large = LinearOperator(dimension: 226_816) { _, _ in Issue.record("no product is due") }
        #expect(throws: UserError.self) {
            _ = try curvatureSpectrum(of: large, options: LanczosOptions(top: 100_000_000))
        }
        #expect(throws: UserError.self) {
            _ = try curvatureSpectrum(
                of: large, options: LanczosOptions(top: 1, bottom: Int.max / 2))
        }
    }

    @Test(
        "what an estimate takes is stated, refused beyond half of the memory and allowed at the most",
        arguments: [
            VectorMemory.eigenvalues(40_000, dimension: 226_816),
            .products(200_000, dimension: 226_816), .lanczosSteps(60_000, dimension: 226_816),
            .directions(60_000, dimension: 226_816),
        ])
    func memoryOfVectors(asked: VectorMemory) throws {
        let memory: UInt64 = 1 << 34
        let most = asked.most(physicalMemory: memory)
        let text = try #require(
            asked.statement(evaluatorBytes: 300_000_000, exampleCount: 3830))
        #expect(text.contains("of 226816 parameters), 0.3 GB for the network on 3830 examples."))
        let error = #expect(throws: UserError.self) { try asked.check(physicalMemory: memory) }
        #expect("\(try #require(error))".contains("at most \(most)"))
        func asking(_ count: Int) -> VectorMemory {
            switch asked.subject {
            case "eigenvalues": .eigenvalues(count, dimension: asked.dimension)
            case "products": .products(count, dimension: asked.dimension)
            case "directions": .directions(count, dimension: asked.dimension)
            default: .lanczosSteps(count, dimension: asked.dimension)
            }
        }
        try asking(most).check(physicalMemory: memory)
        #expect(asking(most).byteCount <= Double(memory) / 2)
        #expect(throws: UserError.self) {
            try asking(most + 1).check(physicalMemory: memory)
        }
    }

    @Test("Keskar's sharpness is the median of several subspaces, with their spread")
    func keskarOfSeveralSubspaces() throws {
        let small = try SmallNetwork(kind: .mlp, seed: 3)
        let found = try #require(
            try keskarSharpness(of: small.evaluator, at: small.parameters, epsilon: 1e-2, seed: 4))
        #expect(found.subspaces.count == 10)
        #expect(found.smallest < found.median && found.median < found.largest.sharpness)
        let alone = try #require(
            try keskarSharpness(
                of: small.evaluator, at: small.parameters, epsilon: 1e-2, seed: 4, count: 1))
        #expect(alone.median == alone.smallest && found.subspaces.contains(alone.subspaces[0]))
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
        .enabled(if: ReferenceData.isAvailable, "CAIRN_REFERENCE_DATA names no folder"))
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
