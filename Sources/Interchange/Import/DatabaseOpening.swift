package import Checkpoints

/// How SQLite databases of other programs are read: the caller decides, because this module knows
/// nothing of SQLite.
package struct DatabaseOpening: Sendable {
    /// Visits the rows of a plain table with these columns; false where the file has no such table.
    package typealias Visit =
        @Sendable (
            _ path: String, _ table: String, _ columns: [String],
            _ row: (_ values: [ScalarValue]) throws -> Void
        ) throws -> Bool

    let visit: Visit

    package init(_ visit: @escaping Visit) { self.visit = visit }

    /// Refuses every database.
    package static let refused = DatabaseOpening { path, _, _, _ in
        throw UserError.unreadable(path, "databases cannot be read here")
    }

    /// Whether a file begins as SQLite's do.
    static func isDatabase(_ path: String) -> Bool {
        let head = Array("SQLite format 3\0".utf8)
        guard let file = try? SourceFile(path: path), file.byteCount >= head.count else {
            return false
        }
        return (try? file.read(at: 0, count: head.count)) == head
    }
}
