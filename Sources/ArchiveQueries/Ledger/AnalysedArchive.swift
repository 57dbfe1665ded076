package import Checkpoints
package import GRDB

/// What functions and analyses need of an archive: its index, and its runs by their full id.
///
/// Nothing is read from a source inside `read` or `write`: the index is never held across HDF5.
package protocol AnalysedArchive: AnyObject, Sendable {
    /// The id of the one run that a person means by a text.
    func runID(matching text: String) throws -> String
    /// The stored run of this id.
    func source(of run: String) throws -> any CheckpointSource
    /// Reads the index.
    func read<Value>(_ body: (Database) throws -> Value) throws -> Value
    /// Changes the index in one immediate transaction, undone when the body throws.
    func write<Value>(_ body: (Database) throws -> Value) throws -> Value
    /// Stores results that a query came to compute, although the query only reads.
    func remember(_ body: (Database) throws -> Void) throws
}
