import Checkpoints
import TestSupport
import Testing

/// The small words that everything else is said with.
@Suite struct VocabularyTests {
    @Test(arguments: ["newest", "all", "every 1", "every 250"])
    func aPolicyIsReadAsItIsWritten(text: String) {
        #expect(OptimizerStatePolicy(text)?.description == text)
    }

    @Test(arguments: ["", "none", "every", "every 0", "every -2", "every x", "all 3", "every 2 3"])
    func whatIsNoPolicyIsRefused(text: String) {
        #expect(OptimizerStatePolicy(text) == nil)
    }

    /// A forked run keeps the state that it began with, whatever its policy.
    @Test func aPolicyKeepsItsStepsAndTheStepOfAFork() {
        var kept = KeptOptimizerStates.newest
        (kept.policy, kept.forkStep) = (.every(10), 7)
        #expect((0...30).filter { kept.keeps($0) } == [0, 7, 10, 20, 30])
        #expect((0...3).filter(KeptOptimizerStates.newest.keeps).isEmpty)
        #expect((0...3).filter(OptimizerStatePolicy.all.keeps) == [0, 1, 2, 3])
    }

    /// Shares stay shares and percent is found, whatever order they come in.
    @Test(arguments: 0..<40)
    func theUnitOfAccuraciesFollowsFromTheirRange(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let shares = (0..<Int.random(in: 1...8, using: &generator)).map { _ in
            Double.random(in: 0...1, using: &generator)
        }
        #expect(AccuracyUnit(of: shares + [.nan]) == .share)
        let percent = shares.map { 100 * $0 } + [2]
        #expect(AccuracyUnit(of: percent.shuffled(using: &generator)) == .percent)
        #expect(AccuracyUnit(of: shares + [1.5]) == nil)
        #expect(AccuracyUnit(of: percent + [101]) == nil)
        #expect(AccuracyUnit(of: shares + [-0.1]) == nil)
    }

    @Test func anArchiveTakesWhatItsReadersTake() {
        #expect(StorageLimits.refusal(ofTensor: "w", shape: []) == nil)
        #expect(StorageLimits.refusal(ofTensor: "w", shape: [0, 1 << 40]) == nil)
        let axes = [Int](repeating: 1, count: StorageLimits.largestAxisCount)
        #expect(StorageLimits.refusal(ofTensor: "w", shape: axes) == nil)
        #expect(StorageLimits.refusal(ofTensor: "w", shape: axes + [1]) != nil)
        #expect(StorageLimits.refusal(ofTensor: "w", shape: [1 << 23, 1 << 23]) != nil)
        #expect(StorageLimits.refusal(ofTensor: "w", shape: [.max, .max]) != nil)
        #expect(StorageLimits.refusal(ofTensor: "w", shape: [-1]) != nil)
        for name in ["", "a\0b", String(repeating: "ü", count: 2_049)] {
            #expect(StorageLimits.refusal(ofTensor: name, shape: []) != nil)
            #expect(StorageLimits.refusal(ofMetric: name) != nil)
        }
        #expect(StorageLimits.refusal(ofMetric: String(repeating: "ü", count: 2_048)) == nil)
    }

    /// The last step may come again with the optimiser's state that it lacked, and with nothing else.
    @Test func aSinkInMemoryIsReadBack() throws {
        let sink = MemorySink()
        #expect(throws: UserError.self) { try sink.run }
        sink.begin(TestRuns.description("a"))
        for step in 0..<3 { sink.save(TestRuns.checkpoint(step)) }
        let state = OptimizerState(tensors: [], attributes: "{\"epoch\":1}")
        var again = TestRuns.checkpoint(2)
        again.optimizerState = state
        let before = try sink.optimizerState(at: 2)
        sink.save(again)
        #expect(try sink.optimizerState(at: 2) == before ?? state)
        sink.finish(.finished, metrics: [MetricPoint(name: "train_loss", step: 9, value: 0.5)])
        #expect(sink.steps == [0, 1, 2] && sink.status == .finished)
        #expect(try sink.run == TestRuns.description("a"))
        let expected = TestRuns.sorted(TestRuns.checkpoint(1).weights)
        #expect(try sink.weights(at: 1) == expected)
        #expect(try sink.tensor(expected[0].name, at: 1) == expected[0])
        #expect(sink.metric("train_loss").last?.step == 9)
        #expect(throws: UserError.self) { try sink.weights(at: 7) }
        #expect(throws: UserError.self) { try sink.tensor("none", at: 1) }
    }

    /// Errors of every kind have one sentence.
    @Test func aSentenceHasItsAdviceWhereThereIsOne() {
        #expect(UserError.missing(subject: "a", cause: "b").description == "a: b")
        #expect(UserError.usage(subject: "a", cause: "b", advice: "c").description == "a: b; c")
        struct Other: UserErrorConvertible {
            var userError: UserError { .integrity(subject: "a", cause: "b", advice: "c") }
        }
        let other: any UserErrorConvertible = Other()
        #expect(other.kind == .integrity && other.subject == "a" && other.cause == "b")
        #expect(other.advice == "c" && "\(other)" == "a: b; c")
    }
}
