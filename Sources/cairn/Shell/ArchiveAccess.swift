internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange

/// Opens the archive that the options name.
struct ArchiveAccess {
    private let path: String

    init(_ common: CommonOptions) { path = common.archivePath }

    /// The archive for changes.
    func open(_ options: Archive.Options = Archive.Options()) throws -> Archive {
        try Archive(opening: path, options: readingReferences(options))
    }

    /// The archive for removing things, which a full disk must not keep from it.
    func openToFreeSpace() throws -> Archive {
        var options = Archive.Options()
        options.freesSpace = true
        return try open(options)
    }

    /// The archive for reading alone; the index of an earlier version is brought up to date first.
    func openReadOnly() throws -> Archive {
        try Archive.reading(path, options: readingReferences(Archive.Options()))
    }

    /// The archive for changes, made first where there is none.
    func openOrCreate(_ options: Archive.Options = Archive.Options()) throws -> Archive {
        try Archive.openOrCreate(at: path, options: readingReferences(options))
    }

    /// The options with a reader for arrays that lie outside the archive, and the way to the terminal.
    private func readingReferences(_ options: Archive.Options) -> Archive.Options {
        var options = options
        options.readReference = { try $0.read() }
        options.warn = { Output.error.note("cairn: \($0)") }
        return options
    }

    /// The arrays of a digest that the archive knows; empty where there is no archive yet.
    func data(_ digest: Digest) throws -> [Tensor] {
        Archive.isArchive(path) ? try openReadOnly().data(digest) : []
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
