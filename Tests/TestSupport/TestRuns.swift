package import Checkpoints

/// Small runs with content that follows from a seed.
package enum TestRuns {
    package static func description(
        _ id: String, name: String = "test", seed: Int? = 7
    ) -> RunDescription {
        RunDescription(
            id: id, name: name, createdAt: 1_700_000_000.25, task: "subtract mod 5",
            network: "mlp", seed: seed, configuration: #"{"network":{"kind":"mlp"}}"#,
            hyperparameters: [
                Hyperparameter("weight_decay", .real(1)), Hyperparameter("width", .integer(8)),
                Hyperparameter("schedule", .null), Hyperparameter("activation", .text("relu")),
                Hyperparameter("biases", .boolean(true)), Hyperparameter("limit", .real(.infinity)),
            ],
            parent: RunDescription.Parent(run: "00000000000000ff", step: 12),
            trainIndices: [3, 1, 2], testIndices: [0, 4], versions: ["cairn": "1", "swift": "6.3"])
    }

    /// Weights, optimiser state and metrics that depend on run and step alone.
    package static func checkpoint(
        _ step: Int, run: String = "a", width: Int = 8, withState: Bool = true
    ) -> Checkpoint {
        var generator = SeededGenerator(
            seed: step &* 31 &+ run.utf8.reduce(0) { $0 &* 7 &+ Int($1) })
        func values(_ count: Int) -> [Float] {
            (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
        }
        let weights = [
            Tensor(name: "unembedding", shape: [width, 5], values: values(width * 5)),
            Tensor(name: "embedding", shape: [5, width], values: values(5 * width)),
            Tensor(name: "blocks.0/odd%name", shape: [3], values: values(3)),
            Tensor(name: "scale", shape: [], values: values(1)),
        ]
        let state = OptimizerState(
            tensors: [
                Tensor(
                    name: "first_moment/embedding", shape: [5, width], values: values(5 * width))
            ], attributes: #"{"position":\#(step)}"#)
        return Checkpoint(
            step: step, weights: weights, optimizerState: withState ? state : nil,
            metrics: [
                MetricPoint(name: "train_loss", step: step, value: 1 / Double(step + 1)),
                MetricPoint(name: "test_loss", step: step, value: step % 3 == 0 ? .nan : .infinity),
            ],
            stepDigests: [Digest(weights: weights).shortened(step: step)])
    }

    package static func sorted(_ tensors: [Tensor]) -> [Tensor] {
        tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}
