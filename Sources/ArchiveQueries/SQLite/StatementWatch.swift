internal import CSQLite

/// Decides whether the statement that runs now has to stop: by request or by its time limit.
///
/// SQLite asks it every few thousand instructions, and functions that work for long ask it
/// themselves between parts of their work.
final class StatementWatch {
    /// Why a statement was stopped.
    enum Reason {
        case interruption
        case timeLimit
    }

    let interruption: Interruption
    /// The longest time a statement may take, reading its rows included; nil for no limit.
    let timeLimit: Duration?
    private var deadline: ContinuousClock.Instant?
    /// Why the running statement was told to stop; nil while it may go on.
    private(set) var reason: Reason?

    init(interruption: Interruption, timeLimit: Duration?) {
        self.interruption = interruption
        self.timeLimit = timeLimit
    }

    /// Starts the clock for one statement.
    func begin() {
        reason = nil
        deadline = timeLimit.map { ContinuousClock.now + $0 }
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
