internal import Checkpoints
internal import Foundation
internal import GRDB
internal import Synchronization
internal import SystemFiles

/// Indexes that a killed program left with a log or a journal where nobody can write: they are read
/// from a copy of this process's own, in which SQLite does what is left to do.
enum PrivateIndexCopy {
    private struct Copy {
        let folder: String
        /// Of which files it is the copy.
        let stamps: [FileStamp?]
    }

    private static let copies = Mutex<[String: Copy]>([:])
    private static let suffixes = ["", "-wal", "-journal"]

    /// Where the copy of the index at a path is; nil where there is none or the index has changed since.
    static func path(of index: String) -> String? {
        copies.withLock { copies in
            guard let copy = copies[index], copy.stamps == stamps(of: index) else { return nil }
            return copy.folder + "/index.sqlite"
        }
    }

    /// Makes a copy of an index with its log or journal, and finishes what they are for.
    static func make(_ paths: ArchivePaths) throws {
        guard path(of: paths.indexFile) == nil else { return }
        let folder =
            FileManager.default.temporaryDirectory.path
            + "/cairn-index-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700])
            removeAtExit(folder)
            let before = stamps(of: paths.indexFile)
            for suffix in suffixes where paths.index(suffix).exists {
                let copy = RootedPath(root: folder, "index.sqlite\(suffix)")
                try Archive.copy(paths.index(suffix), to: copy)
            }
            // Somebody who can write, on another machine, may be doing so.
            guard before == stamps(of: paths.indexFile) else {
                throw ArchiveError(.replacedIndex, file: paths.indexFile)
            }
            try finish(folder + "/index.sqlite")
            copies.withLock {
                $0[paths.indexFile] = Copy(folder: folder, stamps: before)
            }
        } catch let error as ArchiveError where error.code == .replacedIndex {
            throw error
        } catch {
            throw ArchiveError(
                .unusable, file: paths.indexFile,
                cause: "a program died while it changed the index; the archive cannot be written "
                    + "here to undo that, and no copy of it could be made in \(folder) (\(error))",
                advice: "run `cairn ls` once where the archive can be written")
        }
    }

    /// The first look finds the log or the journal and plays it back.
    private static func finish(_ path: String) throws {
        var configuration = Configuration()
        configuration.label = "cairn.index.copy"
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA trusted_schema = OFF") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { db in
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master")
            try db.execute(sql: "PRAGMA journal_mode = DELETE")
        }
        try queue.close()
    }

    /// Copies go with the process.
    private static func removeAtExit(_ folder: String) {
        folders.withLock { folders in
            if folders.isEmpty {
                atexit {
                    PrivateIndexCopy.folders.withLock { folders in
                        for folder in folders {
                            try? FileManager.default.removeItem(atPath: folder)
                        }
                    }
                }
            }
            folders.append(folder)
        }
    }

    private static let folders = Mutex<[String]>([])

    private static func stamps(of index: String) -> [FileStamp?] {
        suffixes.map { FileStamp(index + $0) }
    }
}

/// Tells whether a file is still the one it was, with the bytes it had.
private struct FileStamp: Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let byteCount: Int
    private let seconds: Int
    private let nanoseconds: Int

    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        byteCount = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
