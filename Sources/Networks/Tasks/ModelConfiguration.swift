package import ArrayMath
package import Checkpoints
internal import Foundation

/// How the loss is computed, stored under `loss`.
package struct LossConfiguration: Codable, Sendable, Equatable {
    /// The arithmetic of the cross-entropy.
    package var precision: LossPrecision = .float64

    package init(precision: LossPrecision = .float64) { self.precision = precision }

    enum CodingKeys: String, CodingKey, CaseIterable { case precision }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "loss")
        try values.read(.precision, into: &precision)
    }
}

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
        if task.layout == nil { task.layout = network.kind == .transformer ? .operands : .pairs }
    }

    /// The task with the split of its configuration, or with the rows that a run recorded.
    package func makeTask(of run: RunDescription? = nil) throws -> Task {
        try Task(task, trainIndices: run?.trainIndices, testIndices: run?.testIndices)
    }

    /// The parameters of the network for a task.
    package func layout(for task: Task) throws -> ParameterLayout {
        try network.validate()
        return ParameterLayout(network, task.tokenSpace)
    }

    /// An evaluator for some of the task's examples.
    package func evaluator<Scalar: NetworkScalar>(
        for task: Task, examples: Examples, threadCount: Int = 1, pool: LanePool? = nil,
        as type: Scalar.Type = Scalar.self
    ) throws -> NetworkEvaluator<Scalar> {
        if network.kind != .transformer && self.task.layout != .pairs {
            throw UserError.usage(
                subject: "network \(network.kind.rawValue)",
                cause: "it reads two operands without further tokens",
                advice: "choose the layout pairs, or a transformer")
        }
        return try NetworkEvaluator(
            network: network, space: task.tokenSpace, examples: examples,
            lossPrecision: loss.precision, threadCount: threadCount, pool: pool)
    }
}
