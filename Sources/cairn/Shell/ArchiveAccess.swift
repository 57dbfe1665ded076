internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// Opens the archive that the options name.
struct ArchiveAccess {
    private let path: String

    init(_ common: CommonOptions) { path = common.archivePath }

    /// The archive for changes.
    func open(_ options: Archive.Options = Archive.Options()) throws -> Archive {
        try Archive(opening: path, options: options)
    }

    /// The archive for reading alone; the index of an earlier version is brought up to date first.
    func openReadOnly() throws -> Archive {
        try Archive.migrateIndex(at: path)
        return try Archive(opening: path, access: .readOnly)
    }

    /// The archive for changes, made first where there is none.
    func openOrCreate(_ options: Archive.Options = Archive.Options()) throws -> Archive {
        try Archive.openOrCreate(at: path, options: options)
    }

    /// Says where a new run gets the name of others, because the name alone then means none of them.
    static func noteNamesakes(
        of run: RunDescription, in archive: Archive, _ common: CommonOptions
    ) throws {
        let others = try archive.runs(named: run.name).map(\.id).filter { $0 != run.id }
        guard let last = others.last else { return }
        common.note(
            "The archive has \(others.count) \(others.count == 1 ? "run" : "runs") named "
                + "\(run.name) already (\(last)); this one is \(run.id).")
    }

    /// A read-only SQL session on the index.
    func session(_ options: SQLSession.Options = .init()) throws -> SQLSession {
        let archive = try openReadOnly()
        return try SQLSession(
            archive: archive, options: options, interruption: StopSignals.interruption)
    }
}
