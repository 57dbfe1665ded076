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
    /// Everything that was found for it, with its fate.
    package var account = ImportAccount()
    /// The options that went into it.
    package var applied: Set<ImportOptions.Choice> = []
    /// Square matrices that a mapping takes as they are, though their shape does not show whether rows
    /// are multiplied by them: the names of its entries.
    package var openSquares: [String] = []
    /// How its tensors were named and laid out.
    package var originals = OriginalTensors()

    /// What the run keeps about where it comes from: a JSON object of one line.
    package var originNote: String {
        get throws {
            let entries = account.value.entries ?? []
            let tensors = Value.Entry(key: .text("tensors"), value: try originals.value)
            return Value.dictionary(entries + [tensors]).json(sorted: true)
        }
    }

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
}

extension ImportedRun {
    /// An id that depends on the content alone, so that the same run is known when it comes again.
    static func id(digest: String, part: String, configuration: String) -> String {
        let text = "\(digest)\n\(part)\n\(configuration)"
        return String(Digest(of: Array(text.utf8)).description.prefix(16))
    }
}

extension ImportedRun: CheckpointSource {
    package var run: RunDescription { description }
    package var steps: [Int] { states.map(\.step) }

    package func weights(at step: Int) throws -> [Tensor] { try state(at: step).weights() }

    package func tensor(_ name: String, at step: Int) throws -> Tensor {
        guard let found = try state(at: step).content().weights.first(where: { $0.name == name })
        else {
            throw UserError.missing(subject: description.name, cause: "it has no tensor \(name)")
        }
        return try found.load()
    }

    package func optimizerState(at step: Int) throws -> OptimizerState? {
        try state(at: step).optimizerState()
    }

    package func metric(_ name: String) throws -> [MetricPoint] {
        metrics.filter { $0.name == name }
    }

    private func state(at step: Int) throws -> State {
        guard let state = states.first(where: { $0.step == step }) else {
            throw UserError.missing(
                subject: description.name, cause: "it has no checkpoint of step \(step)")
        }
        return state
    }
}
