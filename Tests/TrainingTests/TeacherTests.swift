import Checkpoints
import Networks
import Testing

@testable import Training

/// The published teacher–student run of Omnigrok, drawn as PyTorch draws it.
@Suite struct TeacherTests {
    private static func configuration(_ changes: JSONValue = [:]) throws -> TrainingConfiguration {
        try TrainingConfiguration(
            try Preset(named: "omnigrok-teacher").settings.overlaid(by: changes))
    }

    /// Losses, accuracies and Σθ² of the notebook before updates 0, 200, 400 and 1,000.
    @Test func thePresetRepeatsThePublishedNumbers() throws {
        let configuration = try Self.configuration()
        let trainer = try Trainer(configuration, threadCount: 1)
        let loop: TrainingLoop<Float> = try trainer.loop(from: nil, as: Float.self)
        let published: [Int: (train: Double, test: Double, accuracy: Double, squares: Double)] = [
            0: (0.359951, 0.351991, 0, 298.3085), 200: (0.002719, 0.016901, 0.14, 294.1342),
            400: (0.000940, 0.012941, 0.64, 291.5502), 1000: (0.000151, 0.009309, 0.99, 285.2170),
        ]
        for step in 0...1000 {
            let points = loop.prepare(measuring: published[step] != nil)
            if let expected = published[step] {
                let values = Dictionary(uniqueKeysWithValues: points.map { ($0.name, $0.value) })
                // Printed to six decimals; the logarithms of the normal draws differ in the last bit.
                #expect(abs(try #require(values["train_loss"]) - expected.train) <= 2e-6)
                #expect(abs(try #require(values["test_loss"]) - expected.test) <= 2e-6)
                #expect(abs(try #require(values["train_accuracy"]) - expected.accuracy) <= 0.011)
                let squares = loop.parameters.reduce(0.0) { $0 + Double($1) * Double($1) }
                #expect(abs(squares - expected.squares) <= 1e-5 * expected.squares)
            }
            loop.advance()
        }
    }

    /// First numbers of PyTorch 2.15 after `torch.manual_seed(0)`.
    @Test func torchStreamsAreThePublishedOnes() throws {
        let configuration = try Self.configuration()
        let task = try configuration.model.makeTask()
        let features = try #require(task.trainExamples.features)
        let first = (0..<3).map { features.matrix.value(features.rows[0], $0) }
        for (found, expected) in zip(first, [0.6115930, -1.1174238, -1.5687480]) {
            #expect(abs(found - expected) <= 1e-6)
        }
    }

    @Test func freshParitiesAreAnotherBatchEveryStep() throws {
        let configuration = try TrainingConfiguration([
            "task": [
                "operation": "signed_parity", "bits": 10, "subset_size": 2, "online": true,
                "example_count": 64, "test_count": 200,
            ],
            "network": ["kind": "feedforward", "widths": "32"],
            "loss": ["kind": "hinge"], "training": ["steps": 400],
            "optimizer": ["kind": "adamw", "learning_rate": 0.02, "weight_decay": 0.0],
        ])
        let trainer = try Trainer(configuration, threadCount: 1)
        let sink = MemorySink()
        let outcome = try trainer.run(try trainer.describe(), into: sink)
        #expect(try #require(outcome.metrics["test_accuracy"]) > 0.95)
        // A second run, and one that goes on from the middle, have the same bits.
        let again = MemorySink()
        _ = try trainer.run(try trainer.describe(), into: again)
        #expect(try sink.weights(at: 400) == again.weights(at: 400))
        let replayed = try Replay(try sink.run, threadCount: 1).recomputed(400, of: sink)
        #expect(replayed.weights == (try sink.weights(at: 400)))
        #expect(replayed.proof == .identical)
    }

    /// A full gradient descent needs no accuracy: the loss alone is recorded for real answers.
    @Test func realAnswersRecordLossesAlone() throws {
        let configuration = try TrainingConfiguration([
            "task": [
                "operation": "polynomial", "dimension": 10, "example_count": 40, "test_count": 20,
            ],
            "network": [
                "kind": "feedforward", "widths": "30", "activation": "linear_quadratic",
                "activation_strength": 0.25, "biases": false, "readout": "mean",
                "initialization": "small_normal", "initialization_scale": 50.0,
            ],
            "loss": ["kind": "mean_squared_error"],
            "optimizer": ["kind": "gd", "learning_rate": 3.0], "schedule": ["warmup": 0],
            "training": ["steps": 200, "checkpoints": "every 50 + adaptive"],
        ])
        let trainer = try Trainer(configuration, threadCount: 1)
        let sink = MemorySink()
        let outcome = try trainer.run(try trainer.describe(), into: sink)
        #expect(outcome.metrics.keys.sorted() == ["test_loss", "train_loss"])
        let losses = sink.metric("train_loss").map(\.value)
        #expect(try #require(losses.last) < 0.5 * (try #require(losses.first)))
    }

    @Test(arguments: [
        ("stop_at", "test_accuracy=0.9"), ("loss", "cross_entropy"), ("network", "transformer"),
        ("test_count", "-1"), ("degree", "9"), ("accuracy_threshold", "0"),
    ])
    func whatCannotWorkIsRefusedInOneSentence(name: String, value: String) throws {
        let settings: JSONValue = [
            "task": [
                "operation": "polynomial", "dimension": 10, "example_count": 40, "test_count": 20,
            ],
            "network": ["kind": "feedforward"], "loss": ["kind": "mean_squared_error"],
        ]
        #expect(throws: UserError.self) {
            let changed = try settings.changing([(name, JSONValue(written: value))])
            let trainer = try Trainer(TrainingConfiguration(changed), threadCount: 1)
            let _: TrainingLoop<Float> = try trainer.loop(from: nil, as: Float.self)
        }
    }
}
