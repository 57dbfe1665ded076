internal import Checkpoints
internal import Foundation

/// A whole run as a folder that people and other programs can read, and that comes back unchanged.
package enum RunFolder {
    static func read(_ path: String, options: ImportOptions) throws -> ImportedRun? { nil }
}
