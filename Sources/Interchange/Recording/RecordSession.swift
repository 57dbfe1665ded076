package import Checkpoints
internal import Foundation
internal import Synchronization

/// Turns the lines that a trainer prints into the calls of a sink.
///
/// A line is a JSON object with `hyperparameters`, or with `step` and numbers (metrics) or
/// `checkpoint` (a file of tensors, any format that is imported). Everything else is the trainer's
/// own output and belongs on the terminal. The run begins with its first step, so hyperparameters
/// come before.
package final class RecordSession: Sendable {
    /// What a line was.
    package enum Line: Equatable {
        /// Part of the protocol, and used.
        case recorded
        /// A checkpoint that the sink has acknowledged; complete when no metric waits for a later
        /// one.
        case stored(step: Int, isComplete: Bool)
        /// The trainer's own output.
        case other
        /// Part of the protocol, but not usable, for this reason.
        case refused(String)
    }

    private struct State {
        var description: RunDescription
        var hasBegun = false
        var lastCheckpoint = -1
        var pending: [MetricPoint] = []
        /// How the trainer said that it ended; nil when it did not say.
        var announcedStatus: RunStatus?
    }

    private let sink: any CheckpointSink & Sendable
    private let hdf5: HDF5Opening
    private let state: Mutex<State>

    /// Keys of a line that are not metrics.
    private static let reserved: Set<String> = ["step", "checkpoint", "hyperparameters", "status"]
    /// Lines beyond this are no protocol: a trainer that prints a picture must not fill the memory.
    package static let largestLineByteCount = 16 << 20

    package init(
        _ description: RunDescription, sink: any CheckpointSink & Sendable,
        hdf5: HDF5Opening = .refused
    ) {
        self.sink = sink
        self.hdf5 = hdf5
        state = Mutex(State(description: description))
    }

    /// Whether a line belongs to the protocol, and the file that it names as a checkpoint.
    ///
    /// It is cheap for lines that do not, so that a reader can sort them as they come.
    package static func inspect(_ line: [UInt8]) -> (isProtocol: Bool, checkpoint: String?) {
        guard let object = object(line) else { return (false, nil) }
        return (true, object["checkpoint"]?.textual)
    }

    /// The object of a protocol line; nil for every other line.
    private static func object(_ line: [UInt8]) -> Value? {
        guard line.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "{"),
            line.count <= largestLineByteCount,
            let value = (try? JSONValue(parsing: line)).map(Value.init),
            value.entries != nil,
            value["step"]?.whole != nil || value["hyperparameters"]?.entries != nil
                || value["status"]?.textual.flatMap(status) != nil
        else { return nil }
        return value
    }

    private static func status(_ text: String) -> RunStatus? {
        switch text {
        case "finished": .finished
        case "failed": .failed
        case "interrupted": .interrupted
        default: nil
        }
    }

    /// Handles one line without its line feed; `checkpoint` is read in place of the file it names.
    ///
    /// Errors are the sink's: then nothing more can be stored. What is wrong with the line itself
    /// is the result.
    package func accept(_ line: [UInt8], checkpoint replacement: String? = nil) throws -> Line {
        guard let object = Self.object(line) else { return .other }
        return try state.withLock { state in
            if let settings = object["hyperparameters"] {
                guard !state.hasBegun else {
                    return .refused("hyperparameters come before the first step")
                }
                Self.add(settings, to: &state.description)
            }
            if let status = object["status"]?.textual.flatMap(Self.status) {
                state.announcedStatus = status
            }
            guard let step = object["step"]?.whole else { return .recorded }
            guard step >= 0 else { return .refused("step \(step) is negative") }
            if !state.hasBegun {
                state.hasBegun = true
                try sink.begin(state.description)
            }
            state.pending += CurveFile.points(
                (object.entries ?? []).filter { !Self.reserved.contains($0.key.label) }, step: step)
            guard let path = object["checkpoint"] else { return .recorded }
            return try save(path, replacement: replacement, step: step, &state)
        }
    }

    private func save(
        _ path: Value, replacement: String?, step: Int, _ state: inout State
    ) throws -> Line {
        guard let path = path.textual else {
            return .refused("checkpoint is not the name of a file")
        }
        guard step > state.lastCheckpoint else {
            return .refused(
                "checkpoint \(step) does not come after checkpoint \(state.lastCheckpoint)")
        }
        let due = Self.ordered(state.pending.filter { $0.step <= step })
        let source = ReadFailure()
        do {
            let content = try read(replacement ?? path, named: path)
            try sink.save(
                StreamedCheckpoint(
                    step: step, weights: content.weights.map(source.watching),
                    optimizerState: content.optimizer.map {
                        StreamedOptimizerState(
                            tensors: $0.tensors.map(source.watching), attributes: $0.attributes)
                    },
                    metrics: due))
        } catch {
            // What is wrong with the trainer's file is no failure of the archive.
            guard let cause = source.cause ?? (error as? Unreadable)?.error else { throw error }
            return .refused(cause.description)
        }
        state.pending.removeAll { $0.step <= step }
        state.lastCheckpoint = step
        return .stored(step: step, isComplete: state.pending.isEmpty)
    }

    /// Takes note of a line that an earlier recorder has stored already.
    package func skip(_ line: [UInt8]) throws {
        guard let object = Self.object(line) else { return }
        try state.withLock { state in
            if let settings = object["hyperparameters"], !state.hasBegun {
                Self.add(settings, to: &state.description)
            }
            guard let step = object["step"]?.whole, step >= 0 else { return }
            if !state.hasBegun {
                state.hasBegun = true
                try sink.begin(state.description)
            }
            if object["checkpoint"] != nil {
                state.lastCheckpoint = max(state.lastCheckpoint, step)
            }
        }
    }

    /// A file that cannot be a checkpoint.
    private struct Unreadable: Error {
        let error: UserError
    }

    /// Remembers when reading the trainer's file fails while the sink stores it.
    private final class ReadFailure: Sendable {
        private let found = Mutex<UserError?>(nil)

        var cause: UserError? { found.withLock { $0 } }

        /// The tensor, with failed reads noted.
        func watching(_ tensor: StreamedTensor) -> StreamedTensor {
            StreamedTensor(
                name: tensor.name, shape: tensor.shape, elementType: tensor.elementType
            ) {
                let read = try self.noting { try tensor.reader() }
                return { buffer in try self.noting { try read(buffer) } }
            }
        }

        private func noting<Result>(_ body: () throws -> Result) throws -> Result {
            do {
                return try body()
            } catch let error as UserError {
                found.withLock { $0 = error }
                throw error
            }
        }
    }

    /// The weights of a file, in Cairn's names where the network is recognised.
    private func read(_ path: String, named name: String) throws -> ImportedRun.State.Content {
        do {
            let file = try ForeignFile.read(path, hdf5: hdf5)
            guard let source = file.weights, !source.names.isEmpty else {
                throw UserError.unreadable(name, "it holds no tensors")
            }
            let model = try ForeignModel(source, settings: nil)
            return (
                try model?.map.weights(of: source) ?? source.all(),
                try file.optimizerState(model: model)
            )
        } catch let error as UserError {
            throw Unreadable(error: error)
        }
    }

    private static func add(_ settings: Value, to description: inout RunDescription) {
        for parameter in HyperparameterList.make(settings: settings, optimizer: nil) {
            description.hyperparameters.removeAll { $0.name == parameter.name }
            description.hyperparameters.append(parameter)
        }
        if let seed = settings["seed"]?.whole { description.seed = seed }
        if let task = settings["task"]?.textual { description.task = task }
        if let network = settings["network"]?.textual { description.network = network }
        if let configuration = settings["configuration"], configuration.entries != nil {
            description.configuration = configuration.json(sorted: true)
        }
    }

    private static func ordered(_ points: [MetricPoint]) -> [MetricPoint] {
        points.enumerated().sorted {
            ($0.element.step, $0.offset) < ($1.element.step, $1.offset)
        }.map(\.element)
    }

    /// Ends the run: `finished` unless the trainer said otherwise or was cut off.
    ///
    /// A trainer that printed nothing of the protocol leaves no run; the result says whether there
    /// is one.
    package func end(wasCutOff: Bool) throws -> Bool {
        try state.withLock { state in
            guard state.hasBegun else { return false }
            try sink.finish(
                state.announcedStatus ?? (wasCutOff ? .interrupted : .finished),
                metrics: Self.ordered(state.pending))
            state.pending = []
            return true
        }
    }
}
