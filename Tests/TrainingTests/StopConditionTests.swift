import Checkpoints
import Networks
import TestSupport
import Testing
import Training

@Suite struct StopConditionTests {
    /// Memorises within a hundred steps.
    private static let run = smallRun.overlaid(by: [
        "training": ["stop_at": "train_accuracy=0.9", "steps": 2000, "checkpoints": "every 500"]
    ])

    @Test func aRunEndsAtTheThirdEvaluationInARow() throws {
        let trainer = try Trainer(TrainingConfiguration(Self.run))
        let sink = MemorySink()
        let outcome = try trainer.run(trainer.describe(), into: sink)
        #expect(outcome.status == .finished)
        #expect(sink.status == .finished)
        let curve = sink.metric("train_accuracy")
        let last = try #require(curve.last)
        #expect(last.step < 2000)
        #expect(sink.steps.last == last.step)
        #expect(outcome.lastStep == last.step)
        let held = curve.map { $0.value >= 0.9 }
        #expect(held.suffix(3) == [true, true, true])
        // Nowhere before did three in a row hold.
        for end in held.indices.dropLast() where end >= 2 {
            #expect(held[end - 2...end].contains(false))
        }
        #expect(sink.stepDigests(in: 0...2000).map(\.step) == Array(0...last.step))
    }

    @Test func anInterruptedRunEndsWhereTheWholeOneDoes() throws {
        let trainer = try Trainer(TrainingConfiguration(Self.run))
        let whole = MemorySink()
        let end = try trainer.run(trainer.describe(id: "0", createdAt: 0), into: whole).lastStep
        // Between the second and the third evaluation that hold, and on the second itself.
        for stop in [end - 2, end - 5, end - 7] {
            let parts = MemorySink()
            try trainer.run(trainer.describe(id: "0", createdAt: 0), into: parts) { $0.step < stop }
            #expect(parts.steps.last == stop)
            #expect(try Trainer.resume(parts, into: parts).lastStep == end)
            #expect(parts.metric("train_accuracy") == whole.metric("train_accuracy"))
            #expect(parts.checkpoints.last?.weights == whole.checkpoints.last?.weights)
        }
        let error = #expect(throws: UserError.self) { try Trainer.resume(whole, into: whole) }
        #expect(error?.cause.contains("train_accuracy=0.9") == true)
        // A fork goes on from where its parent ended.
        let fork = try Fork(
            of: whole, at: end, changing: [("stop_at", "never"), ("steps", .integer(end + 10))])
        let child = MemorySink()
        try fork.run(fork.trainer.describe(parent: fork.parent), into: child)
        #expect(child.steps.last == end + 10)
    }

    @Test func aLossStopsFromAbove() throws {
        let trainer = try Trainer(
            TrainingConfiguration(Self.run.changing([("stop_at", "train_loss=2")])))
        let sink = MemorySink()
        try trainer.run(trainer.describe(), into: sink)
        let curve = sink.metric("train_loss").map(\.value)
        #expect(curve.suffix(3).allSatisfy { $0 <= 2 })
        #expect(curve.dropLast(3).last.map { $0 > 2 } == true)
    }

    /// The stored text of a run without a condition is what it was before conditions existed.
    @Test func theConfigurationKeepsIt() throws {
        #expect(try !TrainingConfiguration(smallRun).json.contains("stop_at"))
        let configuration = try TrainingConfiguration(Self.run)
        #expect(try configuration.json.contains(#""stop_at":"train_accuracy=0.9""#))
        #expect(try TrainingConfiguration(json: configuration.json) == configuration)
        #expect(
            try configuration.hyperparameters.contains(
                Hyperparameter("stop_at", .text("train_accuracy=0.9"))))
        let never = try TrainingConfiguration(Self.run.changing([("stop_at", "never")]))
        #expect(never.training.stopAt == nil)
    }

    @Test(arguments: [
        "0.9", "accuracy=0.9", "test_accuracy", "test_accuracy=", "test_accuracy=x",
        "test_accuracy=0", "test_accuracy=1.5", "test_loss=-1", "test_loss=nan", "a=b=c", "",
    ])
    func wrongConditionsAreRefused(text: String) {
        let error = #expect(throws: UserError.self) { try StopCondition(text) }
        #expect(error?.subject.contains("stop_at '\(text)'") == true)
    }

    @Test func aConditionOnTestRowsNeedsThem() {
        #expect(throws: UserError.self) {
            try Trainer(
                TrainingConfiguration(
                    smallRun.changing([
                        ("stop_at", "test_accuracy=0.9"), ("train_fraction", 1.0),
                    ])))
        }
    }
}
