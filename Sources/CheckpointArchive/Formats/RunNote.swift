internal import Checkpoints
internal import Foundation
internal import SystemFiles

/// What a run's folder keeps about how the run came in: one JSON object for each kind of note.
///
/// The object is the first line of the file; the second has its SHA-256. Notes are replaced whole.
package enum RunNote: String, CaseIterable, Sendable {
    /// What was stored of the run's source, what was not, and why.
    case account
    /// How the stored weights compare with the curves that came with them.
    case check
    /// When, where and why training the run failed.
    case failures
    /// Where parts of the run were trained that other libraries or kernels computed than its beginning.
    case places
    /// What an import found, and what became of each part of it.
    case origin

    /// Relative to the run's folder.
    package var path: String { "\(rawValue).jsonl" }

    private struct Seal: Codable {
        var run: String
        var sha256: String
    }

    /// The JSON object in a run's folder; nil where there is none.
    func read(_ paths: ArchivePaths, _ run: String) throws -> String? {
        let file = "runs/\(run)/\(path)"
        let bytes = try ArchiveError.reading(paths.file(run, path)) {
            try paths.file(run, path).readIfPresent()
        }
        guard let bytes else { return nil }
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        guard lines.count == 2,
            let seal = try? JSONDecoder().decode(Seal.self, from: Data(lines[1])), seal.run == run,
            seal.sha256 == Digest(of: Array(lines[0])).description
        else {
            throw ArchiveError(
                .damaged, file: file, cause: "its content does not have the recorded SHA-256")
        }
        return String(decoding: lines[0], as: UTF8.self)
    }

    func write(
        _ json: String, _ paths: ArchivePaths, _ run: String, _ files: DurableFiles
    ) throws {
        precondition(!json.contains("\n"), "a note is one line")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let seal = Seal(run: run, sha256: Digest(of: Array(json.utf8)).description)
        let lines =
            Array(json.utf8) + [UInt8(ascii: "\n")] + Array(try encoder.encode(seal))
            + [UInt8(ascii: "\n")]
        try files.write(lines, to: paths.file(run, path))
    }
}

extension Archive {
    /// Keeps a JSON object of one line as a note of a run, in place of the one before.
    package func keep(_ json: String, as note: RunNote, of run: String) throws {
        try note.write(json, paths, run, files)
    }

    /// The note of a run; nil where there is none.
    package func note(_ note: RunNote, of run: String) throws -> String? {
        try note.read(paths, run)
    }
}
