internal import Checkpoints
internal import SystemFiles

extension Archive {
    /// The claim on a run, or who is writing it.
    func claim(_ run: RunDescription) throws -> FileLock {
        try FileLock.claim(paths.runLock(run.id), toWrite: run)
    }

    /// The claim on a run for work that others wait for, or who is writing it.
    func claimForTidying(_ run: String, subject: String, advice: String) throws -> FileLock {
        try FileLock.claim(paths.runLock(run), for: .tidying, subject: subject, advice: advice)
    }

    /// The claim on a run for work that others wait for; nil when another process has it.
    func attemptTidying(_ run: String) throws -> FileLock? {
        try FileLock.attempt(paths.runLock(run), for: .tidying)
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
