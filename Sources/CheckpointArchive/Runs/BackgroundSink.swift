package import Checkpoints
internal import Dispatch
internal import Synchronization

/// Stores a run beside the trainer, which only waits when the disk falls behind.
///
/// `save` returns once the checkpoint is queued. What fails surfaces at the next `save` and at
/// `finish`; after a failure nothing more is stored, so that a run never has silent gaps.
package final class BackgroundSink: CheckpointSink, Sendable {
    private let writer: any CheckpointSink & Sendable
    private let acknowledge: (@Sendable (Int) -> Void)?
    private let queue = DispatchQueue(label: "cairn.background-sink")
    /// Free slots of the queue.
    private let slots: DispatchSemaphore
    private let failure = Mutex<(any Error)?>(nil)
    /// Whether the run was recorded as failed.
    private let hasEnded = Mutex(false)

    /// A sink in front of `writer`.
    ///
    /// At most `capacity` checkpoints wait in memory. `acknowledge` is called with each step that
    /// has become durable, on the writer's queue.
    package init(
        _ writer: any CheckpointSink & Sendable, capacity: Int = 8,
        acknowledge: (@Sendable (Int) -> Void)? = nil
    ) {
        precondition(capacity > 0, "a queue without slots takes nothing")
        self.writer = writer
        self.acknowledge = acknowledge
        slots = DispatchSemaphore(value: capacity)
    }

    package func begin(_ run: RunDescription) throws { try writer.begin(run) }

    package func save(_ checkpoint: Checkpoint) throws {
        try throwFailure()
        slots.wait()
        queue.async { [self] in
            defer { slots.signal() }
            guard !hasFailed else { return }
            do {
                try writer.save(checkpoint)
                acknowledge?(checkpoint.step)
            } catch {
                failure.withLock { $0 = error }
            }
        }
    }

    /// Returns once everything queued is durable and the end is recorded.
    ///
    /// After a failed save the run is recorded as failed where that is still possible, and the
    /// save's error is thrown, also to a trainer that ends the run once more because of it.
    package func finish(_ status: RunStatus, metrics: [MetricPoint]) throws {
        try queue.sync {
            guard let error = failure.withLock({ $0 }) else {
                return try writer.finish(status, metrics: metrics)
            }
            if !hasEnded.withLock(\.self), (try? writer.finish(.failed, metrics: [])) != nil {
                hasEnded.withLock { $0 = true }
            }
            throw error
        }
    }

    private var hasFailed: Bool { failure.withLock { $0 != nil } }

    private func throwFailure() throws {
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
