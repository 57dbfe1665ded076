import ArrayMath
import Networks
import TestSupport
import Testing
import VectorMath

/// All derivatives against differences, in double precision.
///
/// A central difference with step h errs by h²/6 times the third derivative and by about
/// 1e-16/h: with h = 1e-5 both are below 1e-9 for functions of moderate size.
@Suite("Derivatives")
struct DerivativeTests {
    private let step = 1e-5

    private func moved(_ parameters: [Double], _ factor: Double, _ direction: [Double]) -> [Double]
    {
        zip(parameters, direction).map { $0 + factor * $1 }
    }

    private func norm(_ vector: [Double]) -> Double {
        vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    @Test("the gradient agrees with central differences", arguments: NetworkCase.all)
    func gradient(network: NetworkCase) throws {
        let evaluator = try network.evaluator(Double.self)
        let parameters = network.parameters(seed: 1)
        var gradient = [Double](repeating: 0, count: parameters.count)
        let result = evaluator.gradient(parameters, into: &gradient)
        #expect(result == evaluator.lossAndAccuracy(parameters))
        for index in parameters.indices {
            var shifted = parameters
            shifted[index] = parameters[index] + step
            let above = evaluator.lossAndAccuracy(shifted).loss
            shifted[index] = parameters[index] - step
            let below = evaluator.lossAndAccuracy(shifted).loss
            let difference = (above - below) / (2 * step)
            #expect(
                abs(difference - gradient[index]) <= 1e-6
                    * max(abs(difference), 1e-2 * norm(gradient)),
                "parameter \(index): \(gradient[index]) against \(difference)")
        }
    }

    @Test("Hessian products agree with differences of gradients", arguments: NetworkCase.all)
    func hessianProduct(network: NetworkCase) throws {
        let evaluator = try network.evaluator(Double.self)
        let parameters = network.parameters(seed: 2)
        let count = parameters.count
        var above = [Double](repeating: 0, count: count)
        var below = above
        var product = above
        for seed in 0..<3 {
            let direction = NetworkCase.direction(count, seed: seed)
            // Kinks of ReLU spoil differences of gradients that cross one, hence the small step.
            let step = 1e-7
            _ = evaluator.gradient(moved(parameters, step, direction), into: &above)
            _ = evaluator.gradient(moved(parameters, -step, direction), into: &below)
            evaluator.linearize(at: parameters)
            evaluator.hessianProduct(direction, into: &product)
            let difference = zip(above, below).map { ($0 - $1) / (2 * step) }
            let error = norm(zip(difference, product).map { $0 - $1 })
            #expect(error <= 1e-6 * norm(difference), "relative \(error / norm(difference))")
        }
    }

    @Test("Hessian products are symmetric to rounding", arguments: NetworkCase.all)
    func symmetry(network: NetworkCase) throws {
        let evaluator = try network.evaluator(Double.self)
        let parameters = network.parameters(seed: 3)
        let count = parameters.count
        let (u, v) = (NetworkCase.direction(count, seed: 4), NetworkCase.direction(count, seed: 5))
        evaluator.linearize(at: parameters)
        var (hu, hv) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        for isGaussNewton in [false, true] {
            if isGaussNewton {
                evaluator.gaussNewtonProduct(u, into: &hu)
                evaluator.gaussNewtonProduct(v, into: &hv)
            } else {
                evaluator.hessianProduct(u, into: &hu)
                evaluator.hessianProduct(v, into: &hv)
            }
            let left = zip(u, hv).reduce(0) { $0 + $1.0 * $1.1 }
            let right = zip(v, hu).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(abs(left - right) <= 1e-12 * norm(u) * norm(hv))
        }
    }

    @Test(
        "logit changes and Gauss–Newton products follow from the logits", arguments: NetworkCase.all
    )
    func gaussNewton(network: NetworkCase) throws {
        let evaluator = try network.evaluator(Double.self)
        let parameters = network.parameters(seed: 6)
        let count = parameters.count
        let classes = network.space.classCount
        let (u, v) = (NetworkCase.direction(count, seed: 7), NetworkCase.direction(count, seed: 8))
        let step = 1e-6
        let logits = evaluator.logits(parameters)
        let above = evaluator.logits(moved(parameters, step, u))
        let below = evaluator.logits(moved(parameters, -step, u))
        evaluator.linearize(at: parameters)
        let (ju, jv) = (evaluator.jacobianProduct(u), evaluator.jacobianProduct(v))
        for index in ju.indices where !logits[index].isNaN {
            let difference = (above[index] - below[index]) / (2 * step)
            #expect(abs(difference - ju[index]) <= 1e-6 * max(1, abs(difference)))
        }
        guard network.loss.kind == .crossEntropy else { return }
        // vᵀGu = mean over answers of Σ p·jv·ju − (Σ p·jv)(Σ p·ju).
        var expected = 0.0
        var answers = 0
        for (answer, target) in network.examples.targets.enumerated() where target >= 0 {
            let row = answer * classes..<(answer + 1) * classes
            let probabilities = softmax(Array(logits[row]))
            let left = zip(probabilities, ju[row]).reduce(0) { $0 + $1.0 * $1.1 }
            let right = zip(probabilities, jv[row]).reduce(0) { $0 + $1.0 * $1.1 }
            let both = zip(probabilities, zip(ju[row], jv[row])).reduce(0) {
                $0 + $1.0 * $1.1.0 * $1.1.1
            }
            expected += both - left * right
            answers += 1
        }
        var product = [Double](repeating: 0, count: count)
        evaluator.gaussNewtonProduct(u, into: &product)
        let found = zip(v, product).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(found - expected / Double(answers)) <= 1e-12 * norm(v) * norm(product))
    }

    private func softmax(_ logits: [Double]) -> [Double] {
        let largest = logits.max() ?? 0
        let weights = logits.map { exponential($0 - largest) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    private func exponential(_ x: Double) -> Double {
        Double.exponential(SIMD2(repeating: x))[0]
    }

    @Test("a tile that is computed again gives the same products", arguments: NetworkCase.all)
    func withoutCache(network: NetworkCase) throws {
        let parameters = network.parameters(seed: 9)
        let vector = NetworkCase.direction(parameters.count, seed: 10)
        var kept = [Double](repeating: 0, count: parameters.count)
        var again = kept
        for isKept in [true, false] {
            let evaluator = try network.evaluator(Double.self)
            if !isKept { evaluator.mostCachedBytes = 0 }
            evaluator.linearize(at: parameters)
            evaluator.hessianProduct(vector, into: &again)
            evaluator.hessianProduct(vector, into: &again)
            if isKept { kept = again }
        }
        #expect(kept == again)
    }

    @Test("no bit depends on the number of threads", arguments: NetworkCase.all)
    func threads(network: NetworkCase) throws {
        let parameters = network.parameters(seed: 11)
        let vector = NetworkCase.direction(parameters.count, seed: 12)
        var results: [[Double]] = []
        for threads in [1, 2, 3, 4] {
            let evaluator = try network.evaluator(Double.self, threads: threads)
            var gradient = [Double](repeating: 0, count: parameters.count)
            var product = gradient
            _ = evaluator.gradient(parameters, into: &gradient)
            evaluator.linearize(at: parameters)
            evaluator.hessianProduct(vector, into: &product)
            results.append(gradient + product)
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    @Test("batches average to the whole set", arguments: NetworkCase.all)
    func batches(network: NetworkCase) throws {
        let evaluator = try network.evaluator(Double.self)
        let parameters = network.parameters(seed: 13)
        let count = network.examples.count
        var generator = SeededGenerator(seed: 14)
        let order = (0..<count).shuffled(using: &generator)
        var whole = [Double](repeating: 0, count: parameters.count)
        let all = evaluator.gradient(parameters, into: &whole)
        var sum = [Double](repeating: 0, count: parameters.count)
        var loss = 0.0
        var answers = 0
        for batch in [Array(order.prefix(count / 3)), Array(order.dropFirst(count / 3))] {
            var part = sum
            let result = evaluator.gradient(parameters, rows: batch, into: &part)
            let weight = batch.reduce(0) { total, row in
                total + network.examples.targets(of: row).count { $0 >= 0 }
            }
            loss += result.loss * Double(weight)
            sum = zip(sum, part).map { $0 + Double(weight) * $1 }
            answers += weight
        }
        #expect(abs(loss / Double(answers) - all.loss) <= 1e-14 * all.loss)
        let error = norm(zip(whole, sum).map { $0 - $1 / Double(answers) })
        #expect(error <= 1e-13 * norm(whole))
        // A row that comes twice counts twice, and the whole set comes back afterwards.
        var twice = sum
        _ = evaluator.gradient(parameters, rows: [2, 2], into: &twice)
        _ = evaluator.gradient(parameters, rows: [2], into: &sum)
        #expect(norm(zip(twice, sum).map { $0 - $1 }) <= 1e-13 * norm(sum))
        #expect(evaluator.lossAndAccuracy(parameters) == all)
    }

    @Test("Float agrees with Double to its own rounding", arguments: NetworkCase.all)
    func single(network: NetworkCase) throws {
        let parameters = network.parameters(seed: 15)
        let vector = NetworkCase.direction(parameters.count, seed: 16)
        let double = try network.evaluator(Double.self)
        let single = try network.evaluator(Float.self)
        var expected = [Double](repeating: 0, count: parameters.count)
        var found = [Float](repeating: 0, count: parameters.count)
        _ = double.gradient(parameters, into: &expected)
        _ = single.gradient(parameters.map { Float($0) }, into: &found)
        #expect(norm(zip(expected, found).map { $0 - Double($1) }) <= 1e-5 * norm(expected))
        double.linearize(at: parameters)
        double.hessianProduct(vector, into: &expected)
        single.linearize(at: parameters.map { Float($0) })
        single.hessianProduct(vector.map { Float($0) }, into: &found)
        #expect(norm(zip(expected, found).map { $0 - Double($1) }) <= 1e-5 * norm(expected))
    }
}
