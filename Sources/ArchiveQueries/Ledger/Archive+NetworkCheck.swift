package import CheckpointArchive
internal import Checkpoints
internal import Foundation

extension Archive {
    /// Compares a run's last weights with its curves and keeps the result with the run; nil where
    /// its task or network is not known.
    @discardableResult
    package func checkNetwork(of run: String) throws -> NetworkCheck? {
        let stored = try self.run(matching: run)
        let check = try NetworkCheck.make(
            of: stored, threadCount: ProcessInfo.processInfo.activeProcessorCount)
        if let check { try keep(check.json, as: .check, of: stored.id) }
        return check
    }

    /// The kept comparison of a run's weights with its curves; nil where there is none.
    package func networkCheck(of run: String) throws -> NetworkCheck? {
        try note(.check, of: run).map(NetworkCheck.init(json:))
    }
}
