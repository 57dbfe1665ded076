import Checkpoints
import TestSupport
import Testing

@testable import Training

/// Which checkpoints carry the optimiser's state.
@Suite struct StateIntervalTests {
    /// The steps with a state of a run that stores every step, a third of a second each.
    private func stepsWithState(keeping policy: String?, end: Int? = nil) throws -> [Int] {
        var settings = try smallRun.changing([("checkpoints", 1), ("steps", 10)])
        if let policy {
            settings = try settings.changing([("optimizer_states", JSONValue.text(policy))])
        }
        let trainer = try Trainer(TrainingConfiguration(settings), threadCount: 1)
        let loop: TrainingLoop<Float> = try trainer.loop(from: nil, as: Float.self)
        let sink = MemorySink()
        let hasher = StepHasher<Float>(layout: loop.layout, pool: nil)
        let recorder = CheckpointRecorder(
            trainer.configuration.training, firstStep: 0, storedStep: -1, sink: sink,
            hasher: hasher, now: { .milliseconds(334) * loop.step })
        hasher.add(loop.parameters, step: 0)
        while true {
            try recorder.record(loop, measured: [])
            guard loop.step < end ?? 10 else { break }
            loop.computeGradient()
            loop.advance()
            hasher.add(loop.parameters, step: loop.step)
        }
        try recorder.storeEnd(loop)
        #expect(sink.steps == Array(0...(end ?? 10)))
        for checkpoint in sink.checkpoints {
            let digests = checkpoint.weights.map { Digest(of: $0.bytes) }
            #expect(checkpoint.weightDigests == digests)
            if let state = checkpoint.optimizerState, checkpoint.step == loop.step {
                #expect(state == loop.optimizer.state(step: loop.step))
            }
        }
        return sink.checkpoints.filter { $0.optimizerState != nil }.map(\.step)
    }

    @Test func aSecondPassesBetweenTwoStates() throws {
        #expect(try stepsWithState(keeping: nil) == [0, 3, 6, 9, 10])
    }

    @Test func theSettingsKeepTheirMeaning() throws {
        #expect(try stepsWithState(keeping: "all") == Array(0...10))
        #expect(try stepsWithState(keeping: "every 2") == [0, 2, 4, 6, 8, 10])
        #expect(try stepsWithState(keeping: "every 7") == [0, 3, 6, 7, 10])
    }

    @Test func anInterruptedRunEndsWithItsState() throws {
        #expect(try stepsWithState(keeping: nil, end: 8) == [0, 3, 6, 8])
    }
}
