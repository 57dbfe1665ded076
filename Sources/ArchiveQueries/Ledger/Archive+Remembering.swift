package import CheckpointArchive
internal import GRDB

extension Archive {
    /// Stores results that a query came to compute, through a second opening where this one is for reading alone.
    func remember(_ body: (Database) throws -> Void) throws {
        guard access == .readOnly else { return try write(body) }
        try Archive(opening: paths.root, options: options).write(body)
    }
}

extension SQLSession {
    /// Opens a session on an archive, with all functions.
    package convenience init(
        archive: Archive, options: Options = Options(), interruption: Interruption = .init()
    ) throws {
        try self.init(
            index: archive.paths.indexFile, archive: archive, options: options,
            interruption: interruption)
    }

    /// The id of the one run that a person means by a text; without an archive the text itself.
    package func runID(matching text: String) throws -> String {
        try archive?.runID(matching: text) ?? text
    }
}
