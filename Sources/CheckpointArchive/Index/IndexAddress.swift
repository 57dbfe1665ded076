internal import Foundation

/// How SQLite is to open a database for reading.
package enum IndexAddress {
    /// The URI that opens a file for reading alone, whatever characters its path has.
    ///
    /// In a folder that cannot be written SQLite cannot make the files it needs beside a database with
    /// a write-ahead log. Where nothing is in such a log, the file is opened as one that does not
    /// change; whoever holds it open asks again before each statement, because a log can come.
    package static func uri(readingFrom path: String) -> String {
        let plain = CharacterSet(
            charactersIn: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        let escaped = path.addingPercentEncoding(withAllowedCharacters: plain) ?? path
        return "file:\(escaped)?mode=ro" + (isUnchanging(path) ? "&immutable=1" : "")
    }

    /// Whether nobody here can write beside the file, and no log has anything for it.
    static func isUnchanging(_ path: String) -> Bool {
        let folder = (path as NSString).deletingLastPathComponent
        guard access(folder.isEmpty ? "." : folder, W_OK) != 0 else { return false }
        return ["-wal", "-journal"].allSatisfy { suffix in
            var status = stat()
            return stat(path + suffix, &status) != 0 || status.st_size == 0
        }
    }
}
