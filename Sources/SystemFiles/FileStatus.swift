internal import Foundation

/// What the system knows of a file without reading it.
package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable { case regular, folder, link, other }

    package let kind: Kind
    package let identity: FileIdentity
    package let byteCount: Int
    package let linkCount: Int
    /// The user that the file belongs to.
    package let owner: UInt32
    /// When the content, and when anything about it changed: seconds and nanoseconds each.
    package let times: [Int]

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        identity = FileIdentity(status)
        byteCount = Int(status.st_size)
        linkCount = Int(status.st_nlink)
        owner = status.st_uid
        times = [
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
            status.st_ctim.tv_nsec,
        ].map { Int($0) }
    }

    /// Seconds since the content changed.
    package var secondsSinceChange: Double { Date().timeIntervalSince1970 - Double(times[0]) }
}

/// Which file it is, whatever its name.
package struct FileIdentity: Sendable, Equatable {
    private let device: UInt64
    private let number: UInt64

    /// The file at a path; nil where there is none.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    fileprivate init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }
}
