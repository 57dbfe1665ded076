internal import Checkpoints
internal import Foundation
internal import Synchronization
internal import SystemFiles

/// A claim on a run that its archive knows of for as long as it lives.
///
/// Should the index be replaced meanwhile, bringing it up to date takes in the files of claimed runs,
/// as of those that nobody has claimed. Files of runs that others have claimed are left to them.
final class RunClaim: Sendable {
    private let lock: FileLock
    private let registry: Registry
    private let run: String

    /// The runs that an archive has claimed, and whether it adds to them or only rearranges them.
    final class Registry: Sendable {
        fileprivate let runs = Mutex<[String: Bool]>([:])

        /// Whether the archive adds checkpoints to a run; nil for a run that it has not claimed.
        func isGrowing(_ run: String) -> Bool? { runs.withLock { $0[run] } }
    }

    init(_ lock: FileLock, on run: String, isGrowing: Bool, _ registry: Registry) {
        self.lock = lock
        self.registry = registry
        self.run = run
        registry.runs.withLock { $0[run] = isGrowing }
    }

    // The lock goes after this has run.
    deinit { registry.runs.withLock { $0[run] = nil } }
}

extension Archive {
    /// The claim on a run, or who is writing it.
    func claim(_ run: RunDescription, isGrowing: Bool = false) throws -> RunClaim {
        let lock = try FileLock.claim(paths.runLock(run.id), toWrite: run)
        return RunClaim(lock, on: run.id, isGrowing: isGrowing, claims)
    }

    /// The claim on a run for work that others wait for, or who is writing it.
    func claimForTidying(_ run: String, subject: String, advice: String) throws -> RunClaim {
        let lock = try FileLock.claim(
            paths.runLock(run), for: .tidying, subject: subject, advice: advice)
        return RunClaim(lock, on: run, isGrowing: false, claims)
    }

    /// The claim on a run for work that others wait for; nil when somebody else has it.
    func attemptTidying(_ run: String) throws -> RunClaim? {
        try FileLock.attempt(paths.runLock(run), for: .tidying).map {
            RunClaim($0, on: run, isGrowing: false, claims)
        }
    }
}

extension FileLock {
    /// The claim on the file of a run, or who is writing it.
    static func claim(_ path: RootedPath, toWrite run: RunDescription) throws -> FileLock {
        try claim(
            path, for: .writing, subject: "run \(run.name) (\(run.id))",
            advice: "wait until it ends, or stop it")
    }
}
