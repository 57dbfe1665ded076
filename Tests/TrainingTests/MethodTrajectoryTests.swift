import Checkpoints
import Foundation
import Networks
import Testing

@testable import Training

/// Ten steps against PyTorch for every feed-forward network, loss and method, which
/// `Fixtures/make_method_trajectories.py` made.
@Suite struct MethodTrajectoryTests {
    struct Fixture {
        let settings: JSONValue
        let cases: [Case]

        init(_ data: Data) throws {
            settings = try JSONValue(parsing: data)
            cases = (settings["cases"]?.elements ?? []).compactMap(Case.init)
        }

        func names(_ section: String) -> [String] {
            settings[section]?.members?.map(\.name) ?? []
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let network: String
        let loss: String
        let method: String
        let schedule: String
        let losses: [Double]
        let squares: Double

        init?(_ json: JSONValue) {
            guard let network = json["network"]?.text, let method = json["method"]?.text,
                let loss = json["loss"]?.text, let schedule = json["schedule"]?.text,
                let losses = json["losses"]?.elements, let squares = json["squares"]?.real
            else { return nil }
            (self.network, self.method, self.loss) = (network, method, loss)
            (self.schedule, self.squares) = (schedule, squares)
            self.losses = losses.compactMap(\.real)
        }

        var testDescription: String { "\(network) \(loss) \(method) \(schedule)" }
    }

    static let fixture: Fixture? = {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/method_trajectories.json")
        return try? Fixture(Data(contentsOf: url))
    }()

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
        let loop: TrainingLoop<Scalar> = try trainer.loop(from: nil, as: Scalar.self)
        let weights = loop.layout.entries.map { Self.start($0, as: Scalar.self) }
        try loop.restore(step: 0, weights: weights, state: nil)
        return loop
    }

    private func compare<Scalar: NetworkScalar>(
        _ example: Case, tolerance: Double, as type: Scalar.Type
    ) throws {
        let loop: TrainingLoop<Scalar> = try Self.loop(example)
        for (step, expected) in example.losses.enumerated() {
            let loss = try #require(
                step < 10 ? loop.prepare(measuring: true).first : loop.measure().first)
            #expect(
                abs(loss.value - expected) <= tolerance * expected,
                "\(example.testDescription), step \(step): \(loss.value), PyTorch has \(expected)")
            if step < 10 { loop.advance() }
        }
        guard Scalar.self == Double.self else { return }
        let squares = loop.parameters.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares - example.squares) <= tolerance * example.squares)
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
