internal import ArrayMath
package import Checkpoints
internal import Foundation
package import Networks

/// Trains the run that a configuration describes.
package struct Trainer: Sendable {
    package let configuration: TrainingConfiguration
    package let task: Task
    /// Threads that share each update; the bits do not depend on it.
    package let threadCount: Int

    /// Prepares a new run.
    ///
    /// `data` gives the arrays of a digest, for a task that learns from arrays.
    /// Errors: a setting that is out of range or contradicts another.
    package init(
        _ configuration: TrainingConfiguration, threadCount: Int = 2,
        data: (Digest) throws -> [Tensor] = { _ in [] }
    ) throws {
        try self.init(
            configuration, task: configuration.model.makeTask(data: data), threadCount: threadCount)
    }

    init(_ configuration: TrainingConfiguration, task: Task, threadCount: Int) throws {
        try configuration.validate()
        try Range.atLeast(1, threadCount, "threads")
        try BLASMemory.require(threadCount: threadCount)
        // What the task decides about the network and the batches is checked before a run begins.
        guard task.configuration.split != .unknown else {
            throw UserError.usage(
                subject: "split unknown", cause: "it says no rows to train on",
                advice: "choose \(SplitRule.trainable.map(\.rawValue).joined(separator: ", "))")
        }
        _ = try configuration.training.batch.rowCount(of: task.trainExamples.count)
        try configuration.model.validate(task)
        try Trainer.checkFreshExamples(configuration, task)
        if let condition = configuration.training.stopAt, !condition.isLoss,
            !configuration.model.measuresAccuracy(task)
        {
            throw UserError.usage(
                subject: "stop_at '\(condition)'",
                cause: "the answers are real numbers, so that accuracy means nothing",
                advice: "name a loss, or give accuracy_threshold")
        }
        if let condition = configuration.training.stopAt, condition.isAboutTest,
            task.testIndices.isEmpty
        {
            throw UserError.usage(
                subject: "stop_at '\(condition)'", cause: "the run has no test rows",
                advice: "name a metric of the training rows, or a smaller train_fraction")
        }
        self.configuration = configuration
        self.task = task
        self.threadCount = threadCount
    }

    /// Fresh examples are whole batches, drawn once for each update.
    private static func checkFreshExamples(
        _ configuration: TrainingConfiguration, _ task: Task
    ) throws {
        guard task.fresh != nil else { return }
        guard configuration.training.batch == .full else {
            throw UserError.usage(
                subject: "batch", cause: "online draws example_count fresh examples an update",
                advice: "choose the batch full and give its size as example_count")
        }
        guard task.trainIndices == Array(0..<task.trainIndices.count),
            configuration.model.task.labelNoise == 0
        else {
            throw UserError.usage(
                subject: "online", cause: "fresh examples have no split and no label noise",
                advice: "choose the split in_order and label_noise 0")
        }
    }

    /// The number of weights.
    package var parameterCount: Int {
        get throws { try configuration.model.layout(for: task).count }
    }

    /// The description of a new run of this configuration, everything filled in.
    package func describe(
        name: String = "", parent: RunDescription.Parent? = nil, id: String? = nil,
        createdAt: Double = Date().timeIntervalSince1970
    ) throws -> RunDescription {
        var generator = SystemRandomNumberGenerator()
        return RunDescription(
            id: id ?? RunDescription.randomID(using: &generator),
            name: name.isEmpty ? task.name : name, createdAt: createdAt, task: task.name,
            network: configuration.model.network.kind.rawValue, seed: configuration.training.seed,
            configuration: try configuration.json,
            hyperparameters: try configuration.hyperparameters, parent: parent,
            trainIndices: task.trainIndices, testIndices: task.testIndices,
            versions: ProgramVersions.current)
    }

    /// Trains a new run from its first to its last step.
    @discardableResult
    package func run(
        _ description: RunDescription, into sink: any CheckpointSink,
        progress: ProgressReport = { _ in true }
    ) throws -> TrainingOutcome {
        try start(description, into: sink, from: nil, progress: progress)
    }

    /// Continues an interrupted run bit-identically from its newest checkpoint with optimiser
    /// state.
    ///
    /// `sink` appends to the same run; it is not told of a beginning. Where newer checkpoints lack
    /// the state, their steps are recomputed, compared with their recorded digests and not stored
    /// again.
    /// Errors: the run is complete, no stored step can be continued, or recomputed steps have other
    /// weights than the stored ones.
    @discardableResult
    package static func resume(
        _ source: any CheckpointSource, into sink: any CheckpointSink, threadCount: Int = 2,
        progress: ProgressReport = { _ in true }
    ) throws -> TrainingOutcome {
        let run = try source.run
        let configuration = try TrainingConfiguration(of: run)
        let newest = try newestStep(ofUnfinished: source, configuration)
        let trainer = try Trainer(
            configuration,
            task: configuration.model.makeTask(of: run, data: source.data), threadCount: threadCount
        )
        let start = try StartingPoint(nearest: newest, in: source)
        let holdCount = try configuration.training.stopAt.map { condition in
            let curve = try source.metric(condition.metric)
            return condition.holdCount(of: curve.filter { $0.step < start.step })
        }
        let recorded =
            start.step < newest ? try source.stepDigests(in: start.step + 1...newest) : []
        return try trainer.continued(
            from: start, storedStep: newest, recorded, holdCount: holdCount ?? 0, into: sink,
            progress: progress)
    }

    /// Throws one sentence if a run cannot be resumed because it is complete or has not begun.
    package static func requireUnfinished(_ source: any CheckpointSource) throws {
        _ = try newestStep(ofUnfinished: source, TrainingConfiguration(of: source.run))
    }

    /// The newest step of a run that has done all its steps; nil for one that can be resumed.
    static func lastStep(ofComplete source: any CheckpointSource) throws -> Int? {
        let settings = try TrainingConfiguration(of: source.run).training
        guard let newest = try source.steps.last else { return nil }
        if newest >= settings.steps { return newest }
        guard let condition = settings.stopAt,
            condition.isMet(by: try source.metric(condition.metric))
        else { return nil }
        return newest
    }

    private static func newestStep(
        ofUnfinished source: any CheckpointSource, _ configuration: TrainingConfiguration
    ) throws -> Int {
        let run = try source.run
        let subject = "run \(run.name) (\(run.id))"
        guard let newest = try source.steps.last else {
            throw UserError(
                .failure, subject: subject, cause: "it has no checkpoint to resume from",
                advice: "train it anew")
        }
        guard newest < configuration.training.steps else {
            throw UserError(
                .failure, subject: subject,
                cause: "it has done all of its \(configuration.training.steps) steps",
                advice: "cairn fork goes on from it with more steps")
        }
        if let condition = configuration.training.stopAt,
            condition.isMet(by: try source.metric(condition.metric))
        {
            throw UserError(
                .failure, subject: subject,
                cause: "it ended at step \(newest), where \(condition) was reached",
                advice: "cairn fork --stop-at never goes on from it")
        }
        return newest
    }

    /// Begins a run in the sink and trains it, from fresh weights or from another run's.
    func start(
        _ description: RunDescription, into sink: any CheckpointSink, from start: StartingPoint?,
        progress: ProgressReport
    ) throws -> TrainingOutcome {
        switch configuration.training.dtype {
        case .float32:
            let loop = try loop(from: start, as: Float.self)
            try sink.begin(description)
            return try loop.run(
                into: sink, storedStep: (start?.step ?? 0) - 1, progress: progress)
        case .float64:
            let loop = try loop(from: start, as: Double.self)
            try sink.begin(description)
            return try loop.run(
                into: sink, storedStep: (start?.step ?? 0) - 1, progress: progress)
        }
    }

    /// Trains on without beginning a run.
    private func continued(
        from start: StartingPoint, storedStep: Int, _ recorded: [StepDigest], holdCount: Int,
        into sink: any CheckpointSink, progress: ProgressReport
    ) throws -> TrainingOutcome {
        switch configuration.training.dtype {
        case .float32:
            try loop(from: start, as: Float.self).run(
                into: sink, storedStep: storedStep, recorded: recorded, holdCount: holdCount,
                progress: progress)
        case .float64:
            try loop(from: start, as: Double.self).run(
                into: sink, storedStep: storedStep, recorded: recorded, holdCount: holdCount,
                progress: progress)
        }
    }

    /// The training state at a starting point, or of a new run.
    func loop<Scalar: NetworkScalar>(
        from start: StartingPoint?, as type: Scalar.Type
    ) throws -> TrainingLoop<Scalar> {
        let loop = try TrainingLoop<Scalar>(configuration, task: task, threadCount: threadCount)
        if let start {
            try loop.restore(step: start.step, weights: start.weights, state: start.state)
        }
        return loop
    }
}

/// A stored step that training can go on from.
struct StartingPoint {
    var step: Int
    var weights: [Tensor]
    /// Nil at the first step of a run and where it was not kept.
    var state: OptimizerState?

    init(step: Int, weights: [Tensor], state: OptimizerState?) {
        self.step = step
        self.weights = weights
        self.state = state
    }

    /// The latest step up to `step` whose continuation is bit-identical: one with optimiser state,
    /// or the initialisation.
    init(nearest step: Int, in source: any CheckpointSource) throws {
        for candidate in try source.steps.reversed() where candidate <= step {
            let state = try source.optimizerState(at: candidate)
            if state != nil || candidate == 0 {
                self.init(step: candidate, weights: try source.weights(at: candidate), state: state)
                return
            }
        }
        throw UserError(
            .failure, subject: "run \(try source.run.id)",
            cause: "no checkpoint up to step \(step) has an optimiser state",
            advice: "fork from the weights of a stored step instead")
    }
}
