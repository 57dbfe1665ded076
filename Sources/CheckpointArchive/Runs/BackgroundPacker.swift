internal import Dispatch
internal import Synchronization

/// Does one piece of work after the other beside the thread that asks for them.
final class BackgroundPacker: Sendable {
    private let queue = DispatchQueue(label: "cairn.packer")
    private let state = Mutex(State())

    private struct State {
        /// What failed and was not thrown yet.
        var failure: (any Error)?
        var hasFailed = false
    }

    /// Whether any work has failed.
    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    /// Begins `work` once what was begun before has ended; throws if that failed.
    func start(_ work: @escaping @Sendable () throws -> Void) throws {
        try finish()
        queue.async { [self] in perform(work) }
    }

    /// Waits for what was begun; throws if it failed.
    func finish() throws {
        queue.sync {}
        try throwFailure()
    }

    /// Does the work now.
    func run(_ work: () throws -> Void) throws {
        try finish()
        perform(work)
        try throwFailure()
    }

    /// Throws what failed, once.
    func throwFailure() throws {
        let failure = state.withLock { state in
            defer { state.failure = nil }
            return state.failure
        }
        if let failure { throw failure }
    }

    private func perform(_ work: () throws -> Void) {
        do {
            try work()
        } catch {
            state.withLock {
                $0.failure = error
                $0.hasFailed = true
            }
        }
    }
}
