internal import Synchronization

/// A request to stop that any thread or signal handler may make.
///
/// Setting it is one atomic store, so it is safe inside a signal handler.
package final class Interruption: Sendable {
    private let requested = Atomic(false)

    package init() {}

    /// Asks the work to stop; a running statement ends within about a millisecond.
    package func request() { requested.store(true, ordering: .relaxed) }

    /// Forgets an earlier request, so that the next statement runs.
    package func reset() { requested.store(false, ordering: .relaxed) }

    package var isRequested: Bool { requested.load(ordering: .relaxed) }
}

/// The work was stopped by its `Interruption`; the command line leaves with exit code 130.
package struct Interrupted: Error, Sendable, Equatable, CustomStringConvertible {
    package init() {}

    package var description: String { "interrupted" }
}
