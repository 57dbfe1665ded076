import Checkpoints
import Foundation
import Networks
import Testing

@testable import Training

/// Ten steps against PyTorch for every feed-forward network, loss and method, which
/// `Fixtures/make_method_trajectories.py` made.
@Suite struct MethodTrajectoryTests {
    typealias Case = PyTorchTrajectories.Case

    static let fixture = PyTorchTrajectories("method_trajectories")

    @Test func theFixtureHasEveryCombination() throws {
        let fixture = try #require(Self.fixture)
        #expect(fixture.cases.count == 7 * 7 * 13 + 2 * 4)
        #expect(Set(fixture.cases.map(\.testDescription)).count == fixture.cases.count)
    }

    /// Rounding errors of double precision grow to a few times 1e-12 in ten updates.
    @Test(arguments: fixture?.names("networks") ?? [])
    func doublesFollowPyTorch(network: String) throws {
        for example in try #require(Self.fixture).cases where example.network == network {
            try compare(example, tolerance: 1e-10, as: Double.self)
        }
    }

    /// Single precision: 2^-24 per operation, times the square root of the few thousand operations
    /// of a step.
    @Test(arguments: fixture?.names("networks") ?? [])
    func floatsFollowPyTorch(network: String) throws {
        for example in try #require(Self.fixture).cases where example.network == network {
            try compare(example, tolerance: 1e-5, as: Float.self)
        }
    }

    /// The state of every method is in the checkpoint: a run that goes on from it has the same bits.
    @Test(arguments: fixture?.names("methods") ?? [])
    func everyMethodResumesBitByBit(method: String) throws {
        let example = try #require(
            Self.fixture?.cases.first {
                $0.network == "tanh" && $0.loss == "cross_entropy" && $0.method == method
            })
        let whole: TrainingLoop<Float> = try Self.loop(example)
        let first: TrainingLoop<Float> = try Self.loop(example)
        for step in 0..<10 {
            if step == 5 {
                // What a checkpoint holds, and nothing else, goes on in another loop.
                let checkpoint = first.checkpoint(withState: true)
                let second: TrainingLoop<Float> = try Self.loop(example)
                try second.restore(
                    step: checkpoint.step, weights: checkpoint.weights,
                    state: checkpoint.optimizerState)
                for _ in 5..<10 {
                    _ = second.prepare(measuring: false)
                    second.advance()
                }
                for _ in 5..<10 {
                    _ = whole.prepare(measuring: false)
                    whole.advance()
                }
                #expect(second.parameters == whole.parameters)
                #expect(second.optimizer.state(step: 10) == whole.optimizer.state(step: 10))
                return
            }
            for loop in [whole, first] {
                _ = loop.prepare(measuring: false)
                loop.advance()
            }
        }
    }

    private static func loop<Scalar: NetworkScalar>(_ example: Case) throws -> TrainingLoop<Scalar>
    {
        let fixture = try #require(Self.fixture)
        let data = Self.data(example.loss)
        var network = try #require(fixture.settings["networks"]?[example.network])
        network["kind"] = "feedforward"
        var loss: JSONValue = ["kind": .text(example.loss)]
        switch example.loss {
        case "one_hot_squares", "real_squares": loss = ["kind": "mean_squared_error"]
        case "one_hot_sums": loss = ["kind": "mean_squared_error", "reduction": "sum"]
        default: break
        }
        let configuration = try TrainingConfiguration([
            "task": [
                "operation": "data", "data": .text(Digest(weights: data).description),
                "split": "in_order", "example_count": 24,
            ],
            "network": network, "loss": loss,
            "optimizer": try #require(fixture.settings["methods"]?[example.method]),
            "schedule": try #require(fixture.settings["schedules"]?[example.schedule]),
            "training": ["steps": 10],
        ])
        let trainer = try Trainer(configuration, threadCount: 2) { _ in data }
        return try PyTorchTrajectories.begin(trainer)
    }

    private func compare<Scalar: NetworkScalar>(
        _ example: Case, tolerance: Double, as type: Scalar.Type
    ) throws {
        try PyTorchTrajectories.compare(
            Self.loop(example) as TrainingLoop<Scalar>, with: example, tolerance: tolerance)
    }

    /// The inputs and answers of the script.
    private static func data(_ loss: String) -> [Tensor] {
        let (rows, columns) = (24, 6)
        var inputs: [Double] = []
        var reals: [Double] = []
        var classes: [Int64] = []
        let classCount = loss == "hinge" || loss == "logistic" ? 2 : 3
        for row in 0..<rows {
            for column in 0..<columns {
                inputs.append(sin(0.7 * Double(row) + 1.9 * Double(column) + 0.3))
            }
            for output in 0..<2 { reals.append(cos(0.4 * Double(row) + 2.3 * Double(output))) }
            classes.append(Int64((row * row + row / 3) % classCount))
        }
        let answers =
            loss == "real_squares"
            ? Tensor(name: DataArray.answers, shape: [rows, 2], values: reals)
            : Tensor(name: DataArray.answers, shape: [rows], values: classes)
        return [
            Tensor(name: DataArray.inputs, shape: [rows, columns], values: inputs), answers,
        ]
    }
}
