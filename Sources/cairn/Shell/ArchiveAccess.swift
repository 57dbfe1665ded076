internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// Opens the archive that the options name.
struct ArchiveAccess {
    private let path: String

    init(_ common: CommonOptions) { path = common.archivePath }

    /// A read-only SQL session on the index.
    func session(_ options: SQLSession.Options = .init()) throws -> SQLSession {
        try SQLSession(
            index: path + "/index.sqlite", options: options,
            interruption: StopSignals.interruption)
    }
}
