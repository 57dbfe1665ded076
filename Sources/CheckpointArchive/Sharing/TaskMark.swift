internal import Checkpoints
internal import Dispatch
internal import Foundation
internal import Synchronization
internal import SystemFiles

/// Stands for this process where processes of other machines look: a file beside the archive that is
/// written anew every few seconds for as long as the process lives.
package final class TaskMark: Sendable {
    /// Names the process: its machine, its number, and digits that no other process has.
    package let token: String
    private let path: RootedPath
    private let ended = DispatchSemaphore(value: 0)

    /// Seconds between two signs of life.
    private static let interval = 10

    package init(_ queue: IncomingQueue) throws {
        var generator = SystemRandomNumberGenerator()
        let digits = RunDescription.randomID(using: &generator)
        token = "\(TaskMark.hostName)-\(getpid())-\(digits)"
        path = queue.tasksFolder.appending(token)
        let file = try path.open(.creating)
        try file.write(Array("0\n".utf8))
        let thread = Thread { [ended] in
            var count = 0
            while ended.wait(timeout: .now() + .seconds(TaskMark.interval)) == .timedOut {
                count += 1
                // Should the disk be away for a while, the next one is a sign as well.
                try? file.write(Array("\(count)\n".utf8))
            }
        }
        thread.name = "signs of life"
        thread.start()
    }

    deinit {
        ended.signal()
        try? path.remove()
    }

    static let hostName = ProcessInfo.processInfo.hostName.filter { $0 != "-" && $0 != "/" }

    /// The machine and the process that a token names.
    static func origin(_ token: String) -> (host: String, process: pid_t)? {
        let parts = token.split(separator: "-")
        guard parts.count == 3, let process = pid_t(parts[1]) else { return nil }
        return (String(parts[0]), process)
    }
}

/// Tells whether tasks live, without trusting any clock but this machine's own running one.
///
/// A task is dead when its mark is gone, when it is of this machine and its process is no more, or when
/// its mark has stayed the same for as long as `lease` while this watch looked at it.
package final class TaskWatch: Sendable {
    private let tasksFolder: RootedPath
    private let lease: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let seen = Mutex<[String: (sign: [UInt8], since: ContinuousClock.Instant)]>([:])

    /// Longer than any pause of a disk or a network that tasks come back from.
    package static let usualLease = Duration.seconds(90)

    package init(
        _ queue: IncomingQueue, lease: Duration = TaskWatch.usualLease,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        tasksFolder = queue.tasksFolder
        self.lease = lease
        self.now = now
    }

    package enum Life: Sendable { case alive, unknown, dead }

    package func isAlive(_ token: String) -> Bool { life(of: token) != .dead }

    /// Unknown is a task of another machine that has been looked at for less than the lease.
    package func life(of token: String) -> Life {
        let sign: [UInt8]
        do throws(FileError) {
            // An empty token is that of a claim whose owner has not written its name yet.
            let read = token.isEmpty ? [] : try tasksFolder.appending(token).readIfPresent()
            guard let read else { return .dead }
            sign = read
        } catch {
            return .unknown
        }
        if let origin = TaskMark.origin(token), origin.host == TaskMark.hostName {
            return kill(origin.process, 0) != 0 && errno == ESRCH ? .dead : .alive
        }
        let now = now()
        return seen.withLock { seen in
            guard let before = seen[token] else {
                seen[token] = (sign, now)
                return .unknown
            }
            if before.sign != sign {
                seen[token] = (sign, now)
                return .alive
            }
            return now - before.since < lease ? .unknown : .dead
        }
    }
}
