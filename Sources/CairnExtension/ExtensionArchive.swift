internal import CSQLite
internal import Checkpoints
internal import Foundation

/// Finds the archive that a loaded extension works on.
enum ExtensionArchive {
    struct Place {
        let folder: String
        /// Whether the connection's main file is the archive's own index.
        let isOpenIndex: Bool
    }

    /// The archive of the connection's main file, else the one that `CAIRN_ARCHIVE` names.
    static func find(for connection: OpaquePointer) throws -> Place {
        if let name = sqlite3_db_filename(connection, "main") {
            let file = URL(fileURLWithPath: String(cString: name))
            let folder = file.deletingLastPathComponent().path
            if file.lastPathComponent == "index.sqlite",
                FileManager.default.fileExists(atPath: folder + "/cairn.json")
            {
                return Place(folder: folder, isOpenIndex: true)
            }
        }
        if let folder = ProcessInfo.processInfo.environment["CAIRN_ARCHIVE"] {
            return Place(folder: folder, isOpenIndex: false)
        }
        throw UserError.missing(
            subject: "archive", cause: "the open file is not the index.sqlite of an archive",
            advice: "open ARCHIVE/index.sqlite, or set CAIRN_ARCHIVE")
    }
}
