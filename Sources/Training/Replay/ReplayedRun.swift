package import Checkpoints

/// A run whose every step can be read: steps that are not stored are recomputed.
///
/// The step recomputed last is kept, so that rising steps between two checkpoints cost one pass.
package final class ReplayedRun: CheckpointSource {
    private let source: any CheckpointSource
    private let replay: Replay
    private let watch: () throws -> Void
    private let progress: (_ step: Int, _ target: Int) -> Void
    private var latest: Replay.Result?
    /// How far each recomputed step is proved to be what training had.
    package private(set) var proofs: [Int: Replay.Proof] = [:]

    /// A run of `source`; `watch` is asked before every recomputed step and stops it by throwing, and
    /// `progress` is told of it and of the step that is wanted.
    ///
    /// Errors: the run was imported, or its configuration cannot be trained here.
    package init(
        _ source: any CheckpointSource, threadCount: Int = 2,
        watch: @escaping () throws -> Void = {},
        progress: @escaping (_ step: Int, _ target: Int) -> Void = { _, _ in }
    ) throws {
        self.source = source
        self.watch = watch
        self.progress = progress
        replay = try Replay(source.run, threadCount: threadCount, data: source.data)
    }

    package var run: RunDescription { get throws { try source.run } }
    /// The stored steps.
    package var steps: [Int] { get throws { try source.steps } }

    package func weights(at step: Int) throws -> [Tensor] {
        if try source.steps.contains(step) { return try source.weights(at: step) }
        return try result(at: step).weights
    }

    package func tensor(_ name: String, at step: Int) throws -> Tensor {
        if try source.steps.contains(step) { return try source.tensor(name, at: step) }
        guard let tensor = try result(at: step).weights.first(where: { $0.name == name }) else {
            throw UserError.missing(
                subject: "tensor \(name)", cause: "the run has no tensor of this name")
        }
        return tensor
    }

    package func optimizerState(at step: Int) throws -> OptimizerState? {
        if try source.steps.contains(step) { return try source.optimizerState(at: step) }
        return try result(at: step).optimizerState
    }

    package func metric(_ name: String) throws -> [MetricPoint] { try source.metric(name) }

    package func data(_ digest: Digest) throws -> [Tensor] { try source.data(digest) }

    package func stepDigests(in range: ClosedRange<Int>) throws -> [StepDigest] {
        try source.stepDigests(in: range)
    }

    private func result(at step: Int) throws -> Replay.Result {
        if let latest, latest.step == step { return latest }
        var stop: (any Error)?
        do {
            let result = try replay.weights(at: step, of: source, after: latest) { done in
                progress(done, step)
                do { try watch() } catch { stop = error }
                return stop == nil
            }
            latest = result
            proofs[step] = result.proof
            return result
        } catch {
            throw stop ?? error
        }
    }
}
