import Checkpoints
import Networks
import TestSupport
import Testing
import Training

/// A finished small run of 60 steps with a checkpoint every 20.
private func finishedRun(
    _ changes: [(name: String, value: JSONValue)] = []
) throws -> MemorySink {
    let configuration = try TrainingConfiguration(
        smallRun.changing(
            [("steps", 60), ("checkpoints", "every 20"), ("optimizer_states", "all")] + changes))
    let trainer = try Trainer(configuration)
    let sink = MemorySink()
    try trainer.run(trainer.describe(id: "00000000000000aa"), into: sink)
    return sink
}

@Suite struct ReplayTests {
    /// Every step of a run that stores them all, against the same run that stores few.
    @Test(arguments: [[], [("dtype", "float64"), ("batch", 13)]] as [[(String, JSONValue)]])
    func everyStepComesBackBitIdentically(changes: [(String, JSONValue)]) throws {
        let changes = changes.map { (name: $0.0, value: $0.1) }
        let dense = try finishedRun(changes + [("checkpoints", 1)])
        let sparse = try finishedRun(changes)
        let replay = try Replay(sparse.run, threadCount: 1)
        for step in 0...60 {
            let result = try replay.weights(at: step, of: sparse)
            #expect(result.proof == .identical)
            #expect(result.origin == (step % 20 == 0 ? step : step / 20 * 20))
            #expect(result.digest == Digest(weights: dense.checkpoints[step].weights))
            #expect(try result.weights == dense.weights(at: step))
            #expect(result.optimizerState == dense.checkpoints[step].optimizerState)
        }
        let all = try ReplayedRun(sparse)
        #expect(try all.weights(at: 27) == dense.weights(at: 27))
        #expect(
            try all.tensor("embedding", at: 27) == dense.tensor("embedding", at: 27))
        #expect(throws: UserError.self) { try all.tensor("nothing", at: 27) }
    }

    @Test func withoutAnyOptimiserStateTheInitialisationIsTheOrigin() throws {
        let run = try EditedRun(finishedRun()) { $0.optimizerState = nil }
        let result = try Replay(run.run).weights(at: 33, of: run)
        #expect(result.origin == 0)
        #expect(result.proof == .identical)
    }

    @Test func otherBitsAreReportedWithTheirSize() throws {
        let whole = try finishedRun()
        // The run as another processor might have computed it: the last bits differ from step 41 on.
        let run = EditedRun(whole) { checkpoint in
            guard checkpoint.step == 60 else { return }
            checkpoint.stepDigests = checkpoint.stepDigests.map {
                $0.step > 40 ? StepDigest(step: $0.step, high: 1, low: 2) : $0
            }
            checkpoint.weights = checkpoint.weights.map {
                let values = $0.values(as: Float.self).map { $0 + 0.001 }
                return Tensor(name: $0.name, shape: $0.shape, values: values)
            }
        }
        let replay = try Replay(run.run)
        #expect(try replay.weights(at: 55, of: run).proof == .different(firstStep: 41))
        #expect(try replay.weights(at: 39, of: run).proof == .identical)
        let deviation = try #require(try replay.deviation(after: 55, of: run))
        #expect(deviation.step == 60)
        #expect(abs(deviation.largest - 0.001) < 1e-6)
        #expect(deviation.relative > 0)
        #expect(try replay.deviation(after: 35, of: run)?.largest == 0)
    }

    @Test func stepsWithoutDigestsAreNotProved() throws {
        let run = try EditedRun(finishedRun()) { $0.stepDigests = [] }
        #expect(try Replay(run.run).weights(at: 7, of: run).proof == .notRecorded)
    }

    @Test(arguments: [-1, 61]) func stepsBeyondTheRunAreRefused(step: Int) throws {
        let run = try finishedRun()
        #expect(throws: UserError.self) { try Replay(run.run).weights(at: step, of: run) }
    }

    @Test func aReplayCanBeStopped() throws {
        let run = try finishedRun()
        #expect(throws: UserError.self) {
            try Replay(run.run).weights(at: 19, of: run) { $0 < 5 }
        }
    }

    @Test func importedRunsAreNotReplayed() throws {
        var run = try finishedRun().run
        run.origin = .init(path: "x", digest: "y", layout: "z")
        #expect(throws: UserError.self) { try Replay(run) }
    }
}

@Suite struct ForkTests {
    @Test func anUnchangedForkIsTheParent() throws {
        let parent = try finishedRun()
        for step in [20, 33] {
            let fork = try Fork(
                of: parent, at: step, changing: [])
            let sink = MemorySink()
            try fork.run(fork.trainer.describe(parent: fork.parent), into: sink)
            #expect(sink.steps.first == step)
            #expect(sink.stepDigests(in: 0...60) == parent.stepDigests(in: step...60))
            #expect(try sink.run.parent == .init(run: "00000000000000aa", step: step))
            #expect(fork.notes.isEmpty == (step == 20))
        }
    }

    @Test func changedSettingsChangeTheChild() throws {
        let parent = try finishedRun([("weight_decay", 0.0)])
        let fork = try Fork(
            of: parent, at: 40, changing: [("weight_decay", 1.0), ("steps", 80)])
        #expect(fork.notes.isEmpty)
        let sink = MemorySink()
        try fork.run(fork.trainer.describe(parent: fork.parent), into: sink)
        #expect(sink.steps == [40, 60, 80])
        #expect(try sink.weights(at: 40) == parent.weights(at: 40))
        #expect(try sink.weights(at: 60) != parent.weights(at: 60))
        #expect(try sink.run.hyperparameters.contains(Hyperparameter("weight_decay", .real(1))))
        // A child is a run like any other: it can be interrupted, resumed and replayed.
        #expect(try Replay(sink.run).weights(at: 50, of: sink).proof == .identical)
    }

    @Test func aMissingOptimiserStateIsRecomputedOrSaid() throws {
        let whole = try finishedRun()
        let run = EditedRun(whole) { if $0.step == 40 { $0.optimizerState = nil } }
        let near = try Fork(of: run, at: 40, changing: [])
        #expect(near.notes.count == 1)
        #expect(near.notes[0].contains("recomputed from step 20"))
        let sink = MemorySink()
        try near.run(near.trainer.describe(), into: sink)
        #expect(sink.stepDigests(in: 41...60) == whole.stepDigests(in: 41...60))
        let far = try Fork(of: run, at: 40, changing: [], replayLimit: 5)
        #expect(far.notes[0].contains("starts empty"))
        let other = MemorySink()
        try far.run(far.trainer.describe(), into: other)
        #expect(other.stepDigests(in: 40...40) == whole.stepDigests(in: 40...40))
        #expect(other.stepDigests(in: 60...60) != whole.stepDigests(in: 60...60))
    }

    @Test func anotherRuleStartsWithAnEmptyMemory() throws {
        let fork = try Fork(
            of: finishedRun(), at: 20,
            changing: [("optimizer", "sgd"), ("momentum", 0.9), ("learning_rate", 0.01)])
        #expect(fork.notes.count == 1)
        let sink = MemorySink()
        try fork.run(fork.trainer.describe(), into: sink)
        #expect(sink.status == .finished)
    }

    @Test(
        arguments: [
            [("width", 32)], [("modulus", 13)], [("steps", 20)], [("weight_decai", 1)],
            [("layers", 2)], [("group", "S5")],
        ] as [[(String, JSONValue)]])
    func impossibleForksAreRefused(changes: [(String, JSONValue)]) throws {
        let parent = try finishedRun()
        #expect(throws: UserError.self) {
            try Fork(of: parent, at: 40, changing: changes.map { (name: $0.0, value: $0.1) })
        }
        #expect(throws: UserError.self) { try Fork(of: parent, at: 70, changing: []) }
    }
}

/// A stored run with some of its checkpoints changed.
private final class EditedRun: CheckpointSource {
    private let description: RunDescription?
    private let memory = MemorySink()

    init(_ whole: MemorySink, _ edit: (inout Checkpoint) -> Void) {
        description = whole.description
        for checkpoint in whole.checkpoints {
            var copy = checkpoint
            edit(&copy)
            memory.save(copy)
        }
    }

    var run: RunDescription { get throws { try #require(description) } }
    var steps: [Int] { memory.steps }
    func weights(at step: Int) throws -> [Tensor] { try memory.weights(at: step) }
    func tensor(_ name: String, at step: Int) throws -> Tensor {
        try memory.tensor(name, at: step)
    }
    func optimizerState(at step: Int) throws -> OptimizerState? {
        try memory.optimizerState(at: step)
    }
    func metric(_ name: String) throws -> [MetricPoint] { memory.metric(name) }
    func stepDigests(in range: ClosedRange<Int>) throws -> [StepDigest] {
        memory.stepDigests(in: range)
    }
}
