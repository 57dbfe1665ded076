internal import Checkpoints
internal import Foundation
internal import Networks

/// What a trainer said about the task and the network of its run, until a checkpoint shows how the
/// tensors fit.
struct RecordSubject {
    /// The newest hyperparameters, which may name the activation.
    var settings: Value?
    private var mapping: NetworkMapping?
    private var network: NetworkConfiguration?
    private var task: TaskConfiguration?
    private var trainIndices: [Int]?
    private var testIndices: [Int]?
    /// The network of the checkpoints so far; none where it is not known.
    private var known: ForeignModel??

    /// Whether the run can only be described once a checkpoint is there.
    var needsTensors: Bool { task != nil || network != nil || trainIndices != nil }

    /// Takes the keys `network`, `tensors`, `task`, `train_indices`, `test_indices`.
    ///
    /// Errors: one of them is not understood; then none is used.
    mutating func take(_ description: Value) throws {
        var next = self
        if let value = description["task"] { next.task = try TaskText.configuration(value) }
        if let value = description["network"] {
            guard value.entries != nil else {
                throw UserError.usage(
                    subject: "network", cause: "it is not an object such as {\"kind\": \"mlp\"}")
            }
            if let tensors = description["tensors"] {
                next.mapping = try NetworkMapping(
                    .object([("network", value), ("tensors", tensors)]), path: "network")
                next.network = next.mapping?.network
            } else {
                next.network = try NetworkMapping.network(value, path: "network")
            }
        }
        for (key, place) in [
            ("train_indices", \Self.trainIndices), ("test_indices", \Self.testIndices),
        ] {
            guard let value = description[key] else { continue }
            guard let rows = value.elements?.compactMap(\.whole),
                rows.count == value.elements?.count
            else {
                throw UserError.usage(subject: key, cause: "it is not a list of whole numbers")
            }
            next[keyPath: place] = rows
        }
        self = next
    }

    /// The network of a checkpoint, and, with the first, what the run then is.
    mutating func model(
        of source: TensorSource, for run: inout RunDescription
    ) throws -> (model: ForeignModel?, notes: [String]) {
        if let known { return (known, []) }
        var model = try mapping?.model(source)
        if model == nil {
            // Biases that are zero at the beginning may be trained: they belong to the network.
            model = try ForeignModel(source, settings: settings, keepsZeroBiases: true)
        }
        if mapping == nil, let network {
            model?.network = network
        }
        var notes: [String] = []
        if needsTensors {
            let description = ModelDescription(
                task: task, trainIndices: trainIndices, testIndices: testIndices, model: &model,
                optimizer: OptimizerSection.section(nil, settings: settings), notes: &notes)
            run.configuration = description.configuration
            if let task = description.task { run.task = task.name }
            if let network = description.network { run.network = network.kind.rawValue }
            run.trainIndices = trainIndices
            run.testIndices = testIndices ?? description.split?.test
        }
        known = .some(model)
        return (model, notes + (model?.notes ?? []))
    }
}
