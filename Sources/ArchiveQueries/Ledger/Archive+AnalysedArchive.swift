package import CheckpointArchive
package import Checkpoints

extension Archive: AnalysedArchive {
    /// The stored run that an id, a name or the beginning of an id means.
    package func source(of run: String) throws -> any CheckpointSource {
        try self.run(matching: run)
    }
}

extension SQLSession {
    /// Opens a session on an archive, with all functions.
    package convenience init(
        archive: Archive, options: Options = Options(), interruption: Interruption = .init()
    ) throws {
        try self.init(
            index: archive.layout.indexFile, archive: archive, options: options,
            interruption: interruption)
    }
}
