package import Checkpoints
internal import Networks

/// A child run that goes on from a step of another run with changed settings.
///
/// Steps are counted on from the parent's: the child's first checkpoint has the parent's step and
/// weights, and a warm-up that is over is not repeated.
package struct Fork {
    package let trainer: Trainer
    package let parent: RunDescription.Parent
    /// One sentence for each thing that is not as if the parent had gone on.
    package let notes: [String]
    private let start: StartingPoint

    /// Recomputing more steps than this to find the optimiser's memory takes too long unasked.
    package static let replayLimit = 1000

    /// Prepares a fork of a step, stored or not.
    ///
    /// Where the step has no optimiser state, it is recomputed from the nearest earlier checkpoint
    /// that has one if that is at most `replayLimit` steps away; else the memory starts empty and a
    /// note says so.
    /// Errors: unknown settings, settings that change the shape of a tensor, no steps left to do.
    package init(
        of source: any CheckpointSource, at step: Int,
        changing changes: [(name: String, value: JSONValue)], threadCount: Int = 2,
        replayLimit: Int = Fork.replayLimit
    ) throws {
        let run = try source.run
        let old = try TrainingConfiguration(of: run)
        let configuration = try TrainingConfiguration(old.settings.changing(changes))
        try Replay.requireStep(step, of: source)
        guard configuration.training.steps > step else {
            throw UserError.usage(
                subject: "fork at step \(step)",
                cause: "the run ends at step \(configuration.training.steps)",
                advice: "give more steps")
        }
        let hasSameTask = configuration.model.task == old.model.task
        let task = try configuration.model.makeTask(
            of: hasSameTask ? run : nil, data: source.data)
        trainer = try Trainer(configuration, task: task, threadCount: threadCount)
        parent = RunDescription.Parent(run: run.id, step: step)
        var notes: [String] = []
        var start = try Fork.start(source, run, step, threadCount, replayLimit, &notes)
        if start.state != nil, configuration.optimizer.memory != old.optimizer.memory {
            start.state = nil
            notes.append(
                "the optimiser changed from \(old.optimizer.memoryName) to "
                    + "\(configuration.optimizer.memoryName), so its memory starts empty")
        }
        self.start = start
        self.notes = notes
        try Fork.checkShapes(start.weights, trainer)
    }

    /// Trains the child from the parent's step to its own last.
    @discardableResult
    package func run(
        _ description: RunDescription, into sink: any CheckpointSink,
        progress: ProgressReport = { _ in true }
    ) throws -> TrainingOutcome {
        try trainer.start(description, into: sink, from: start, progress: progress)
    }

    private static func start(
        _ source: any CheckpointSource, _ run: RunDescription, _ step: Int, _ threadCount: Int,
        _ replayLimit: Int, _ notes: inout [String]
    ) throws -> StartingPoint {
        let isStored = try source.steps.contains(step)
        if isStored {
            let state = try source.optimizerState(at: step)
            if state != nil || step == 0 {
                return StartingPoint(
                    step: step, weights: try source.weights(at: step), state: state)
            }
            let origin = try? StartingPoint(nearest: step - 1, in: source).step
            guard let origin, step - origin <= replayLimit else {
                notes.append(
                    "step \(step) was stored without optimiser state, so its memory starts empty; "
                        + "the first updates differ from those the parent would have done")
                return StartingPoint(step: step, weights: try source.weights(at: step), state: nil)
            }
        }
        let replay = try Replay(run, threadCount: threadCount, data: source.data)
        let result = try replay.recomputed(step, of: source)
        let what = isStored ? "the optimiser state of step \(step)" : "step \(step)"
        notes.append("\(what) was recomputed from step \(result.origin)")
        if result.proof != .identical {
            notes.append("the recomputed step could not be proved to have the parent's bits")
        }
        let weights = isStored ? try source.weights(at: step) : result.weights
        return StartingPoint(step: step, weights: weights, state: result.optimizerState)
    }

    private static func checkShapes(_ weights: [Tensor], _ trainer: Trainer) throws {
        let layout = try trainer.configuration.model.layout(for: trainer.task)
        let shapes = Dictionary(
            weights.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        for entry in layout.entries where shapes[entry.name] != entry.shape {
            throw UserError.usage(
                subject: "tensor \(entry.name)",
                cause: "the changed settings give it the shape \(entry.shape), the parent's is "
                    + (shapes[entry.name].map { "\($0)" } ?? "missing"),
                advice: "keep the settings of the task's size and the network in a fork")
        }
    }
}

extension OptimizerConfiguration {
    /// What a rule and its filter remember between updates: equal memories can be handed on.
    struct Memory: Equatable {
        enum Moments: Equatable {
            case none
            case velocity
            case both
            case muon
        }

        let moments: Moments
        let filter: Filter
        let window: Int
    }

    var memory: Memory {
        let moments: Memory.Moments =
            switch kind {
            case .gd: .none
            case .sgd: momentum > 0 ? .velocity : .none
            case .adam, .adamw: .both
            case .muon: .muon
            }
        return Memory(
            moments: moments, filter: filter,
            window: filter == .movingAverage ? filterWindow : 0)
    }

    /// The rule and its filter, for people.
    var memoryName: String {
        kind.rawValue + (filter == .none ? "" : " with the filter \(filter.rawValue)")
    }
}
