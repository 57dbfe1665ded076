/// The speed of gradients on a set of examples, beside that of their bare matrix products.
package struct TrainingStepBenchmark: Sendable {
    /// Median seconds of one gradient.
    package let gradientSeconds: Double
    /// Median seconds of the matrix products of one gradient, with the same shapes, on the same
    /// threads, in the same memory.
    package let productSeconds: Double
    /// Floating-point operations of these products.
    package let productOperations: Int
    /// Median seconds of one evaluation of loss and accuracy.
    package let evaluationSeconds: Double

    /// The share of a gradient's time that its products would take alone.
    package var productShare: Double { productSeconds / gradientSeconds }

    /// Measures gradients, products and evaluations in turn, so that all meet the same load.
    package static func measure<Scalar: NetworkScalar>(
        _ evaluator: NetworkEvaluator<Scalar>, _ parameters: [Scalar], repetitions: Int
    ) -> TrainingStepBenchmark {
        var gradient = [Scalar](repeating: 0, count: parameters.count)
        var gradients: [Double] = []
        var products: [Double] = []
        var evaluations: [Double] = []
        var operations = 0
        let clock = ContinuousClock()
        func seconds(_ body: () -> Void) -> Double { clock.measure(body) / .seconds(1) }
        // The first round warms caches and threads and is not counted.
        for repetition in 0...max(1, repetitions) {
            let first = seconds { _ = evaluator.gradient(parameters, into: &gradient) }
            let second = seconds { operations = evaluator.multiplyOnly() }
            let third = seconds { _ = evaluator.lossAndAccuracy(parameters) }
            if repetition > 0 {
                gradients.append(first)
                products.append(second)
                evaluations.append(third)
            }
        }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        return TrainingStepBenchmark(
            gradientSeconds: median(gradients), productSeconds: median(products),
            productOperations: operations, evaluationSeconds: median(evaluations))
    }
}
