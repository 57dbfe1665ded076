package import CheckpointArchive
package import Checkpoints
package import GRDB

/// A stored run as its analyses see it.
package final class AnalysedRun {
    package let id: String
    /// The stored steps, rising.
    package let steps: [Int]
    /// The hexadecimal digest of the weights at each stored step.
    package let digests: [Int: String]
    private let archive: Archive
    private let replay: Replay?
    private let trustsNetwork: Bool
    private var openedReplay: (any CheckpointSource)?
    private var openedSource: (any CheckpointSource)?
    private var knownModel: Result<RunModel, any Error>?
    private var knownPoints: [MetricPoint]?

    /// Gives a source that also has the steps between a source's stored ones.
    ///
    /// Errors: the steps of this run cannot be recomputed.
    package typealias Replay = (any CheckpointSource) throws -> any CheckpointSource

    package init(
        _ id: String, in archive: Archive, replay: Replay? = nil,
        trustsNetwork: Bool = false
    ) throws {
        self.id = id
        self.archive = archive
        self.replay = replay
        self.trustsNetwork = trustsNetwork
        digests = try archive.read { try Ledger(database: $0).checkpointDigests(of: id) }
        steps = digests.keys.sorted()
    }

    private var source: any CheckpointSource {
        get throws {
            if let openedSource { return openedSource }
            let source = try archive.run(matching: id)
            openedSource = source
            return source
        }
    }

    package var description: RunDescription { get throws { try source.run } }

    /// The task and the network.
    ///
    /// Errors: the configuration does not say what they are, or the weights do not give the curves
    /// that came with them.
    package var model: RunModel {
        get throws {
            if let knownModel { return try knownModel.get() }
            let model: Result<RunModel, any Error> = Result {
                if !trustsNetwork {
                    try archive.networkCheck(of: id)?.requireReproduced(run: id)
                }
                return try RunModel(try description, data: try source.data)
            }
            knownModel = model
            return try model.get()
        }
    }

    /// The task and the network as the run states them, nil where it does not.
    ///
    /// Whether its weights give its curves is not asked: this is for what rests on the task alone.
    package var statedModel: RunModel? {
        (try? model) ?? (try? RunModel(try description, data: try source.data))
    }

    /// The weights of a stored step, or recomputed ones of a step between.
    package func weights(at step: Int) throws -> [Tensor] {
        try weightsWithDigest(at: step).weights
    }

    /// The weights of a step and their hexadecimal digest.
    typealias Weights = (weights: [Tensor], digest: String)

    func weightsWithDigest(at step: Int) throws -> Weights {
        if let digest = digests[step] { return (try source.weights(at: step), digest) }
        let weights = try recomputed.weights(at: step)
        return (weights, Digest(weights: weights).description)
    }

    /// nil when it was not kept.
    package func optimizerState(at step: Int) throws -> OptimizerState? {
        try (digests[step] != nil ? source : recomputed).optimizerState(at: step)
    }

    /// Whether steps between the stored ones can be had.
    var canRecompute: Bool { (try? recomputed) != nil }

    private var recomputed: any CheckpointSource {
        get throws {
            if let openedReplay { return openedReplay }
            guard let replay else {
                throw UserError.missing(
                    subject: "run \(id)", cause: "only its stored steps can be read here")
            }
            let recomputed = try replay(source)
            openedReplay = recomputed
            return recomputed
        }
    }

    /// The digest of the weights at a step, as far as it is known without recomputing them.
    ///
    /// Training recorded the first half of the digest of every step. An `answered` digest that
    /// begins with it, or that nothing contradicts, is that of the step's weights.
    func knownDigest(at step: Int, answered: String?) throws -> String {
        if let digest = digests[step] { return digest }
        guard let recorded = try source.stepDigests(in: step...step).first else {
            return answered ?? ""
        }
        if let answered, let digest = Digest(hexadecimal: answered),
            digest.shortened(step: step) == recorded
        {
            return answered
        }
        return ""
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

    /// Another run of the archive.
    ///
    /// Errors: there is none of this id.
    package func sibling(_ id: String) throws -> AnalysedRun {
        try AnalysedRun(id, in: archive, trustsNetwork: trustsNetwork)
    }

    /// The SHA-256 of some steps and the digests of their weights, in the given order.
    package func digest(ofSteps steps: [Int]) -> String {
        let lines = steps.map { "\($0) \(digests[$0] ?? "")\n" }.joined()
        return Digest(of: Array(lines.utf8)).description
    }

    /// The SHA-256 of the curves and of the stored answers for checkpoints to a question: what an
    /// answer about the whole run rests on.
    package func digest(ofAnswersTo question: Question) throws -> String {
        let answers = try read { try Ledger(database: $0).answers(to: question, of: id) }
        let lines = answers.filter { $0.key >= 0 }.sorted { $0.key < $1.key }
            .map { "\($0.key) \($0.value.digest) \($0.value.contextDigest ?? "")\n" }.joined()
        let curves = RunAnalyses.digest(of: try points)
        return Digest(of: Array((curves + "\n" + lines).utf8)).description
    }
}
