internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints

/// An archive of training runs, open for reading.
///
/// ```swift
/// let archive = try ArchiveReader(opening: "archive")
/// let run = try archive.run("demo")
/// let accuracy = try run.curve("test_accuracy")
/// let embedding = try run.trajectory(of: "embedding")      // [checkpoints, vocabulary, width]
/// for row in try archive.rows("SELECT run, weight_decay FROM runs_wide") { print(row[0], row[1]) }
/// ```
///
/// Nothing on disk changes, except that an index which an earlier version made is brought up to
/// date where it can be written. Programs may train into the archive meanwhile. Everything throws
/// ``ArchiveError`` and nothing else. It can be used from any thread.
public final class ArchiveReader: Sendable {
    let archive: Archive

    /// Opens the archive in a folder.
    ///
    /// Throws where there is no archive, where a newer version of Cairn made it, or where its index
    /// is missing or damaged.
    public init(opening path: String) throws(ArchiveError) {
        archive = try ArchiveError.mapping { try Archive.reading(path) }
    }

    /// The archive's folder, as an absolute path.
    public var path: String { archive.paths.root }

    /// All runs, oldest first.
    public func runs() throws(ArchiveError) -> [ArchivedRun] {
        try ArchiveError.mapping { try archive.runs().map { ArchivedRun($0, of: self) } }
    }

    /// The run that an id, a name, or the beginning of an id means.
    ///
    /// A full id wins over a name, and a name over the beginning of an id. Throws where no run is
    /// meant or more than one.
    public func run(_ text: String) throws(ArchiveError) -> ArchivedRun {
        try ArchiveError.mapping { ArchivedRun(try archive.run(matching: text), of: self) }
    }

    /// The rows of one SELECT over the documented views, with Cairn's functions.
    ///
    /// - Parameters:
    ///   - sql: One statement that reads. Values belong into `parameters`, not into the text.
    ///   - parameters: The value of each `:name` of the statement, without the colon.
    ///   - timeLimit: The longest time that the statement may take; nil for no limit.
    /// - Returns: All rows, in the order of the statement.
    /// - Throws: For a statement that SQLite does not understand, that writes, that lacks the value
    ///   of a parameter, or that takes longer than its limit.
    public func rows(
        _ sql: String, parameters: [String: Scalar] = [:], timeLimit: Duration? = nil
    ) throws(ArchiveError) -> Rows {
        try ArchiveError.mapping {
            let work = { @Sendable [archive] in
                let session = try SQLSession(archive: archive, options: .init(timeLimit: timeLimit))
                let cursor = try session.cursor(sql, parameters: parameters.mapValues(\.sql))
                var rows: [[Scalar]] = []
                while let row = try cursor.next() { rows.append(row.map(Scalar.init)) }
                return Rows(columns: cursor.columns, rows: rows)
            }
            guard let timeLimit else { return try work() }
            return try TimedWork.run(within: timeLimit, interruption: Interruption(), work)
        }
    }
}
