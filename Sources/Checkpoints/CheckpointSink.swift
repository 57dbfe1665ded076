/// Where training puts what it makes.
///
/// Calls come in order: `begin` once, `save` with rising steps, `finish` once. A `save` that
/// returns has acknowledged the checkpoint, unless the sink says that it works behind the trainer,
/// in which case `finish` returns after everything is acknowledged or throws what failed.
package protocol CheckpointSink: AnyObject {
    /// Records the run before its first step.
    func begin(_ run: RunDescription) throws
    /// Stores one checkpoint.
    ///
    /// The latest step may come again with the optimiser's state that it lacked, which is added.
    func save(_ checkpoint: Checkpoint) throws
    /// Stores one checkpoint whose tensors are read meanwhile.
    func save(_ checkpoint: StreamedCheckpoint) throws
    /// Records how the run ended, with the metrics since its last checkpoint.
    func finish(_ status: RunStatus, metrics: [MetricPoint]) throws
}

extension CheckpointSink {
    /// Reads the whole checkpoint and stores it: a sink that keeps checkpoints in memory needs them
    /// there anyway.
    package func save(_ checkpoint: StreamedCheckpoint) throws { try save(checkpoint.load()) }
}

/// A run that can be read back.
package protocol CheckpointSource {
    var run: RunDescription { get throws }
    /// The steps that have a stored checkpoint, rising.
    var steps: [Int] { get throws }
    /// The weights after `step` updates, in name order.
    func weights(at step: Int) throws -> [Tensor]
    /// One tensor of the weights after `step` updates.
    func tensor(_ name: String, at step: Int) throws -> Tensor
    /// The optimiser's memory after `step` updates; nil when it was not kept.
    func optimizerState(at step: Int) throws -> OptimizerState?
    /// A curve in step order; empty when there is none of this name.
    func metric(_ name: String) throws -> [MetricPoint]
    /// The recorded digests of the weights after the steps of a range, in step order; steps without
    /// one are left out.
    func stepDigests(in range: ClosedRange<Int>) throws -> [StepDigest]
    /// The arrays of this digest, which a run learns from.
    func data(_ digest: Digest) throws -> [Tensor]
}

extension CheckpointSource {
    /// Nothing: a source that keeps no digests of its own proves nothing about its steps.
    package func stepDigests(in range: ClosedRange<Int>) throws -> [StepDigest] { [] }

    /// None: a source that keeps no arrays.
    package func data(_ digest: Digest) throws -> [Tensor] { [] }
}
