package import Checkpoints
package import GRDB

/// A stored run as its analyses see it.
package final class AnalysedRun {
    package let id: String
    /// The stored steps, rising.
    package let steps: [Int]
    /// The hexadecimal digest of the weights at each stored step.
    package let digests: [Int: String]
    private let archive: any AnalysedArchive
    private var openedSource: (any CheckpointSource)?
    private var knownModel: Result<RunModel, any Error>?
    private var knownPoints: [MetricPoint]?

    package init(_ id: String, in archive: any AnalysedArchive) throws {
        self.id = id
        self.archive = archive
        digests = try archive.read { try Ledger(database: $0).checkpointDigests(of: id) }
        steps = digests.keys.sorted()
    }

    private var source: any CheckpointSource {
        get throws {
            if let openedSource { return openedSource }
            let source = try archive.source(of: id)
            openedSource = source
            return source
        }
    }

    package var description: RunDescription { get throws { try source.run } }

    /// The task and the network.
    ///
    /// Errors: the configuration does not say what they are.
    package var model: RunModel {
        get throws {
            if let knownModel { return try knownModel.get() }
            let model = Result { try RunModel(try description) }
            knownModel = model
            return try model.get()
        }
    }

    package func weights(at step: Int) throws -> [Tensor] { try source.weights(at: step) }

    /// nil when it was not kept.
    package func optimizerState(at step: Int) throws -> OptimizerState? {
        try source.optimizerState(at: step)
    }

    /// The points of the four standard curves, by name and step; NULL is NaN.
    package var points: [MetricPoint] {
        get throws {
            if let knownPoints { return knownPoints }
            let points = try read { try Ledger(database: $0).curves(of: id) }
            knownPoints = points
            return points
        }
    }

    /// Reads the index.
    package func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try archive.read(body)
    }

    /// The SHA-256 of some steps and the digests of their weights, in the given order.
    package func digest(ofSteps steps: [Int]) -> String {
        let lines = steps.map { "\($0) \(digests[$0] ?? "")\n" }.joined()
        return Digest(of: Array(lines.utf8)).description
    }
}
