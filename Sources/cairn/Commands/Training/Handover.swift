internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Synchronization

/// Brings the runs of a task's own archive into the shared one.
///
/// They go into the queue beside it. Then the task takes the turn if it is free, and takes in all that
/// waits, also from others; if it is not, whoever has the turn takes in what this task has left.
final class Handover: Sendable {
    let watch: TaskWatch
    private let queue: IncomingQueue
    private let task: TaskMark
    private let own: Archive
    private let access: ArchiveAccess
    private let common: CommonOptions
    private let state = Mutex(State())
    /// One thread at a time hands over.
    private let line = Mutex(0)

    private struct State {
        var claims: [String: SharedClaim] = [:]
        /// The ids of runs by their names.
        var ids: [String: String] = [:]
        /// What the shared archive and its queue have of each run, by id.
        var known: [String: Set<String>] = [:]
        /// The runs that have ended and are to be handed over, by name.
        var ended: [String] = []
        var lastTime = ContinuousClock.now
        /// Why the last attempt failed.
        var trouble: String?
    }

    /// Runs that end shortly one after the other go together.
    private static let shortestInterval = Duration.seconds(5)

    init(
        queue: IncomingQueue, task: TaskMark, own: Archive, access: ArchiveAccess,
        common: CommonOptions
    ) {
        self.queue = queue
        self.task = task
        self.own = own
        self.access = access
        self.common = common
        watch = TaskWatch(queue)
    }

    /// A task in words.
    static func words(_ token: String) -> String {
        let parts = token.split(separator: "-")
        return parts.count == 3 ? "process \(parts[1]) on \(parts[0])" : "it has just begun"
    }

    /// The name of the claim on a run, which follows from its name and configuration.
    static func claimName(_ name: String, _ configuration: String) -> String {
        String(Digest(of: Array("\(name)\n\(configuration)".utf8)).description.prefix(32))
    }

    /// Claims a run; answers who has it otherwise.
    func claim(_ name: String, _ configuration: String) throws -> String? {
        let claimName = Handover.claimName(name, configuration)
        switch try SharedClaim.attempt(claimName, in: queue, for: task, watch) {
        case .held(let holder): return holder
        case .ours(let claim):
            state.withLock { $0.claims[name] = claim }
            return nil
        }
    }

    /// Ends the claim on a run that this task does not train.
    func letGo(_ name: String) {
        state.withLock { $0.claims.removeValue(forKey: name) }?.end()
    }

    /// Whether the result of a run waits to be taken in.
    func isWaiting(_ name: String) throws -> Bool { try queue.waitingRuns().contains(name) }

    func note(_ id: String, for name: String, known: Set<String> = []) {
        state.withLock {
            $0.ids[name] = id
            $0.known[id, default: []].formUnion(known)
        }
    }

    func id(of name: String) -> String? { state.withLock { $0.ids[name] } }

    /// Notes a run that has ended.
    func add(_ name: String) { state.withLock { $0.ended.append(name) } }

    /// Hands over the runs that have ended, if it is time, and one that rests.
    ///
    /// What fails is tried again later: training goes on meanwhile.
    func handOver(resting: String? = nil, isDue: Bool = false) {
        let isTime = line.withLock { count in
            let (ended, lastTime) = state.withLock { ($0.ended, $0.lastTime) }
            guard
                resting != nil || isDue && !ended.isEmpty
                    || ContinuousClock.now - lastTime > Handover.shortestInterval
            else { return false }
            do {
                let names = try (ended + [resting].compactMap(\.self)).filter(isStillOurs)
                if !names.isEmpty {
                    count += 1
                    try publish(names, as: "\(task.token)-\(count)")
                }
                state.withLock { state in
                    state.trouble = nil
                    state.ended.removeAll { ended.contains($0) }
                    state.lastTime = .now
                }
                // Whoever claims them from now on finds them in the queue or in the archive.
                for name in ended { letGo(name) }
            } catch {
                let isNew = state.withLock { state in
                    defer { state.trouble = Shell.words(error) }
                    state.lastTime = .now
                    return state.trouble == nil
                }
                if isNew {
                    Output.error.note(
                        "cairn: \(Shell.words(error)); the runs stay in \(own.paths.root) until it works"
                    )
                }
            }
            return true
        }
        if isTime { takeTurn() }
    }

    private func publish(_ names: [String], as entry: String) throws {
        let pieces = state.withLock { state in
            names.compactMap { name in
                state.ids[name].map {
                    IncomingQueue.Piece(run: $0, known: state.known[$0] ?? [])
                }
            }
        }
        let handedOver = try queue.publish(pieces, of: own, as: entry)
        state.withLock { $0.known.merge(handedOver) { $1 } }
    }

    /// Whether no other task has taken a run over, because this one gave no sign of life for long.
    private func isStillOurs(_ name: String) throws -> Bool {
        let claim = state.withLock { $0.claims[name] }
        if try claim?.isStillOurs ?? false { return true }
        common.note("\(name): another task has taken it over; what this one did of it is dropped.")
        return false
    }

    /// Takes in what waits, if no other task does.
    func takeTurn() {
        do {
            try IncomingTurn(queue: queue, task: task, watch: watch, access: access)
                .take { common.note($0) }
        } catch {
            common.note("cairn: \(Shell.words(error)); what waits is taken in later.")
        }
    }

    /// Hands over everything, and removes the task's own archive if that works; answers why it did not.
    func finish() -> String? {
        handOver(isDue: true)
        takeTurn()
        let (trouble, isLeft) = state.withLock { ($0.trouble, !$0.ended.isEmpty) }
        if isLeft { return trouble ?? "unknown" }
        for name in state.withLock({ Array($0.claims.keys) }) { letGo(name) }
        try? FileManager.default.removeItem(atPath: own.paths.root)
        return nil
    }
}
