internal import Checkpoints
internal import Foundation
internal import Networks

/// The configuration of an imported run: what Cairn needs to rebuild its task and network.
struct ModelDescription {
    let configuration: String
    let task: Task?
    let network: NetworkConfiguration?

    /// The rows of both parts; nil where nothing says which they are.
    var split: (train: [Int], test: [Int])? {
        task.flatMap { $0.trainIndices.isEmpty ? nil : ($0.trainIndices, $0.testIndices) }
    }

    /// `optimizer` is the section of that name, with Cairn's keys.
    ///
    /// A task that does not fit the tensors is left out and the reason is noted in `notes`: the
    /// weights are worth keeping without it.
    init(
        task: TaskConfiguration?, trainIndices: [Int]?, testIndices: [Int]?,
        model: inout ForeignModel?, optimizer: Value?, notes: inout [String]
    ) {
        guard var recognised = model, let task else {
            configuration = Self.text(sections: [], optimizer: optimizer)
            self.task = nil
            network = model?.network
            if let model {
                notes.append(
                    "the task is not known, so only analyses of the weights are possible; name it "
                        + "with --task (network: \(model.network.kind.rawValue))")
            } else {
                notes.append(
                    "its network is not known, so only analyses of the weights are possible; map "
                        + "its tensors with --network")
            }
            return
        }
        var settings = ModelConfiguration(task: task, network: recognised.network)
        do {
            settings.task.answersOnly =
                recognised.network.kind == .transformer
                && recognised.classCount < recognised.vocabulary
            let built = try Task(
                settings.task, trainIndices: trainIndices, testIndices: testIndices)
            recognised.cutPositions(to: built.tokenSpace.length)
            try Self.check(recognised, fits: built)
            configuration = Self.text(
                sections: try Self.sections(of: settings), optimizer: optimizer)
            self.task = built
            network = recognised.network
            model = recognised
        } catch {
            notes.append(
                "its task does not fit (\(error)), so only analyses of the weights are possible")
            configuration = Self.text(sections: [], optimizer: optimizer)
            self.task = nil
            network = recognised.network
        }
    }

    private static func check(_ model: ForeignModel, fits task: Task) throws {
        let space = task.tokenSpace
        guard model.vocabulary == space.vocabulary, model.classCount == space.classCount,
            model.positionCount.map({ $0 >= space.length }) ?? true
        else {
            throw UserError.usage(
                subject: task.name,
                cause: "it has \(space.vocabulary) tokens and \(space.classCount) classes, the "
                    + "weights have \(model.vocabulary) and \(model.classCount)")
        }
    }

    private static func sections(of model: ModelConfiguration) throws -> [Value.Entry] {
        let bytes = [UInt8](try JSONEncoder().encode(model))
        return try Value(JSONValue(parsing: bytes)).entries ?? []
    }

    private static func text(sections: [Value.Entry], optimizer: Value?) -> String {
        var entries = sections
        if let optimizer { entries.append(.init(key: .text("optimizer"), value: optimizer)) }
        return Value.dictionary(entries).json(sorted: true)
    }
}

extension Value {
    /// A dictionary of text keys, leaving out what is nil.
    static func object(_ entries: [(String, Value?)]) -> Value {
        .dictionary(
            entries.compactMap { key, value in
                value.map { Value.Entry(key: .text(key), value: $0) }
            })
    }
}
