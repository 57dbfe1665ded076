/// One file of `queries/`: a question to an archive, answered in SQL.
package struct SavedQuery: Sendable {
    /// The name of the file without its extension.
    package let name: String
    package let sql: String

    /// Every file of `queries/`, by name.
    package static let all: [SavedQuery] = [
        SavedQuery("runs", PackageResources.runs_sql)
    ].sorted { $0.name < $1.name }

    private init(_ name: String, _ bytes: [UInt8]) {
        self.name = name
        sql = ArchiveSchema.text(bytes)
    }
}
