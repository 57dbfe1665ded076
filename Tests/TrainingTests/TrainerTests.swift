import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing
import Training

/// A network small enough for hundreds of steps a second in a test.
let smallRun: JSONValue = [
    "task": ["operation": "subtract", "modulus": 11, "train_fraction": 0.5],
    "network": ["width": 16, "heads": 2, "mlp_width": 32],
    "training": ["steps": 200, "checkpoints": "every 50", "evaluate_every": 5],
]

@Suite struct TrainerTests {
    @Test func aRunStoresItsFirstItsLastAndItsScheduledSteps() throws {
        let trainer = try Trainer(TrainingConfiguration(smallRun))
        let sink = MemorySink()
        let outcome = try trainer.run(trainer.describe(name: "small", createdAt: 5), into: sink)
        #expect(outcome.status == .finished)
        #expect(sink.status == .finished)
        #expect(sink.steps == [0, 50, 100, 150, 200])
        #expect(sink.trailingMetrics.isEmpty)
        for name in ["train_loss", "train_accuracy", "test_loss", "test_accuracy"] {
            #expect(sink.metric(name).map(\.step) == Array(stride(from: 0, through: 200, by: 5)))
        }
        // Every step has its digest, and those of stored steps are the weights' own.
        #expect(sink.stepDigests(in: 0...200).map(\.step) == Array(0...200))
        for checkpoint in sink.checkpoints {
            #expect(
                checkpoint.stepDigests.last
                    == Digest(weights: checkpoint.weights).shortened(step: checkpoint.step))
            #expect(checkpoint.metrics.allSatisfy { $0.step <= checkpoint.step })
        }
        let losses = sink.metric("train_loss").map(\.value)
        #expect(losses[0] > 2)
        #expect((losses.last ?? 9) < losses[0] - 0.5)
    }

    @Test func theFirstUpdateOfTheWarmUpChangesNothing() throws {
        let trainer = try Trainer(
            TrainingConfiguration(smallRun.changing([("steps", 2), ("checkpoints", 1)])))
        let sink = MemorySink()
        try trainer.run(trainer.describe(), into: sink)
        let digests = sink.checkpoints.map { Digest(weights: $0.weights) }
        #expect(digests[0] == digests[1])
        #expect(digests[1] != digests[2])
    }

    @Test func theDescriptionIsComplete() throws {
        let trainer = try Trainer(TrainingConfiguration(smallRun))
        let run = try trainer.describe()
        #expect(run.id.count == 16)
        #expect(run.name == "subtract mod 11")
        #expect(run.task == "subtract mod 11")
        #expect(run.network == "transformer")
        #expect(run.seed == 0)
        #expect(run.trainIndices?.count == 60)
        #expect(run.testIndices?.count == 61)
        #expect(run.versions["openblas"]?.isEmpty == false)
        #expect(run.hyperparameters.contains(Hyperparameter("weight_decay", .real(1))))
        #expect(try TrainingConfiguration(of: run) == trainer.configuration)
        #expect(try ModelConfiguration(configurationOf: run) == trainer.configuration.model)
    }

    /// Rules with memory, drawn batches and noise: all of them must survive an interruption.
    static let resumable: [String: [(name: String, value: JSONValue)]] = [
        "adamw": [],
        "double": [("dtype", "float64")],
        "batches": [("batch", 13)],
        "momentum": [("optimizer", "sgd"), ("momentum", 0.9), ("learning_rate", 0.1)],
        "to_init": [("decay", "to_init")],
        "jiggle": [("decay", "jiggle")],
        "noise": [("update_noise", 0.1), ("gradient_noise", 0.01), ("weight_noise", 0.01)],
        "dropout": [("dropout", 0.1)],
        "adaptive": [("checkpoints", "adaptive + every 60")],
        "mlp": [("network", "mlp"), ("hidden_width", 16), ("embedding_width", 8)],
    ]

    @Test(arguments: resumable.keys.sorted())
    func anInterruptedRunContinuesBitIdentically(name: String) throws {
        let changes = try #require(Self.resumable[name])
        let configuration = try TrainingConfiguration(
            smallRun.changing(changes + [("steps", 60), ("checkpoints", "every 20")])
                .changing(changes.filter { $0.name == "checkpoints" }))
        let trainer = try Trainer(configuration)
        let whole = MemorySink()
        try trainer.run(trainer.describe(id: "0", createdAt: 0), into: whole)
        let parts = MemorySink()
        // Interrupted in the middle of an epoch, between two checkpoints and two evaluations.
        let outcome = try trainer.run(trainer.describe(id: "0", createdAt: 0), into: parts) {
            $0.step < 33
        }
        #expect(outcome.status == .interrupted)
        #expect(parts.status == .interrupted)
        #expect(parts.steps.last == 33)
        try Trainer.resume(parts, into: parts, threadCount: 1)
        #expect(parts.status == .finished)
        #expect(
            parts.stepDigests(in: 0...60).map(\.step) == Array(0...60), "every step has a digest")
        #expect(parts.stepDigests(in: 0...60) == whole.stepDigests(in: 0...60))
        for metric in ["train_loss", "test_accuracy"] {
            #expect(parts.metric(metric) == whole.metric(metric))
        }
        let last = try #require(whole.checkpoints.last)
        #expect(parts.checkpoints.last?.weights == last.weights)
        #expect(parts.checkpoints.last?.optimizerState == last.optimizerState)
    }

    /// A small run that keeps all optimiser states.
    private func wholeRun() throws -> MemorySink {
        let trainer = try Trainer(
            TrainingConfiguration(smallRun.changing([("optimizer_states", "all")])))
        let sink = MemorySink()
        try trainer.run(trainer.describe(id: "0", createdAt: 0), into: sink)
        return sink
    }

    @Test func resumingWhereRecomputedStepsDifferIsRefused() throws {
        let whole = try wholeRun()
        let parts = StrippedRun(whole, upTo: 150, statesAt: [50])
        parts.wrongStep = 120
        let error = #expect(throws: UserError.self) { try Trainer.resume(parts, into: parts) }
        #expect(error?.subject == "step 120, recomputed from step 50")
        #expect(error?.cause.contains("rounds differently") == true)
        #expect(parts.saved.isEmpty)
        #expect(parts.status == .interrupted)
    }

    @Test func resumingWithoutANewOptimiserStateRecomputes() throws {
        let whole = try wholeRun()
        let parts = StrippedRun(whole, upTo: 150, statesAt: [50])
        try Trainer.resume(parts, into: parts)
        #expect(parts.saved.map(\.step) == [200])
        #expect(parts.saved.first?.weights == whole.checkpoints.last?.weights)
        #expect(parts.saved.first?.stepDigests == whole.checkpoints.last?.stepDigests)
        #expect(parts.saved.first?.metrics == whole.checkpoints.last?.metrics)
    }

    @Test func aCompleteRunIsNotResumed() throws {
        let trainer = try Trainer(TrainingConfiguration(smallRun.changing([("steps", 1)])))
        let sink = MemorySink()
        try trainer.run(trainer.describe(), into: sink)
        #expect(throws: UserError.self) { try Trainer.resume(sink, into: sink) }
        #expect(throws: UserError.self) { try Trainer.resume(MemorySink(), into: sink) }
    }

    @Test func theBitsDoNotDependOnThreads() throws {
        let configuration = try TrainingConfiguration(
            smallRun.changing([("steps", 20), ("batch", 17)]))
        var digests: [[StepDigest]] = []
        for threadCount in [1, 2, 3] {
            let trainer = try Trainer(configuration, threadCount: threadCount)
            let sink = MemorySink()
            try trainer.run(trainer.describe(), into: sink)
            digests.append(sink.stepDigests(in: 0...20))
        }
        #expect(digests[0] == digests[1])
        #expect(digests[0] == digests[2])
    }

    @Test func aDivergingRunFailsWithItsStep() throws {
        let trainer = try Trainer(
            TrainingConfiguration(
                smallRun.changing([("optimizer", "gd"), ("learning_rate", 1e30), ("warmup", 0)])))
        let sink = MemorySink()
        let error = #expect(throws: UserError.self) {
            try trainer.run(trainer.describe(), into: sink)
        }
        #expect(error?.subject.hasPrefix("step ") == true)
        #expect(sink.status == .failed)
    }

    @Test func aSinkThatFailsEndsTheRun() throws {
        let trainer = try Trainer(TrainingConfiguration(smallRun))
        let sink = FailingSink()
        #expect(throws: FailingSink.Full.self) { try trainer.run(trainer.describe(), into: sink) }
        #expect(sink.status == .failed)
    }

    @Test func adaptiveCheckpointsFollowATransition() throws {
        let trainer = try Trainer(
            TrainingConfiguration(
                smallRun.changing([
                    ("checkpoints", "adaptive 0.05"), ("evaluate_every", 1), ("operation", "add"),
                    ("steps", 600), ("train_fraction", 0.8),
                ])))
        let sink = MemorySink()
        try trainer.run(trainer.describe(), into: sink)
        let accuracies = sink.metric("test_accuracy").map(\.value)
        #expect((accuracies.max() ?? 0) > 0.3)
        var largestJump = 0.0
        for (first, second) in zip(sink.steps, sink.steps.dropFirst()) where second > first + 1 {
            let passed = accuracies[first...(second - 1)].map { abs($0 - accuracies[first]) }
            largestJump = max(largestJump, passed.max() ?? 0)
        }
        #expect(largestJump <= 0.05, "steps between two checkpoints stay near the first")
        #expect(sink.steps.count > 10)
        #expect(sink.steps == sink.steps.sorted())
    }
}

/// A stored run whose later checkpoints and most optimiser states are gone.
private final class StrippedRun: CheckpointSource, CheckpointSink {
    private let whole: MemorySink
    private let last: Int
    private let states: Set<Int>
    var saved: [Checkpoint] = []
    var status: RunStatus?
    /// A step with the digest of other weights.
    var wrongStep: Int?

    init(_ whole: MemorySink, upTo last: Int, statesAt states: Set<Int>) {
        self.whole = whole
        self.last = last
        self.states = states
    }

    var run: RunDescription { get throws { try whole.run } }
    var steps: [Int] { whole.steps.filter { $0 <= last } }
    func weights(at step: Int) throws -> [Tensor] { try whole.weights(at: step) }
    func tensor(_ name: String, at step: Int) throws -> Tensor {
        try whole.tensor(name, at: step)
    }
    func optimizerState(at step: Int) throws -> OptimizerState? {
        states.contains(step) ? try whole.optimizerState(at: step) : nil
    }
    func metric(_ name: String) throws -> [MetricPoint] { whole.metric(name) }
    func begin(_ run: RunDescription) {}
    func stepDigests(in range: ClosedRange<Int>) throws -> [StepDigest] {
        whole.stepDigests(in: range).filter { $0.step <= last }.map {
            $0.step == wrongStep ? StepDigest(step: $0.step, high: 0, low: 0) : $0
        }
    }
    func save(_ checkpoint: Checkpoint) { saved.append(checkpoint) }
    func finish(_ status: RunStatus, metrics: [MetricPoint]) { self.status = status }
}

/// A sink whose disk is full after the first checkpoint.
private final class FailingSink: CheckpointSink {
    struct Full: Error {}
    var status: RunStatus?
    private var count = 0

    func begin(_ run: RunDescription) {}
    func save(_ checkpoint: Checkpoint) throws {
        count += 1
        if count > 1 { throw Full() }
    }
    func finish(_ status: RunStatus, metrics: [MetricPoint]) { self.status = status }
}
