import Checkpoints
import Foundation
import Networks
import Testing

@testable import Training

/// Ten steps of many trainings, as PyTorch made them by a script of `Fixtures`.
struct PyTorchTrajectories {
    /// One training, and the loss before each step and at the end.
    struct Case: Sendable, CustomTestStringConvertible {
        let network: String
        /// The rule of the updates, by its name in the fixture.
        let method: String
        let loss: String
        let schedule: String
        let losses: [Double]
        /// The sum of the squared weights at the end.
        let squares: Double

        init?(_ json: JSONValue) {
            guard let network = json["network"]?.text,
                let method = (json["method"] ?? json["optimizer"])?.text,
                let loss = json["loss"]?.text, let schedule = json["schedule"]?.text,
                let losses = json["losses"]?.elements, let squares = json["squares"]?.real
            else { return nil }
            (self.network, self.method, self.loss) = (network, method, loss)
            (self.schedule, self.squares) = (schedule, squares)
            self.losses = losses.compactMap(\.real)
        }

        var testDescription: String { "\(network) \(method) \(loss) \(schedule)" }
    }

    let settings: JSONValue
    let cases: [Case]

    /// Reads a file of `Fixtures`; nil where it is not there or no fixture.
    init?(_ name: String) {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/\(name).json")
        guard let data = try? Data(contentsOf: url),
            let settings = try? JSONValue(parsing: data)
        else { return nil }
        self.settings = settings
        cases = (settings["cases"]?.elements ?? []).compactMap(Case.init)
    }

    func names(_ section: String) -> [String] {
        settings[section]?.members?.map(\.name) ?? []
    }

    /// A training that begins with the weights that the scripts begin with: 0.25·sin(1.3·i + sum of
    /// the name's bytes), scales of norms 1 + 0.1·sin(…).
    static func begin<Scalar: NetworkScalar>(_ trainer: Trainer) throws -> TrainingLoop<Scalar> {
        let loop: TrainingLoop<Scalar> = try trainer.loop(from: nil, as: Scalar.self)
        let weights = loop.layout.entries.map { entry in
            let phase = Double(entry.name.utf8.reduce(0) { $0 + Int($1) })
            let values = (0..<entry.count).map { index in
                let wave = sin(1.3 * Double(index) + phase)
                return Scalar(entry.name.hasSuffix("scale") ? 1 + 0.1 * wave : 0.25 * wave)
            }
            return Tensor(name: entry.name, shape: entry.shape, values: values)
        }
        try loop.restore(step: 0, weights: weights, state: nil)
        return loop
    }

    /// Makes the ten steps and compares each loss, and in double precision the last weights.
    static func compare<Scalar: NetworkScalar>(
        _ loop: TrainingLoop<Scalar>, with example: Case, tolerance: Double
    ) throws {
        for (step, expected) in example.losses.enumerated() {
            let loss = try #require(
                step < 10 ? loop.prepare(measuring: true).first : loop.measure().first)
            #expect(loss.name == "train_loss")
            #expect(
                abs(loss.value - expected) <= tolerance * expected,
                "\(example.testDescription), step \(step): \(loss.value), PyTorch has \(expected)")
            if step < 10 { loop.advance() }
        }
        // Not in single precision: a key's bias has the gradient 0, and Adam makes steps of the
        // learning rate's size from its rounding noise, which the loss never sees.
        guard Scalar.self == Double.self else { return }
        let squares = loop.parameters.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares - example.squares) <= tolerance * example.squares)
    }
}
