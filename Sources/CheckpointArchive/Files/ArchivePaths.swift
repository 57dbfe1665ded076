internal import Checkpoints
package import SystemFiles

/// Where things lie inside an archive's folder.
///
/// They are opened by these paths alone: nothing that lies outside is reached through them, however
/// a name from a file or from the index reads and whatever links there are.
package struct ArchivePaths: Sendable, Equatable {
    /// The archive's folder, absolute.
    package let root: String

    /// The index, for SQLite, which opens it by its path.
    package var indexFile: String { "\(root)/index.sqlite" }

    /// The index, or a file that SQLite keeps beside it.
    func index(_ suffix: String) -> RootedPath { path("index.sqlite\(suffix)") }

    var formatFile: RootedPath { path("cairn.json") }
    /// Claimed by the process that writes to the index.
    var indexLock: RootedPath { path("index.lock") }
    package var runsFolder: RootedPath { path("runs") }
    /// Files that are being written.
    package var temporaryFolder: RootedPath { path("temporary") }
    /// What `gc` removed and `repair` set aside, until it is purged.
    package var trashFolder: RootedPath { path("trash") }
    package var quarantineFolder: RootedPath { path("quarantine") }

    /// Arrays that runs learn from.
    var dataFolder: RootedPath { path("data") }
    func dataFile(_ digest: Digest) -> RootedPath { dataFolder.appending("\(digest).h5") }
    /// Says where arrays lie that are not kept here.
    func dataReferenceFile(_ digest: Digest) -> RootedPath {
        dataFolder.appending("\(digest).json")
    }

    package func runFolder(_ run: String) -> RootedPath { path("runs/\(run)") }
    package func runFile(_ run: String) -> RootedPath { file(run, "run.h5") }
    /// Claimed by the process that writes the run.
    func runLock(_ run: String) -> RootedPath { file(run, "lock") }
    /// A file of a run, by its path inside the run's folder.
    package func file(_ run: String, _ path: String) -> RootedPath {
        self.path("runs/\(run)/\(path)")
    }

    /// Shows all packs of a run as one, inside its folder.
    static let packedView = "packed.h5"

    /// Anything in the archive, by its path inside the archive's folder.
    package func path(_ path: String) -> RootedPath { RootedPath(root: root, path) }

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

    /// Whether a file of weights or of optimiser state has the name of what it holds.
    ///
    /// Packs that were written anew have a count behind their steps.
    static func isName(_ path: String, ofSteps first: Int, _ last: Int) -> Bool {
        if path == loosePath(first) || path == optimizerPath(first) { return first == last }
        let name = packPath(first, last).dropLast(3)
        guard path.hasPrefix(name), path.hasSuffix(".h5") else { return false }
        let rest = path.dropFirst(name.count).dropLast(3)
        return rest.isEmpty || (rest.hasPrefix("-") && Int(rest.dropFirst()) != nil)
    }

    /// The count in the name of a run's end: later ends at one step have higher ones.
    static func endCount(_ path: String) -> Int {
        let parts = path.dropLast(3).split(separator: "-")
        return parts.count == 3 ? Int(parts[2]) ?? 0 : 0
    }

    private static func digits(_ step: Int) -> String {
        let text = String(step)
        return String(repeating: "0", count: max(0, 9 - text.count)) + text
    }
}
