/// A sink and source in memory, for tests and for runs that are not kept.
package final class MemorySink: CheckpointSink, CheckpointSource {
    package private(set) var description: RunDescription?
    package private(set) var checkpoints: [Checkpoint] = []
    package private(set) var status: RunStatus?
    package private(set) var trailingMetrics: [MetricPoint] = []
    /// The arrays that the run learns from; empty for none.
    package let data: [Tensor]

    package init(data: [Tensor] = []) { self.data = data }

    package func data(_ digest: Digest) -> [Tensor] { data }

    package func begin(_ run: RunDescription) { description = run }

    package func save(_ checkpoint: Checkpoint) {
        if let last = checkpoints.last, last.step == checkpoint.step {
            checkpoints[checkpoints.count - 1].optimizerState =
                last.optimizerState ?? checkpoint.optimizerState
        } else {
            checkpoints.append(checkpoint)
        }
    }

    package func finish(_ status: RunStatus, metrics: [MetricPoint]) {
        self.status = status
        trailingMetrics = metrics
    }

    package var run: RunDescription {
        get throws {
            try description.orThrow(.missing(subject: "the run", cause: "it has not begun"))
        }
    }

    package var steps: [Int] { checkpoints.map(\.step) }

    package func weights(at step: Int) throws -> [Tensor] {
        try checkpoint(at: step).weights.sorted {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
    }

    package func tensor(_ name: String, at step: Int) throws -> Tensor {
        try checkpoint(at: step).weights.first { $0.name == name }.orThrow(
            .missing(subject: "tensor \(name)", cause: "step \(step) has no tensor of this name"))
    }

    package func optimizerState(at step: Int) throws -> OptimizerState? {
        try checkpoint(at: step).optimizerState
    }

    package func metric(_ name: String) -> [MetricPoint] {
        (checkpoints.flatMap(\.metrics) + trailingMetrics).filter { $0.name == name }
    }

    package func stepDigests(in range: ClosedRange<Int>) -> [StepDigest] {
        checkpoints.flatMap(\.stepDigests).filter { range.contains($0.step) }
    }

    private func checkpoint(at step: Int) throws -> Checkpoint {
        try checkpoints.first { $0.step == step }.orThrow(
            .missing(subject: "step \(step)", cause: "no checkpoint was saved there"))
    }
}

extension Optional {
    fileprivate func orThrow(_ error: UserError) throws -> Wrapped {
        guard let self else { throw error }
        return self
    }
}
