package import Checkpoints
internal import Foundation
internal import Synchronization

/// Turns the lines that a trainer prints into the calls of a sink.
///
/// A line is a JSON object with `hyperparameters`, with `network`, `task` or `train_indices`, or with
/// `step` and numbers (metrics) or `checkpoint` (a file of tensors, any format that is imported).
/// Everything else is the trainer's own output and belongs on the terminal. The run begins with its
/// first step, or with its first checkpoint where the lines say what task it learns: hyperparameters
/// and descriptions come before.
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
        /// Part of the protocol, but not usable, for this reason; `isNews` for the first of a kind.
        case refused(String, isNews: Bool)
    }

    private struct State {
        var description: RunDescription
        var subject = RecordSubject()
        var hasStep = false
        var hasBegun = false
        var lastCheckpoint = -1
        var pending: [MetricPoint] = []
        var curves = RecordedSteps()
        var account = RecordAccount()
        /// How the trainer said that it ended; nil when it did not say.
        var announcedStatus: RunStatus?
    }

    private let sink: any CheckpointSink & Sendable
    private let hdf5: HDF5Opening
    /// Keeps the description with which the run begins, so that a recorder that continues it has the
    /// same.
    private let keepBeginning: @Sendable (RunDescription) throws -> Void
    private let begun: RunDescription?
    private let state: Mutex<State>

    /// A session for a run; `begun` is its description where another recorder began it.
    package init(
        _ description: RunDescription, begun: RunDescription? = nil,
        sink: any CheckpointSink & Sendable, hdf5: HDF5Opening = .refused,
        keepBeginning: @escaping @Sendable (RunDescription) throws -> Void = { _ in }
    ) {
        self.sink = sink
        self.hdf5 = hdf5
        self.begun = begun
        self.keepBeginning = keepBeginning
        state = Mutex(State(description: description))
    }

    /// What has become of the lines so far.
    package var account: RecordAccount { state.withLock { $0.account } }

    /// Handles one line without its line feed; a checkpoint is read from its copy alone.
    ///
    /// Errors are the sink's: then nothing more can be stored. What is wrong with the line itself
    /// is the result.
    package func accept(_ line: [UInt8], copy: RecordSpool.Copy? = nil) throws -> Line {
        guard let line = RecordLine(line) else { return .other }
        return try state.withLock { state in
            var refusals = describe(line, &state)
            if let status = line.status { state.announcedStatus = status }
            guard let step = line.step else { return Self.result(refusals) }
            state.hasStep = true
            if !state.subject.needsTensors { try begin(&state) }
            let points = take(line.points, &state, &refusals)
            state.pending += points
            state.account.take(step: step, values: points.count)
            guard let checkpoint = line.checkpoint else { return Self.result(refusals) }
            switch try save(checkpoint, copy: copy, step: step, &state) {
            case .success:
                state.account.takeCheckpoint()
                return .stored(step: step, isComplete: state.pending.isEmpty)
            case .failure(let error):
                let isNews = state.account.leaveOut(
                    "a checkpoint: \(error.cause)", "step \(step), \(error.subject)")
                refusals.append(
                    .refused("checkpoint \(step): \(error.description)", isNews: isNews))
            }
            return Self.result(refusals)
        }
    }

    private static func result(_ refusals: [Line]) -> Line {
        refusals.first { if case .refused(_, true) = $0 { true } else { false } } ?? refusals.first
            ?? .recorded
    }

    /// Takes what a line says about the run as a whole, and notes what of it is not stored.
    private func describe(_ line: RecordLine, _ state: inout State) -> [Line] {
        var refusals: [Line] = []
        func refuse(_ cause: String, _ detail: String) {
            let isNews = state.account.leaveOut(cause, detail)
            refusals.append(.refused("\(cause) (\(detail))", isNews: isNews))
        }
        for part in line.leftOut { refuse(part.cause, part.detail) }
        if let settings = line.settings {
            if state.hasStep {
                refuse(
                    "hyperparameters that come after the first step",
                    "after \(state.account.lastStep)")
            } else {
                Self.add(settings, to: &state.description)
                state.subject.settings = settings
            }
        }
        if let description = line.description {
            if state.hasStep {
                refuse(
                    "a description that comes after the first step; cairn describe adds it",
                    "after \(state.account.lastStep)")
            } else {
                do {
                    try state.subject.take(description)
                } catch {
                    refuse("the description: \(error)", "cairn describe can give it later")
                }
            }
        }
        return refusals
    }

    /// The points that are new; another value for a step that a curve has is left out.
    private func take(
        _ points: [MetricPoint], _ state: inout State, _ refusals: inout [Line]
    ) -> [MetricPoint] {
        points.filter { point in
            switch state.curves.take(point) {
            case .new: return true
            case .same: return false
            case .other:
                let cause = "\(point.name) has another value for a step that it has already"
                let isNews = state.account.leaveOut(cause, "step \(point.step)")
                refusals.append(.refused("\(cause) (step \(point.step))", isNews: isNews))
                return false
            }
        }
    }

    private func begin(_ state: inout State) throws {
        guard !state.hasBegun else { return }
        state.description = begun ?? state.description
        try keepBeginning(state.description)
        try sink.begin(state.description)
        state.hasBegun = true
    }

    /// Stores a checkpoint; a failure costs this checkpoint alone, an error everything that follows.
    private func save(
        _ checkpoint: RecordLine.Checkpoint, copy: RecordSpool.Copy?, step: Int,
        _ state: inout State
    ) throws -> Result<Void, UserError> {
        let name: String
        switch checkpoint {
        case .refused(let cause):
            return .failure(UserError(.refused, subject: "line", cause: cause))
        case .file(let file): name = file
        }
        let path: String
        switch copy {
        case .file(let file)?: path = file
        case .failed(let cause)?:
            return .failure(UserError(.refused, subject: name, cause: cause))
        case nil:
            return .failure(
                UserError(.refused, subject: name, cause: "there is no copy of it in the spool"))
        }
        guard step > state.lastCheckpoint else {
            return .failure(
                UserError(
                    .refused, subject: name,
                    cause: "it does not come after checkpoint \(state.lastCheckpoint)"))
        }
        let source = ReadFailure()
        do {
            let content = try read(path, named: name, &state)
            try begin(&state)
            let due = Self.ordered(state.pending.filter { $0.step <= step })
            try sink.save(
                StreamedCheckpoint(
                    step: step, weights: content.weights.map(source.watching),
                    optimizerState: content.optimizer.map {
                        StreamedOptimizerState(
                            tensors: $0.tensors.map(source.watching), attributes: $0.attributes)
                    },
                    metrics: due))
        } catch let error as Unreadable {
            return .failure(error.error)
        } catch let error as any UserErrorConvertible where error.kind == .refused {
            return .failure(error.userError)
        } catch {
            // What is wrong with the trainer's file is no failure of the archive.
            guard let cause = source.cause else { throw error }
            return .failure(cause)
        }
        state.pending.removeAll { $0.step <= step }
        state.lastCheckpoint = step
        return .success(())
    }

    /// Takes note of a line that an earlier recorder has stored already.
    package func skip(_ line: [UInt8]) throws {
        guard let line = RecordLine(line) else { return }
        try state.withLock { state in
            _ = describe(line, &state)
            if let status = line.status { state.announcedStatus = status }
            guard let step = line.step else { return }
            state.hasStep = true
            var refusals: [Line] = []
            let points = take(line.points, &state, &refusals)
            state.account.take(step: step, values: points.count)
            try begin(&state)
            if case .file? = line.checkpoint {
                state.lastCheckpoint = max(state.lastCheckpoint, step)
                state.account.takeCheckpoint()
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
            } catch let error as any UserErrorConvertible {
                found.withLock { $0 = error.userError }
                throw error
            }
        }
    }

    /// The weights of a file, in Cairn's names where the network is recognised or described.
    private func read(
        _ path: String, named name: String, _ state: inout State
    ) throws -> ImportedRun.State.Content {
        do {
            let file = try ForeignFile.read(path, hdf5: hdf5)
            guard let source = file.weights, !source.names.isEmpty else {
                throw UserError.unreadable(name, "it holds no tensors")
            }
            let (model, notes) = try state.subject.model(of: source, for: &state.description)
            state.account.note(notes)
            return (
                try model?.map.weights(of: source) ?? source.all(),
                try file.optimizerState(model: model)
            )
        } catch let error as any UserErrorConvertible {
            // The copy's own path tells a person nothing.
            throw Unreadable(
                error: UserError(
                    .refused, subject: name, cause: error.cause, advice: error.advice))
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
            guard state.hasStep else { return false }
            if state.subject.needsTensors, !state.hasBegun {
                state.account.note(["no checkpoint came, so that its network is not known"])
            }
            try begin(&state)
            try sink.finish(
                state.announcedStatus ?? (wasCutOff ? .interrupted : .finished),
                metrics: Self.ordered(state.pending))
            state.pending = []
            return true
        }
    }
}

/// The steps at which each curve of a run has a value.
private struct RecordedSteps {
    enum Outcome { case new, same, other }

    private struct Curve {
        /// Rising.
        var steps: [Int] = []
        var lastValue = 0.0
    }

    private var curves: [String: Curve] = [:]

    mutating func take(_ point: MetricPoint) -> Outcome {
        guard let last = curves[point.name]?.steps.last else {
            curves[point.name] = Curve(steps: [point.step], lastValue: point.value)
            return .new
        }
        if point.step > last {
            curves[point.name]?.steps.append(point.step)
            curves[point.name]?.lastValue = point.value
            return .new
        }
        if point.step == last {
            let known = curves[point.name]?.lastValue.bitPattern
            return known == point.value.bitPattern ? .same : .other
        }
        let place = curves[point.name]?.steps.partitioningIndex { $0 >= point.step } ?? 0
        if curves[point.name]?.steps[place] == point.step { return .other }
        curves[point.name]?.steps.insert(point.step, at: place)
        return .new
    }
}

extension [Int] {
    /// The first index whose element satisfies a condition that no later element fails.
    fileprivate func partitioningIndex(where condition: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
