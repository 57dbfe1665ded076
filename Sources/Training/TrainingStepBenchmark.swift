internal import Checkpoints
internal import Networks

/// The speed of a configuration's training steps, beside that of their bare matrix products.
package struct TrainingStepBenchmark: Sendable {
    /// Median seconds of a whole step: gradient, update and digest of the weights.
    package let stepSeconds: Double
    /// Median seconds of one gradient.
    package let gradientSeconds: Double
    /// Median seconds of the matrix products of one gradient, with the same shapes, on the same
    /// threads, in the same memory.
    package let productSeconds: Double
    /// Floating-point operations of these products.
    package let productOperations: Int
    /// Median seconds of what an evaluation adds to a step: loss and accuracy on the test rows, and
    /// on the training rows where the gradient does not give them.
    package let evaluationSeconds: Double
    /// Steps from one evaluation to the next.
    package let evaluationInterval: Int

    /// The share of a step's time that its products would take alone.
    package var productShare: Double { productSeconds / stepSeconds }

    /// The time of evaluations over that of the steps between them.
    package var evaluationShare: Double {
        evaluationSeconds / (stepSeconds * Double(evaluationInterval))
    }

    /// Trains and measures steps, gradients, products and evaluations in turn, so that all meet the
    /// same load.
    ///
    /// Errors: a setting that is out of range or contradicts another.
    package static func measure(
        _ configuration: TrainingConfiguration, threadCount: Int, repetitions: Int
    ) throws -> TrainingStepBenchmark {
        let trainer = try Trainer(configuration, threadCount: threadCount)
        return switch configuration.training.dtype {
        case .float32: measure(try trainer.loop(from: nil, as: Float.self), repetitions)
        case .float64: measure(try trainer.loop(from: nil, as: Double.self), repetitions)
        }
    }

    private static func measure<Scalar: NetworkScalar>(
        _ loop: TrainingLoop<Scalar>, _ repetitions: Int
    ) -> TrainingStepBenchmark {
        let hasher = StepHasher<Scalar>(layout: loop.layout, pool: loop.pool)
        var steps: [Double] = []
        var gradients: [Double] = []
        var products: [Double] = []
        var evaluations: [Double] = []
        var operations = 0
        let clock = ContinuousClock()
        func seconds(_ body: () -> Void) -> Double { clock.measure(body) / .seconds(1) }
        // The first rounds warm caches and threads and are not counted.
        let unmeasured = 2
        for repetition in 0..<unmeasured + max(1, repetitions) {
            let step = seconds {
                loop.computeGradient()
                loop.advance()
                hasher.add(loop.parameters, step: loop.step)
            }
            let gradient = seconds { loop.computeGradient() }
            let product = seconds { operations = loop.multiplyOnly() }
            let evaluation = seconds { _ = loop.measure(training: loop.fullGradientLoss) }
            if repetition >= unmeasured {
                steps.append(step)
                gradients.append(gradient)
                products.append(product)
                evaluations.append(evaluation)
            }
        }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        return TrainingStepBenchmark(
            stepSeconds: median(steps), gradientSeconds: median(gradients),
            productSeconds: median(products), productOperations: operations,
            evaluationSeconds: median(evaluations),
            evaluationInterval: loop.configuration.training.evaluateEvery)
    }
}
