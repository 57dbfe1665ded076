internal import Networks

/// The parts of a training step, each to be called alone, of one training that goes on with every
/// whole step.
package struct TrainingStepParts {
    /// Gradient, update and digest of the weights.
    package let step: () -> Void
    /// The gradient alone.
    package let gradient: () -> Void
    /// The matrix products of one gradient, with the same shapes, on the same threads, in the same
    /// memory; returns their floating-point operations.
    package let products: () -> Int
    /// What an evaluation adds to a step: loss and accuracy on the test rows, and on the training
    /// rows where the gradient does not give them.
    package let evaluation: () -> Void

    private init<Scalar: NetworkScalar>(_ loop: TrainingLoop<Scalar>) {
        let hasher = StepHasher<Scalar>(layout: loop.layout, pool: loop.pool)
        step = {
            loop.computeGradient()
            loop.advance()
            hasher.add(loop.parameters, step: loop.step)
        }
        gradient = { loop.computeGradient() }
        products = { loop.multiplyOnly() }
        evaluation = { _ = loop.measure(training: loop.fullGradientLoss) }
    }

    /// The parts of the first steps of a training.
    ///
    /// Errors: a setting that is out of range or contradicts another.
    package init(_ configuration: TrainingConfiguration, threadCount: Int) throws {
        let trainer = try Trainer(configuration, threadCount: threadCount)
        switch configuration.training.dtype {
        case .float32: self.init(try trainer.loop(from: nil, as: Float.self))
        case .float64: self.init(try trainer.loop(from: nil, as: Double.self))
        }
    }
}
