import Checkpoints
import Foundation
import Networks
import Testing

@testable import Training

/// Ten steps against PyTorch, for every network, optimiser, norm and loss convention, which
/// `Fixtures/make_trajectories.py` made.
///
/// The decay `jiggle`, noise and dropout draw numbers of their own and are tested by their laws.
@Suite struct TrajectoryTests {
    struct Fixture {
        let settings: JSONValue
        let cases: [Case]

        init(_ data: Data) throws {
            settings = try JSONValue(parsing: data)
            cases = (settings["cases"]?.elements ?? []).compactMap(Case.init)
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let network: String
        let optimizer: String
        let loss: String
        let schedule: String
        let losses: [Double]
        let squares: Double

        init?(_ json: JSONValue) {
            guard let network = json["network"]?.text, let optimizer = json["optimizer"]?.text,
                let loss = json["loss"]?.text, let schedule = json["schedule"]?.text,
                let losses = json["losses"]?.elements, let squares = json["squares"]?.real
            else { return nil }
            (self.network, self.optimizer, self.loss) = (network, optimizer, loss)
            (self.schedule, self.squares) = (schedule, squares)
            self.losses = losses.compactMap(\.real)
        }

        var testDescription: String { "\(network) \(optimizer) \(loss) \(schedule)" }
    }

    static let fixture: Fixture? = {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/trajectories.json")
        return try? Fixture(Data(contentsOf: url))
    }()

    @Test func theFixtureHasEveryCombination() throws {
        let fixture = try #require(Self.fixture)
        #expect(fixture.cases.count == (5 * 3 + 2) * 10 + 4)
        #expect(Set(fixture.cases.map(\.testDescription)).count == fixture.cases.count)
        #expect(fixture.cases.allSatisfy { $0.losses.count == 11 })
    }

    /// Rounding errors of double precision grow to a few times 1e-12 in ten updates.
    @Test(arguments: fixture?.cases ?? []) func doublesFollowPyTorch(example: Case) throws {
        try compare(example, tolerance: 1e-10, as: Double.self)
    }

    /// Single precision: 2^-24 per operation, times the square root of the few thousand operations
    /// of a step.
    @Test(arguments: fixture?.cases ?? []) func floatsFollowPyTorch(example: Case) throws {
        try compare(example, tolerance: 1e-5, as: Float.self)
    }

    /// The loss in single precision, as several published programs computed it.
    @Test(arguments: fixture?.cases.filter { $0.optimizer == "adamw" } ?? [])
    func floatLossesFollowPyTorch(example: Case) throws {
        try compare(example, tolerance: 1e-5, as: Float.self, lossPrecision: "float32")
    }

    private func compare<Scalar: NetworkScalar>(
        _ example: Case, tolerance: Double, as type: Scalar.Type,
        lossPrecision: JSONValue = "float64"
    ) throws {
        let fixture = try #require(Self.fixture)
        let network = try #require(fixture.settings["networks"]?[example.network])
        let isTransformer = network["kind"] == "transformer"
        var task: JSONValue = [
            "operation": "subtract", "modulus": 7, "split": "in_order", "train_fraction": 0.6,
        ]
        if isTransformer, example.loss == "answer_eos" {
            task["layout"] = "equation"
            task["loss_positions"] = "answer_eos"
        }
        if example.loss == "answers_only" { task["answers_only"] = true }
        let configuration = try TrainingConfiguration([
            "task": task, "network": network,
            "optimizer": try #require(fixture.settings["optimizers"]?[example.optimizer]),
            "schedule": try #require(fixture.settings["schedules"]?[example.schedule]),
            "loss": ["precision": lossPrecision], "training": ["steps": 10],
        ])
        let trainer = try Trainer(configuration, threadCount: 1)
        let loop: TrainingLoop<Scalar> = try trainer.loop(from: nil, as: Scalar.self)
        let weights = loop.layout.entries.map { Self.start($0, as: Scalar.self) }
        try loop.restore(step: 0, weights: weights, state: nil)
        for (step, expected) in example.losses.enumerated() {
            let loss = try #require(
                step < 10 ? loop.prepare(measuring: true).first : loop.measure().first)
            #expect(loss.name == "train_loss")
            #expect(
                abs(loss.value - expected) <= tolerance * expected,
                "step \(step): \(loss.value), PyTorch has \(expected)")
            if step < 10 { loop.advance() }
        }
        // Not in single precision: a key's bias has the gradient 0, and Adam makes steps of the
        // learning rate's size from its rounding noise, which the loss never sees.
        guard Scalar.self == Double.self else { return }
        let squares = loop.parameters.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares - example.squares) <= tolerance * example.squares)
    }

    /// The weights that the script starts from: 0.25·sin(1.3·i + sum of the name's bytes), scales of
    /// norms 1 + 0.1·sin(…).
    private static func start<Scalar: NetworkScalar>(
        _ entry: ParameterLayout.Entry, as type: Scalar.Type
    ) -> Tensor {
        let phase = Double(entry.name.utf8.reduce(0) { $0 + Int($1) })
        let values = (0..<entry.count).map { index in
            let wave = sin(1.3 * Double(index) + phase)
            return Scalar(entry.name.hasSuffix("scale") ? 1 + 0.1 * wave : 0.25 * wave)
        }
        return Tensor(name: entry.name, shape: entry.shape, values: values)
    }
}
