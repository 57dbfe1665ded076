internal import Checkpoints
internal import Synchronization

/// A sink that tells which run begins and keeps what fails in it apart from what fails in training.
final class NotedSink: CheckpointSink, Sendable {
    private let sink: any CheckpointSink & Sendable
    private let begins: @Sendable (RunDescription) -> Void
    private let fails: @Sendable (any Error) -> Void

    init(
        _ sink: any CheckpointSink & Sendable,
        fails: @escaping @Sendable (any Error) -> Void = { _ in },
        begins: @escaping @Sendable (RunDescription) -> Void
    ) {
        self.sink = sink
        self.begins = begins
        self.fails = fails
    }

    func begin(_ run: RunDescription) throws {
        try noting { try sink.begin(run) }
        begins(run)
    }

    func save(_ checkpoint: Checkpoint) throws { try noting { try sink.save(checkpoint) } }

    func save(_ checkpoint: StreamedCheckpoint) throws {
        try noting { try sink.save(checkpoint) }
    }

    func finish(_ status: RunStatus, metrics: [MetricPoint]) throws {
        try noting { try sink.finish(status, metrics: metrics) }
    }

    private func noting(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            fails(error)
            throw error
        }
    }
}

/// The ids of the runs that a sweep has begun, by their names.
final class TrainedRuns: Sendable {
    private let ids = Mutex<[String: String]>([:])

    func note(_ id: String, for name: String) { ids.withLock { $0[name] = id } }
    func id(of name: String) -> String? { ids.withLock { $0[name] } }
}
