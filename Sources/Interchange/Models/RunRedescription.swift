package import Checkpoints
internal import Foundation
package import Networks

/// What a person says about a run that is stored: its weights stay, what they are is told anew.
package struct RunRedescription: Sendable {
    package var task: TaskConfiguration?
    package var network: NetworkConfiguration?
    package var trainIndices: [Int]?
    package var testIndices: [Int]?

    package init() {}

    /// The run's description with the changes.
    ///
    /// Errors: the task does not fit the network, or the stored tensors are not those of the network,
    /// in name or in shape.
    package func applied(
        to run: RunDescription, tensors: [(name: String, shape: [Int])]
    ) throws -> RunDescription {
        let subject = "run \(run.name)"
        let known = try? ModelConfiguration(configurationOf: run)
        let source = TensorSource(
            path: subject,
            tensors: tensors.map { tensor in
                (
                    tensor.name,
                    StoredTensor(elementType: .float32, shape: tensor.shape) {
                        throw UserError.unreadable(subject, "only shapes are looked at here")
                    }
                )
            })
        let recognised = ForeignModel(own: source, activation: known?.network.activation)
        guard let network = network ?? known?.network ?? recognised?.network else {
            throw UserError(
                .failure, subject: subject,
                cause: "its tensors were stored under names that no network of Cairn has",
                advice: "import it again with --network FILE, which maps them")
        }
        guard var task = task ?? known?.task else {
            throw UserError.usage(
                subject: subject, cause: "its task is not known", advice: "name it with --task")
        }
        let unembedding = tensors.first { $0.name == "unembedding" }?.shape.last
        let vocabulary = tensors.first { $0.name == "embedding" }?.shape.first
        if network.kind == .transformer, let unembedding, let vocabulary {
            task.answersOnly = unembedding < vocabulary
        }
        let configuration = ModelConfiguration(task: task, network: network)
        let rows = trainIndices ?? run.trainIndices
        let made = try Task(
            configuration.task, trainIndices: rows,
            testIndices: trainIndices == nil ? testIndices ?? run.testIndices : testIndices)
        try Self.require(
            tensors, fit: try configuration.layout(for: made), subject: subject)
        var result = run
        result.task = made.name
        result.network = network.kind.rawValue
        result.trainIndices = rows
        result.testIndices = rows == nil ? nil : made.testIndices
        result.configuration = try Self.text(configuration, keeping: run.configuration)
        return result
    }

    private static func require(
        _ tensors: [(name: String, shape: [Int])], fit layout: ParameterLayout, subject: String
    ) throws {
        func wrong(_ cause: String) -> UserError {
            UserError(
                .failure, subject: subject, cause: cause,
                advice: "give the settings of the network that was trained, or import it again "
                    + "with --network FILE")
        }
        let shapes = Dictionary(tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { $1 })
        for entry in layout.entries {
            guard let shape = shapes[entry.name] else {
                throw wrong(
                    "it has no tensor \(entry.name); it has "
                        + tensors.prefix(8).map(\.name).joined(separator: ", "))
            }
            guard shape == entry.shape else {
                throw wrong(
                    "its tensor \(entry.name) has the shape \(shape), the network needs "
                        + "\(entry.shape)")
            }
        }
        let names = Set(layout.entries.map(\.name))
        if let stranger = tensors.first(where: { !names.contains($0.name) }) {
            throw wrong("the network has no tensor \(stranger.name)")
        }
    }

    /// The sections of a model in place of those of a configuration; the others stay.
    private static func text(
        _ model: ModelConfiguration, keeping before: String
    ) throws -> String {
        let sections =
            Value(try JSONValue(parsing: [UInt8](try JSONEncoder().encode(model)))).entries ?? []
        let names = Set(sections.map(\.key.label))
        let kept = ((try? JSONValue(parsing: Array(before.utf8))).map(Value.init)?.entries ?? [])
            .filter {
                !names.contains($0.key.label)
            }
        return Value.dictionary(sections + kept).json(sorted: true)
    }
}
