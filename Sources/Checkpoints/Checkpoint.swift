/// The state of a run after a number of updates: weights, and what else was kept with them.
package struct Checkpoint: Sendable, Equatable {
    /// Updates done: 0 is the initialisation, *s* holds the weights after update *s*.
    package var step: Int
    /// The weights, each name once.
    package var weights: [Tensor]
    /// What training needs to continue bit-identically from here; nil when it was not kept.
    package var optimizerState: OptimizerState?
    /// The metrics measured since the previous checkpoint, in step order.
    package var metrics: [MetricPoint]
    /// Digests of the weights after each step since the previous checkpoint, this one included.
    package var stepDigests: [StepDigest]
    /// The SHA-256 of each of the weights, in their order, where whoever made them has computed it
    /// already; nil leaves it to the sink.
    package var weightDigests: [Digest]?

    package init(
        step: Int, weights: [Tensor], optimizerState: OptimizerState? = nil,
        metrics: [MetricPoint] = [], stepDigests: [StepDigest] = [],
        weightDigests: [Digest]? = nil
    ) {
        self.step = step
        self.weights = weights
        self.optimizerState = optimizerState
        self.metrics = metrics
        self.stepDigests = stepDigests
        self.weightDigests = weightDigests
    }
}

/// The optimiser's memory at one step.
package struct OptimizerState: Sendable, Equatable {
    /// Moments and the like, named `first_moment/TENSOR`, `second_moment/TENSOR`, ….
    package var tensors: [Tensor]
    /// Everything that is not a tensor (positions of random streams, position in the epoch), as a
    /// JSON object with sorted keys.
    package var attributes: String

    package init(tensors: [Tensor], attributes: String = "{}") {
        self.tensors = tensors
        self.attributes = attributes
    }
}

/// The first 16 bytes of the digest of the weights after one update.
package struct StepDigest: Sendable, Equatable {
    package let step: Int
    /// The first half of the checkpoint digest, big-endian.
    package let high: UInt64
    package let low: UInt64

    package init(step: Int, high: UInt64, low: UInt64) {
        self.step = step
        self.high = high
        self.low = low
    }
}
