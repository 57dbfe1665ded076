internal import Checkpoints
internal import Foundation
internal import HDF5Files
internal import SystemFiles

/// The version of what lies on disk, apart from the index, which has its own.
enum ArchiveFormat {
    /// Format 1 has files without a seal; in format 2 every HDF5 file ends with one (`FileSeal`).
    static let current = 2

    private struct Description: Codable {
        var format: Int
        var about: String?
    }

    /// The content of a new archive's `cairn.json`.
    static func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return Array(
            try encoder.encode(
                Description(
                    format: current,
                    about: "A Cairn archive: training runs as HDF5 files under runs/, indexed by "
                        + "index.sqlite, which `cairn reindex` can rebuild.")))
    }

    /// SQLite opens files with paths of at most 511 bytes; its journal has the longest name.
    private static let longestPath = 511

    /// Refuses a folder so deep that SQLite could not open the index in it.
    static func requireReachable(_ paths: ArchivePaths) throws {
        let byteCount = "\(paths.indexFile)-journal".utf8.count
        guard byteCount <= longestPath else {
            throw ArchiveError(
                .unusable, file: "the archive ….\(paths.root.suffix(40))",
                cause: "its path has \(paths.root.utf8.count) bytes, of which SQLite can open "
                    + "\(longestPath - byteCount + paths.root.utf8.count)",
                advice: "use a folder with a shorter path, or a symbolic link to this one")
        }
    }

    /// Refuses a folder that is not an archive or that a newer Cairn made.
    static func check(_ paths: ArchivePaths) throws {
        try requireReachable(paths)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: paths.root, isDirectory: &isFolder) else {
            throw ArchiveError(
                .notFound, file: paths.root, cause: "there is no archive here",
                advice: "run `cairn init` to make one, or name another with --archive")
        }
        guard isFolder.boolValue else {
            throw ArchiveError(
                .unusable, file: paths.root, cause: "it is a file, not an archive folder",
                advice: "name a folder with --archive")
        }
        guard let bytes = try paths.formatFile.readIfPresent() else {
            throw ArchiveError(
                .unusable, file: paths.root,
                cause: "it is not a Cairn archive: it has no cairn.json",
                advice: "run `cairn init` in a new folder, or name another with --archive")
        }
        guard let description = try? JSONDecoder().decode(Description.self, from: Data(bytes))
        else {
            throw ArchiveError(
                .damaged, file: paths.formatFile.absolute,
                cause: "it is not the JSON that Cairn writes",
                advice: "restore it: {\"format\": \(current)}")
        }
        guard description.format >= 1 else {
            throw ArchiveError(
                .damaged, file: paths.formatFile.absolute,
                cause: "it names the format \(description.format)",
                advice: "restore it: {\"format\": \(current)}")
        }
        guard description.format <= current else {
            throw ArchiveError(
                .unusable, file: paths.root,
                cause: "it was made by a newer Cairn (format \(description.format), this one "
                    + "knows \(current))",
                advice: "use that version, or a different archive")
        }
    }

    /// Marks an archive that an earlier Cairn made, so that it is refused there from now on.
    ///
    /// Its files stay as they are; new ones are written in the format of this version.
    static func upgrade(_ paths: ArchivePaths, _ files: DurableFiles) throws {
        guard let bytes = try? paths.formatFile.read(),
            let description = try? JSONDecoder().decode(Description.self, from: Data(bytes)),
            description.format < current
        else { return }
        try files.write(try json(), to: paths.formatFile)
    }

    /// Refuses a file that a newer Cairn made.
    static func check(_ root: borrowing HDF5Group, _ file: String) throws {
        guard let format = try root.integerAttribute("format"), (1...current).contains(format)
        else {
            throw ArchiveError(
                .damaged, file: file,
                cause: "its format is unknown to this version of Cairn")
        }
    }
}
