import ArchiveQueries
import CheckpointArchive
import Checkpoints
import Foundation
import Synchronization
import TestSupport

/// A small archive of known content.
///
/// Four runs of one task: `slow` and `fast` grok at steps 400 and 200, `never` memorises only, and
/// `fork` continues `slow` from step 200. Weights are closed forms of the step.
struct FixtureArchive {
    let folder: TemporaryFolder
    let archive: Archive

    static let steps = [0, 100, 200, 400, 800]
    static let modulus = 7

    /// Ids of the four runs.
    static let slow = "1000000000000001"
    static let fast = "2000000000000002"
    static let never = "3000000000000003"
    static let fork = "4000000000000004"

    /// One for all tests that only read; its folder is removed when the process ends.
    static let shared = Result {
        let fixture = try FixtureArchive()
        sharedPath = fixture.folder.path
        atexit {
            if let path = FixtureArchive.sharedPath {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
        return fixture
    }
    private static let pathOfShared = Mutex<String?>(nil)
    private static var sharedPath: String? {
        get { pathOfShared.withLock { $0 } }
        set { pathOfShared.withLock { $0 = newValue } }
    }

    var index: String { archive.paths.indexFile }

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
        try add(Self.slow, "slow", decay: 0.5, fraction: 0.3, seed: 1, grokAt: 400)
        try add(Self.fast, "fast", decay: 1.0, fraction: 0.5, seed: 2, grokAt: 200)
        try add(Self.never, "it's \"never\" é", decay: 0.0, fraction: 0.3, seed: 3, grokAt: nil)
        try add(
            Self.fork, "fork", decay: 0.5, fraction: 0.3, seed: 1, grokAt: 400,
            parent: RunDescription.Parent(run: Self.slow, step: 200), status: .interrupted)
    }

    func session(_ options: SQLSession.Options = .init()) throws -> SQLSession {
        try SQLSession(index: index, archive: archive, options: options)
    }

    /// The embedding at a step: frequency 2 along the tokens grows with the step, plus a constant.
    static func embedding(at step: Int, seed: Int) -> Tensor {
        let growth = Double(step) / 800
        let values = (0...modulus).flatMap { token -> [Float] in
            (0..<4).map { column in
                let angle = 2 * Double.pi * 2 * Double(token) / Double(modulus)
                let wave = column % 2 == 0 ? cos(angle) : sin(angle)
                return Float(Double(seed) * (0.5 + 2 * growth * wave))
            }
        }
        return Tensor(name: "embedding", shape: [modulus + 1, 4], values: values)
    }

    /// A diagonal matrix with known singular values, a vector and a tensor with a strange name.
    static func weights(at step: Int, seed: Int) -> [Tensor] {
        let diagonal: [Float] = [3, 0, 0, Float(step) / 100]
        return [
            embedding(at: step, seed: seed),
            Tensor(name: "diagonal", shape: [2, 2], values: diagonal),
            Tensor(name: "bias", shape: [3], values: [Float(1), -2, 2]),
            Tensor(name: "it's \"odd\" é", shape: [], values: [Double(step)]),
            Tensor(
                name: "broken", shape: [2, 2],
                values: [Float.nan, 1, step > 100 ? .infinity : 0, 1]),
        ]
    }

    private func add(
        _ id: String, _ name: String, decay: Double, fraction: Double, seed: Int, grokAt: Int?,
        parent: RunDescription.Parent? = nil, status: RunStatus = .finished
    ) throws {
        let description = RunDescription(
            id: id, name: name, createdAt: 1_700_000_000 + Double(seed), task: "add mod 7",
            network: "mlp", seed: seed,
            hyperparameters: [
                Hyperparameter("weight_decay", .real(decay)),
                Hyperparameter("train_fraction", .real(fraction)),
                Hyperparameter("learning_rate", .real(0.001)),
                Hyperparameter("modulus", .integer(Self.modulus)),
                Hyperparameter("optimizer", .text("adamw")),
            ], parent: parent)
        let sink = archive.writer()
        try sink.begin(description)
        var measured = -1
        for step in Self.steps {
            let points = (measured + 1...step).filter { $0 % 20 == 0 }.flatMap { point in
                Self.metrics(at: point, grokAt: grokAt)
            }
            measured = step
            try sink.save(
                Checkpoint(
                    step: step, weights: Self.weights(at: step, seed: seed), metrics: points))
        }
        try sink.finish(status, metrics: [])
    }

    /// Training accuracy is 1 from step 40 on; test accuracy rises around `grokAt`.
    static func metrics(at step: Int, grokAt: Int?) -> [MetricPoint] {
        let rise = grokAt.map { 1 / (1 + exp(-(Double(step) - Double($0)) / 20)) } ?? 0
        return [
            MetricPoint(name: MetricName.trainAccuracy, step: step, value: step < 40 ? 0.2 : 1),
            MetricPoint(
                name: MetricName.testAccuracy, step: step, value: 0.1 + (1 - 0.1) * rise),
            MetricPoint(
                name: MetricName.trainLoss, step: step,
                value: step == 60 ? .nan : 1 / Double(step + 1)
            ),
            MetricPoint(
                name: MetricName.testLoss, step: step, value: step == 0 ? .infinity : 2 - rise),
        ]
    }
}
