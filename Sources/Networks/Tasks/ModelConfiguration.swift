package import ArrayMath
package import Checkpoints
internal import Foundation

/// The part of a run's configuration that fixes the function and its loss: enough to evaluate any
/// checkpoint of the run.
package struct ModelConfiguration: Codable, Sendable, Equatable {
    package var task: TaskConfiguration
    package var network: NetworkConfiguration
    package var loss: LossConfiguration

    package init(
        task: TaskConfiguration = TaskConfiguration(),
        network: NetworkConfiguration = NetworkConfiguration(),
        loss: LossConfiguration = LossConfiguration()
    ) {
        self.task = task
        self.network = network
        self.loss = loss
        resolveLayout()
    }

    enum CodingKeys: String, CodingKey { case task, network, loss }

    /// Reads a JSON object that may hold more than these three sections.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        task =
            try container.decodeIfPresent(TaskConfiguration.self, forKey: .task)
            ?? TaskConfiguration()
        network =
            try container.decodeIfPresent(NetworkConfiguration.self, forKey: .network)
            ?? NetworkConfiguration()
        loss =
            try container.decodeIfPresent(LossConfiguration.self, forKey: .loss)
            ?? LossConfiguration()
        resolveLayout()
    }

    /// Reads the configuration text of a run.
    ///
    /// Errors: the run was not trained by Cairn and its importer found no model.
    package init(configurationOf run: RunDescription) throws {
        let keys = try? JSONDecoder().decode(Presence.self, from: Data(run.configuration.utf8))
        guard let keys, keys.task != nil, keys.network != nil else {
            throw UserError(
                .failure, subject: "run \(run.id)",
                cause: "its configuration does not say which task and network it is",
                advice: "only analyses of the weights alone are possible")
        }
        self = try JSONDecoder().decode(
            ModelConfiguration.self, from: Data(run.configuration.utf8))
    }

    private struct Presence: Decodable {
        let task: Anything?
        let network: Anything?
        struct Anything: Decodable { init(from decoder: any Decoder) {} }
    }

    /// Chooses the layout that the network reads where none was given.
    private mutating func resolveLayout() {
        guard task.layout == nil, task.operation.domain != .arrays else { return }
        task.layout = network.isTransformer ? .operands : .pairs
    }

    /// The task with the split of its configuration, or with the rows that a run recorded.
    ///
    /// `data` gives the arrays of a digest, which a task on data needs.
    package func makeTask(
        of run: RunDescription? = nil, data: (Digest) throws -> [Tensor] = { _ in [] }
    ) throws -> Task {
        try Task(
            task, trainIndices: run?.trainIndices, testIndices: run?.testIndices,
            data: dataDigest.map { try data($0) } ?? [])
    }

    /// The digest of the arrays that the task learns from; nil where it needs none.
    package var dataDigest: Digest? {
        get throws {
            guard task.operation == .data, let text = task.data else { return nil }
            guard let digest = Digest(hexadecimal: text) else {
                throw UserError.usage(
                    subject: "data \(text)", cause: "it is not a digest of 64 hexadecimal digits",
                    advice: "name a file with --data")
            }
            return digest
        }
    }

    /// Whether shares of right answers mean something: for classes, and for real answers with a
    /// threshold.
    package func measuresAccuracy(_ task: Task) -> Bool {
        task.answerWidth == 0 || loss.accuracyThreshold != nil
    }

    /// What the network reads and answers: a loss of two classes has one output.
    ///
    /// Errors: such a loss with another number of classes.
    package func space(for task: Task) throws -> TokenSpace {
        var space = task.tokenSpace
        guard loss.isBinary else { return space }
        guard task.answerWidth == 0, task.classCount == 2, space.featureCount > 0 else {
            throw UserError.usage(
                subject: "loss \(loss.kind.rawValue)",
                cause: task.answerWidth > 0
                    ? "it needs two classes, the answers are real numbers"
                    : "it is for real inputs and two classes, the task has \(task.classCount)",
                advice: "choose another loss")
        }
        space.classCount = 1
        return space
    }

    /// The parameters of the network for a task.
    package func layout(for task: Task) throws -> ParameterLayout {
        try network.validate()
        return ParameterLayout(network, try space(for: task))
    }

    /// Throws one sentence about the first thing in which task, network and loss disagree.
    package func validate(_ task: Task) throws {
        try network.validate()
        try checkInputs(task, task.trainExamples)
        try space(for: task).validate(task.trainExamples, network, loss)
    }

    private func checkInputs(_ task: Task, _ examples: Examples) throws {
        if !network.isTransformer, examples.features == nil, self.task.layout != .pairs {
            throw UserError.usage(
                subject: "network \(network.kind.rawValue)",
                cause: "it reads two operands without further tokens",
                advice: "choose the layout pairs, or a transformer")
        }
        if loss.accuracyThreshold != nil, task.answerWidth == 0 {
            throw UserError.usage(
                subject: "accuracy_threshold", cause: "the answers are classes",
                advice: "leave it out")
        }
    }

    /// Bytes that an evaluator of examples takes, with what second-order products need.
    package func evaluatorMemory<Scalar: NetworkScalar>(
        for task: Task, examples: Examples, as type: Scalar.Type
    ) throws -> NetworkEvaluator<Scalar>.MemoryNeed {
        NetworkEvaluator<Scalar>.memoryNeed(
            network: network, space: try space(for: task), examples: examples)
    }

    /// An evaluator for some of the task's examples.
    package func evaluator<Scalar: NetworkScalar>(
        for task: Task, examples: Examples, threadCount: Int = 1, pool: LanePool? = nil,
        as type: Scalar.Type = Scalar.self
    ) throws -> NetworkEvaluator<Scalar> {
        try checkInputs(task, examples)
        return try NetworkEvaluator(
            network: network, space: space(for: task), examples: examples, loss: loss,
            threadCount: threadCount, pool: pool)
    }
}
