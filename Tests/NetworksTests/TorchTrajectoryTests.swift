import ArrayMath
import Foundation
import Networks
import TestSupport
import Testing

/// Ten AdamW steps of every network against PyTorch; `Fixtures/make_adamw_trajectories.py` made
/// the losses.
@Suite("Trajectories of PyTorch")
struct TorchTrajectoryTests {
    struct Fixture: Decodable, Sendable {
        let cases: [Case]
        let learningRate: Double
        let weightDecay: Double
        let beta1: Double
        let beta2: Double

        private enum CodingKeys: String, CodingKey {
            case cases
            case learningRate = "learning_rate"
            case weightDecay = "weight_decay"
            case beta1
            case beta2
        }
    }

    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let network: NetworkConfiguration
        let space: TokenSpace
        let tokens: [Int32]
        let targets: [Int32]
        let readoutPositions: [Int]
        let seed: Int
        let scale: Double
        let losses: [Double]

        private enum CodingKeys: String, CodingKey {
            case name
            case network
            case space
            case tokens
            case targets
            case readoutPositions = "readout_positions"
            case seed
            case scale
            case losses
        }

        var testDescription: String { name }
    }

    static let fixture: Fixture? = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/adamw_trajectories.json")
        guard let data = try? Data(contentsOf: file) else { return nil }
        return try? JSONDecoder().decode(Fixture.self, from: data)
    }()

    @Test("the fixture is complete")
    func complete() { #expect(Self.fixture?.cases.count == 12) }

    /// Double precision differs by the order of sums alone: a few hundred roundings of 1e-16.
    @Test("Double follows to 1e-10", arguments: fixture?.cases ?? [])
    func double(network: Case) throws {
        let losses = try trajectory(network, Double.self)
        for (step, (found, expected)) in zip(losses, network.losses).enumerated() {
            #expect(abs(found - expected) <= 1e-10 * expected, "step \(step): \(found)")
        }
    }

    @Test("Float follows to 1e-5", arguments: fixture?.cases ?? [])
    func single(network: Case) throws {
        let losses = try trajectory(network, Float.self)
        for (step, (found, expected)) in zip(losses, network.losses).enumerated() {
            #expect(abs(found - expected) <= 1e-5 * expected, "step \(step): \(found)")
        }
    }

    private func trajectory<Scalar: NetworkScalar>(
        _ network: Case, _ type: Scalar.Type
    ) throws
        -> [Double]
    {
        let fixture = try #require(Self.fixture)
        let examples = Examples(
            tokens: network.tokens, targets: network.targets, length: network.space.length,
            targetsPerExample: network.readoutPositions.count,
            readoutPositions: network.readoutPositions)
        let evaluator = try NetworkEvaluator<Scalar>(
            network: network.network, space: network.space, examples: examples, threadCount: 2)
        var generator = SeededGenerator(seed: network.seed)
        var parameters: [Scalar] = []
        for entry in evaluator.layout.entries {
            let isScale = entry.name.hasSuffix(".scale")
            for _ in 0..<entry.count {
                let uniform = Double(generator.next() >> 11) * 0x1p-53 - 0.5
                parameters.append(Scalar(network.scale * uniform + (isScale ? 1 : 0)))
            }
        }
        let zeros = [Scalar](repeating: 0, count: parameters.count)
        var (gradient, first, second) = (zeros, zeros, zeros)
        var losses: [Double] = []
        for step in 1...network.losses.count {
            losses.append(evaluator.gradient(parameters, into: &gradient).loss)
            let firstCorrection = 1 - pow(fixture.beta1, Double(step))
            let secondCorrection = 1 - pow(fixture.beta2, Double(step))
            for index in parameters.indices {
                let slope = gradient[index]
                first[index] =
                    Scalar(fixture.beta1) * first[index] + Scalar(1 - fixture.beta1) * slope
                second[index] =
                    Scalar(fixture.beta2) * second[index] + Scalar(1 - fixture.beta2) * slope
                    * slope
                let deviation = (second[index] / Scalar(secondCorrection)).squareRoot() + 1e-8
                parameters[index] *= Scalar(1 - fixture.learningRate * fixture.weightDecay)
                parameters[index] -=
                    Scalar(fixture.learningRate / firstCorrection) * first[index] / deviation
            }
        }
        return losses
    }
}
