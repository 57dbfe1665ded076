package import Checkpoints

/// A run found in foreign files, ready to be written to an archive.
package struct ImportedRun: Sendable {
    /// One stored state, read when it is needed.
    package struct State: Sendable {
        package let step: Int
        /// Where it comes from, for messages.
        package let source: String
        private let read: @Sendable () throws -> Content

        /// What a state holds, to be read piece by piece.
        package typealias Content = (weights: [StreamedTensor], optimizer: StreamedOptimizerState?)

        package init(
            step: Int, source: String, read: @escaping @Sendable () throws -> Content
        ) {
            self.step = step
            self.source = source
            self.read = read
        }

        /// Opens the source.
        package func content() throws -> Content { try read() }

        /// The weights, read into memory.
        package func weights() throws -> [Tensor] { try read().weights.map { try $0.load() } }

        /// The optimiser's memory, read into memory; nil when the source has none.
        package func optimizerState() throws -> OptimizerState? {
            try read().optimizer?.load()
        }
    }

    package var description: RunDescription
    /// How it ended.
    package var status = RunStatus.imported
    /// In rising order of their steps.
    package var states: [State]
    /// The curves, in step order.
    package var metrics: [MetricPoint]
    /// Numbers that the run's authors published about its states.
    package var publishedValues: [MetricPoint] = []
    /// What was left out or assumed, one sentence each.
    package var notes: [String] = []

    /// The number of stored states.
    package var checkpointCount: Int { states.count }

    /// Writes the run to a sink, each state with the metrics since the one before it.
    package func write(
        to sink: any CheckpointSink, progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws {
        try sink.begin(description)
        var position = 0
        for (index, state) in states.enumerated() {
            let start = position
            while position < metrics.count, metrics[position].step <= state.step { position += 1 }
            let content = try state.content()
            try sink.save(
                StreamedCheckpoint(
                    step: state.step, weights: content.weights, optimizerState: content.optimizer,
                    metrics: Array(metrics[start..<position])))
            try progress(index + 1, states.count)
        }
        try sink.finish(status, metrics: Array(metrics[position...]))
    }

    /// Steps beyond this are no numbers of updates, and are not exact in other programs.
    static let largestStep = 1 << 53

    /// Refuses steps and names of curves that cannot be stored.
    func requireStorable(path: String) throws {
        let steps = 0...Self.largestStep
        if let state = states.first(where: { !steps.contains($0.step) }) {
            throw UserError.unreadable(
                path, "\(state.source) has the step \(state.step), which is no number of updates")
        }
        for point in metrics where !steps.contains(point.step) {
            throw UserError.unreadable(
                path,
                "its curve \(point.name.prefix(Value.longestName)) has a value at step "
                    + "\(point.step), which is no number of updates")
        }
        for name in Set(metrics.map(\.name)) {
            guard !name.isEmpty, name.utf8.count <= Value.longestName, !name.utf8.contains(0)
            else {
                throw UserError.unreadable(
                    path,
                    "a curve has a name that is empty, holds the character NUL or has more "
                        + "than \(Value.longestName) bytes")
            }
        }
    }

    /// Sorts states and curves by step.
    ///
    /// Errors: two different states of one step. A state whose weights repeat the one before it at
    /// the same step is dropped with a note.
    mutating func sortBySteps(path: String) throws {
        states.sort { $0.step < $1.step }
        metrics = metrics.enumerated().sorted {
            ($0.element.step, $0.offset) < ($1.element.step, $1.offset)
        }.map(\.element)
        var kept: [State] = []
        for state in states {
            guard let last = kept.last, last.step == state.step else {
                kept.append(state)
                continue
            }
            guard
                try Digest(weights: last.content().weights)
                    == Digest(weights: state.content().weights)
            else {
                throw UserError.unreadable(
                    path, "\(last.source) and \(state.source) both hold step \(state.step)",
                    advice: "rename one of them, or import them one at a time")
            }
            notes.append("\(state.source) repeats \(last.source) and was left out")
        }
        states = kept
    }
}

extension ImportedRun {
    /// An id that depends on the content alone, so that the same run is known when it comes again.
    static func id(digest: String, part: String, configuration: String) -> String {
        let text = "\(digest)\n\(part)\n\(configuration)"
        return String(Digest(of: Array(text.utf8)).description.prefix(16))
    }
}
