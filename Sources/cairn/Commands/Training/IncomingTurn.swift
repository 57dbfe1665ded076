internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// Takes in what waits beside a shared archive, one task at a time.
struct IncomingTurn {
    let queue: IncomingQueue
    let task: TaskMark
    let watch: TaskWatch
    let access: ArchiveAccess

    /// Takes in all that waits unless another task is at it; answers what came in.
    ///
    /// `note` is told what cannot be taken in, which stays where it is.
    @discardableResult
    func take(note: (String) -> Void) throws -> Archive.MergeReport {
        var report = Archive.MergeReport()
        var failed: Set<String> = []
        // Once more after giving the turn back: another task may have come in vain meanwhile.
        while try hasWork(without: failed) {
            guard
                case .ours(let claim) = try SharedClaim.attempt(
                    IncomingQueue.turn, in: queue, for: task, watch)
            else { break }
            defer { claim.release() }
            let archive = try access.open()
            try queue.salvage(watch, token: task.token, note: note)
            for entry in try queue.entries() where !failed.contains(entry) {
                do {
                    try archive.takeIn(entry, of: queue, into: &report) {
                        (try? claim.isStillOurs) ?? false
                    }
                } catch {
                    failed.insert(entry)
                    note("\(queue.folderPath)/\(entry): \(Shell.words(error))")
                }
            }
        }
        for (run, explanation) in report.conflicts {
            note("run \(run) is kept apart in \(queue.folderPath): \(explanation)")
        }
        return report
    }

    private func hasWork(without failed: Set<String>) throws -> Bool {
        try queue.entries().contains { !failed.contains($0) } || queue.hasRemains(watch)
    }
}
