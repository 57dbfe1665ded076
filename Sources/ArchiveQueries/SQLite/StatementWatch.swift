internal import CSQLite
internal import Foundation
internal import Synchronization

/// Decides whether the statement that runs now has to stop: by request or by its time limit.
///
/// SQLite asks it every few thousand instructions, and functions that work for long ask it
/// themselves between parts of their work.
final class StatementWatch {
    let interruption: Interruption
    /// The longest time a statement may take, reading its rows included; nil for no limit.
    let timeLimit: Duration?
    private var deadline: ContinuousClock.Instant?
    /// Why the running statement was told to stop; nil while it may go on.
    private(set) var reason: StopReason?
    private let watchdog: StatementWatchdog?

    /// `abandon` ends the process where a statement goes on although it was told to stop.
    init(
        interruption: Interruption, timeLimit: Duration?,
        abandon: (@Sendable (StopReason) -> Void)? = nil
    ) {
        self.interruption = interruption
        self.timeLimit = timeLimit
        watchdog = abandon.map { StatementWatchdog(interruption, abandon: $0) }
    }

    /// Starts the clock for one statement.
    func begin() {
        reason = nil
        deadline = timeLimit.map { ContinuousClock.now + $0 }
    }

    /// Runs `body`, a call of SQLite that works on the statement.
    func working<Value>(_ body: () -> Value) -> Value {
        watchdog?.workBegins(until: deadline)
        defer { watchdog?.workEnds() }
        return body()
    }

    /// Whether the work has to stop now.
    func mustStop() -> Bool {
        if interruption.isRequested {
            reason = .interruption
        } else if let deadline, ContinuousClock.now >= deadline {
            reason = .timeLimit
        }
        return reason != nil
    }

    /// Throws when the work has to stop, for long computations inside a function.
    func check() throws {
        if mustStop() { throw Interrupted() }
    }

    /// Has SQLite ask on every few thousand instructions of the connection.
    ///
    /// The watch must outlive the connection.
    func install(on connection: OpaquePointer) {
        sqlite3_progress_handler(
            connection, 2_000,
            { context in
                guard let context else { return 0 }
                let watch = Unmanaged<StatementWatch>.fromOpaque(context).takeUnretainedValue()
                return watch.mustStop() ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}

/// Why a statement was stopped.
package enum StopReason: Sendable {
    case interruption
    case timeLimit
}

/// Ends a statement that nobody can stop, and the process with it.
///
/// SQLite asks nobody while it is inside one call of a function, as `replace` on a text of megabytes,
/// or while it sorts. A process that only reads can end at any moment.
private final class StatementWatchdog: Sendable {
    private struct State {
        var isWorking = false
        var deadline: ContinuousClock.Instant?
        /// Since when the statement goes on although it should have stopped.
        var overdue: ContinuousClock.Instant?
        var hasEnded = false
    }

    /// How long a statement has to notice by itself.
    private static let patience = Duration.seconds(2)

    private let state: StateBox

    /// What the thread holds on to, so that the watchdog can go before it.
    private final class StateBox: Sendable {
        let value = Mutex(State())
    }

    init(_ interruption: Interruption, abandon: @escaping @Sendable (StopReason) -> Void) {
        let state = StateBox()
        self.state = state
        let thread = Thread {
            while true {
                usleep(50_000)
                let now = ContinuousClock.now
                let reason = state.value.withLock { state -> StopReason? in
                    let isLate = state.deadline.map { now >= $0 } ?? false
                    guard state.isWorking, isLate || interruption.isRequested else {
                        state.overdue = nil
                        return nil
                    }
                    let since = state.overdue ?? now
                    state.overdue = since
                    guard now - since >= StatementWatchdog.patience else { return nil }
                    return isLate ? .timeLimit : .interruption
                }
                if state.value.withLock(\.hasEnded) { return }
                if let reason { return abandon(reason) }
            }
        }
        thread.start()
    }

    deinit { state.value.withLock { $0.hasEnded = true } }

    func workBegins(until deadline: ContinuousClock.Instant?) {
        state.value.withLock {
            $0.deadline = deadline
            $0.isWorking = true
        }
    }

    func workEnds() {
        state.value.withLock {
            $0.isWorking = false
            $0.overdue = nil
        }
    }
}
