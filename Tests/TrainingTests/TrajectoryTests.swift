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
    typealias Case = PyTorchTrajectories.Case

    static let fixture = PyTorchTrajectories("trajectories")

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
    @Test(arguments: fixture?.cases.filter { $0.method == "adamw" } ?? [])
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
            "optimizer": try #require(fixture.settings["optimizers"]?[example.method]),
            "schedule": try #require(fixture.settings["schedules"]?[example.schedule]),
            "loss": ["precision": lossPrecision], "training": ["steps": 10],
        ])
        let trainer = try Trainer(configuration, threadCount: 1)
        try PyTorchTrajectories.compare(
            PyTorchTrajectories.begin(trainer) as TrainingLoop<Scalar>, with: example,
            tolerance: tolerance)
    }
}
