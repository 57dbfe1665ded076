internal import Checkpoints
internal import Foundation

/// Where things lie inside an archive's folder.
package struct ArchivePaths: Sendable, Equatable {
    /// The archive's folder, absolute.
    package let root: String

    package var formatFile: String { "\(root)/cairn.json" }
    package var indexFile: String { "\(root)/index.sqlite" }
    /// Claimed by whoever writes to the index.
    var indexLock: String { "\(root)/index.lock" }
    package var runsFolder: String { "\(root)/runs" }
    /// Files that are being written.
    package var temporaryFolder: String { "\(root)/temporary" }
    /// What `gc` removed and `repair` set aside, until it is purged.
    package var trashFolder: String { "\(root)/trash" }
    package var quarantineFolder: String { "\(root)/quarantine" }

    /// Arrays that runs learn from.
    var dataFolder: String { "\(root)/data" }
    func dataFile(_ digest: Digest) -> String { "\(dataFolder)/\(digest).h5" }
    /// Says where arrays lie that are not kept here.
    func dataReferenceFile(_ digest: Digest) -> String { "\(dataFolder)/\(digest).json" }

    package func runFolder(_ run: String) -> String { "\(runsFolder)/\(run)" }
    package func runFile(_ run: String) -> String { "\(runFolder(run))/run.h5" }
    /// Claimed by the process that writes the run.
    func runLock(_ run: String) -> String { "\(runFolder(run))/lock" }
    /// A file of a run, by its path inside the run's folder.
    package func file(_ run: String, _ path: String) -> String { "\(runFolder(run))/\(path)" }

    /// `loose/000000100.h5`; nine digits, or more where they are needed, so that names sort.
    package static func loosePath(_ step: Int) -> String { "loose/\(digits(step)).h5" }
    package static func optimizerPath(_ step: Int) -> String { "optimizer/\(digits(step)).h5" }
    package static func packPath(_ first: Int, _ last: Int) -> String {
        "pack-\(digits(first))-\(digits(last)).h5"
    }
    /// The end of a run, told apart by a count where a run ended more than once at one step.
    package static func endPath(_ step: Int, _ count: Int) -> String {
        count == 0 ? "end-\(digits(step)).h5" : "end-\(digits(step))-\(count).h5"
    }

    private static func digits(_ step: Int) -> String {
        let text = String(step)
        return String(repeating: "0", count: max(0, 9 - text.count)) + text
    }
}
