internal import Checkpoints
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Statements whose callers have an answer when their time is over, whatever SQLite is doing.
///
/// SQLite asks nobody while it is inside one call of a function, as `instr` on texts of megabytes, or
/// while it sorts. Such work goes on in a thread that nobody waits for any more.
package enum TimedWork {
    /// How long work has to notice by itself that its time is over.
    private static let patience = 2.0
    /// Threads that nobody waits for; where there are as many, no more are begun.
    private static let mostLeft = 4
    private static let leftCount = Atomic<Int>(0)

    /// Runs `body` in a thread of its own; throws when it takes longer than its limit, or goes on
    /// although it was told to stop.
    package static func run<Value: Sendable>(
        within limit: Duration, interruption: Interruption,
        _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        guard leftCount.load(ordering: .relaxed) < mostLeft else {
            throw UserError(
                .failure, subject: "SQL statement",
                cause: "\(mostLeft) others that did not stop in time are still at work",
                advice: "try again later")
        }
        let outcome = Outcome<Value>()
        Thread.detachNewThread {
            outcome.finish(Result { try body() })
        }
        return try outcome.wait(limit, interruption)
    }

    /// What the thread came to, or that nobody waits for it any more.
    private final class Outcome<Value: Sendable>: Sendable {
        private struct State {
            var result: Result<Value, any Error>?
            var isLeft = false
        }

        private let state = Mutex(State())
        private let isDone = DispatchSemaphore(value: 0)

        func finish(_ result: Result<Value, any Error>) {
            let wasLeft = state.withLock { state in
                state.result = result
                return state.isLeft
            }
            if wasLeft { leftCount.subtract(1, ordering: .relaxed) }
            isDone.signal()
        }

        func wait(_ limit: Duration, _ interruption: Interruption) throws -> Value {
            let start = ContinuousClock.now
            var stopped: ContinuousClock.Instant?
            while isDone.wait(timeout: .now() + .milliseconds(50)) == .timedOut {
                let now = ContinuousClock.now
                if stopped == nil, interruption.isRequested || now >= start + limit {
                    stopped = now
                }
                guard let since = stopped, now >= since + .seconds(patience) else { continue }
                let isLeft = state.withLock { state in
                    guard state.result == nil else { return false }
                    state.isLeft = true
                    return true
                }
                guard isLeft else { break }
                leftCount.add(1, ordering: .relaxed)
                guard now >= start + limit else { throw Interrupted() }
                throw StatementError.ranTooLong(limit)
            }
            guard let result = state.withLock(\.result) else {
                preconditionFailure("a thread that has ended has a result")
            }
            return try result.get()
        }
    }
}
