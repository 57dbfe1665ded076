internal import Foundation

/// How SQLite is to open a database for reading.
package enum IndexAddress {
    /// The URI that opens a file for reading alone, whatever characters its path has.
    ///
    /// In a folder that cannot be written SQLite cannot make the files it needs beside a database with
    /// a write-ahead log, and neither can it on a full disk. Where nothing is in such a log, the file is
    /// opened as one that does not change; a session that holds it open looks again before each statement,
    /// because a log can come.
    package static func uri(readingFrom path: String) -> String {
        let plain = CharacterSet(
            charactersIn: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        if let copy = PrivateIndexCopy.path(of: path) {
            return "file:\(copy.addingPercentEncoding(withAllowedCharacters: plain) ?? copy)"
                + "?mode=ro&immutable=1"
        }
        let escaped = path.addingPercentEncoding(withAllowedCharacters: plain) ?? path
        return "file:\(escaped)?mode=ro" + (isUnchanging(path) ? "&immutable=1" : "")
    }

    /// The shared memory of a log begins with as many bytes.
    private static let sharedMemoryByteCount: UInt64 = 32 << 10

    private static func hasRoom(_ folder: String) -> Bool {
        var status = statvfs()
        guard statvfs(folder.isEmpty ? "." : folder, &status) == 0 else { return true }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize) >= sharedMemoryByteCount
    }

    /// Whether nobody here can write beside the file, and no log has anything for it.
    static func isUnchanging(_ path: String) -> Bool {
        let folder = (path as NSString).deletingLastPathComponent
        guard access(folder.isEmpty ? "." : folder, W_OK) != 0 || !hasRoom(folder) else {
            return false
        }
        return ["-wal", "-journal"].allSatisfy { suffix in
            var status = stat()
            return stat(path + suffix, &status) != 0 || status.st_size == 0
        }
    }
}
