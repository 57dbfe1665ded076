package import Checkpoints
internal import Networks

/// The weights of any step of a run, recomputed from the nearest earlier checkpoint that training
/// can go on from.
package struct Replay: Sendable {
    /// How the recomputed bits compare with what training recorded.
    package enum Proof: Sendable, Equatable {
        /// The digest of the step is the recorded one: the same bits.
        case identical
        /// No digest of this step was recorded, so nothing can be said.
        case notRecorded
        /// The digests differ from `firstStep` on: another processor or library.
        case different(firstStep: Int)

        package var isDifferent: Bool { if case .different = self { true } else { false } }
    }

    /// The weights after one step, and how far they can be trusted.
    package struct Result: Sendable {
        package let step: Int
        /// The stored step that the recomputation began at; the step itself where it is stored.
        package let origin: Int
        /// In name order.
        package let weights: [Tensor]
        /// Nil where the weights were stored without it.
        package let optimizerState: OptimizerState?
        package let digest: Digest
        package let proof: Proof
    }

    /// How far recomputed weights are from stored ones.
    package struct Deviation: Sendable, Equatable {
        /// The stored step at which both were compared.
        package let step: Int
        /// The largest difference of any weight.
        package let largest: Double
        /// The Euclidean norm of the difference over that of the stored weights.
        package let relative: Double
    }

    private let trainer: Trainer

    /// Prepares to replay a run.
    ///
    /// `data` gives the arrays of a digest, for a run that learnt from arrays.
    /// Errors: the run was imported, or its configuration cannot be trained here.
    package init(
        _ run: RunDescription, threadCount: Int = 2,
        data: (Digest) throws -> [Tensor] = { _ in [] }
    ) throws {
        let configuration = try TrainingConfiguration(of: run)
        trainer = try Trainer(
            configuration, task: configuration.model.makeTask(of: run, data: data),
            threadCount: threadCount)
    }

    /// The weights after `step` updates, stored or recomputed.
    ///
    /// `earlier` is what this replay gave for another step: it goes on from there where that is
    /// nearer. `progress` is told each recomputed step and stops the work by returning false.
    /// Errors: a step beyond the run, no checkpoint to begin at, or stopped.
    package func weights(
        at step: Int, of source: any CheckpointSource, after earlier: Result? = nil,
        progress: (Int) -> Bool = { _ in true }
    ) throws -> Result {
        let stored = try source.steps
        try Replay.requireStep(step, of: source)
        if stored.contains(step) {
            let weights = try source.weights(at: step)
            let digest = Digest(weights: weights)
            let recorded = try source.stepDigests(in: step...step).first
            return Result(
                step: step, origin: step, weights: weights,
                optimizerState: try source.optimizerState(at: step), digest: digest,
                proof: Replay.proof([digest.shortened(step: step)], recorded: recorded.map { [$0] })
            )
        }
        return try recomputed(step, of: source, after: earlier, progress: progress)
    }

    /// Throws one sentence where training has not done or not kept a step.
    static func requireStep(_ step: Int, of source: any CheckpointSource) throws {
        let stored = try source.steps
        guard let first = stored.first, let last = stored.last, (first...last).contains(step) else {
            throw UserError.missing(
                subject: "step \(step) of run \(try source.run.id)",
                cause: "its steps are \(stored.first ?? 0)...\(stored.last ?? 0)",
                advice: "choose one of them, or resume or fork the run to go on")
        }
    }

    /// The weights after `step` updates, recomputed from an earlier checkpoint even where they are
    /// stored.
    func recomputed(
        _ step: Int, of source: any CheckpointSource, after earlier: Result? = nil,
        progress: (Int) -> Bool = { _ in true }
    ) throws -> Result {
        let stored = try StartingPoint(nearest: step - 1, in: source)
        guard let earlier, let state = earlier.optimizerState,
            (stored.step + 1..<step).contains(earlier.step)
        else { return try recompute(step, from: stored, source, progress) }
        let start = StartingPoint(step: earlier.step, weights: earlier.weights, state: state)
        let rest = try recompute(step, from: start, source, progress)
        // What was different before stays so, whatever a later digest says.
        return Result(
            step: step, origin: earlier.origin, weights: rest.weights,
            optimizerState: rest.optimizerState, digest: rest.digest,
            proof: earlier.proof.isDifferent ? earlier.proof : rest.proof)
    }

    private func recompute(
        _ step: Int, from start: StartingPoint, _ source: any CheckpointSource,
        _ progress: (Int) -> Bool
    ) throws -> Result {
        switch trainer.configuration.training.dtype {
        case .float32: try recompute(step, from: start, source, progress, as: Float.self)
        case .float64: try recompute(step, from: start, source, progress, as: Double.self)
        }
    }

    /// How far this machine's recomputation is from the next stored checkpoint after a step whose
    /// proof failed.
    package func deviation(
        after step: Int, of source: any CheckpointSource, progress: (Int) -> Bool = { _ in true }
    ) throws -> Deviation? {
        guard let next = try source.steps.first(where: { $0 >= step }), next > 0 else { return nil }
        let stored = try source.weights(at: next)
        let weights = try recomputed(next, of: source, progress: progress).weights
        let byName = Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0) })
        var (largest, difference, norm) = (0.0, 0.0, 0.0)
        for tensor in stored {
            guard let mine = byName[tensor.name]?.doubles(), let theirs = tensor.doubles() else {
                continue
            }
            for (a, b) in zip(mine, theirs) {
                largest = max(largest, abs(a - b))
                difference += (a - b) * (a - b)
                norm += b * b
            }
        }
        return Deviation(
            step: next, largest: largest,
            relative: norm > 0 ? (difference / norm).squareRoot() : difference.squareRoot())
    }

    private func recompute<Scalar: NetworkScalar>(
        _ step: Int, from start: StartingPoint, _ source: any CheckpointSource,
        _ progress: (Int) -> Bool, as type: Scalar.Type
    ) throws -> Result {
        let loop = try trainer.loop(from: start, as: type)
        let hasher = StepHasher<Scalar>(layout: loop.layout, pool: loop.pool)
        while loop.step < step {
            guard progress(loop.step) else {
                throw UserError(
                    .failure, subject: "the replay", cause: "it was stopped at step \(loop.step)")
            }
            _ = loop.prepare(measuring: false)
            loop.advance()
            hasher.add(loop.parameters, step: loop.step)
        }
        let weights = loop.layout.unpack(loop.parameters).sorted { $0.name < $1.name }
        return Result(
            step: step, origin: start.step, weights: weights,
            optimizerState: loop.optimizer.state(step: step), digest: Digest(weights: weights),
            proof: Replay.proof(
                hasher.take(upTo: step),
                recorded: try source.stepDigests(in: (start.step + 1)...step)))
    }

    private static func proof(_ found: [StepDigest], recorded: [StepDigest]?) -> Proof {
        let byStep = Dictionary(
            (recorded ?? []).map { ($0.step, $0) }, uniquingKeysWith: { first, _ in first })
        if let different = found.first(where: { byStep[$0.step] != nil && byStep[$0.step] != $0 }) {
            return .different(firstStep: different.step)
        }
        guard let last = found.last, byStep[last.step] != nil else { return .notRecorded }
        return .identical
    }
}
