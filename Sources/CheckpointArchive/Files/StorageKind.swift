internal import Foundation

/// What the archive's file system can be trusted with.
package enum StorageKind: String, Sendable {
    /// A disk of this machine: the index uses a write-ahead log, so that readers and a writer do
    /// not wait for each other.
    case local
    /// Shared with other machines, where shared memory and byte-range locks are unreliable: the
    /// index uses a rollback journal, no shared memory and no memory mapping; readers wait while a
    /// writer commits.
    case network

    /// What the file system of an existing folder is.
    ///
    /// `CAIRN_STORAGE=local|network` overrides the answer.
    package static func of(_ folder: String) -> StorageKind {
        let environment = ProcessInfo.processInfo.environment["CAIRN_STORAGE"]
        if let chosen = environment.flatMap(StorageKind.init) { return chosen }
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        let path = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        return fileSystem(of: path, mounts: mounts).map(of(fileSystem:)) ?? .local
    }

    /// The kind that the name of a file system stands for.
    package static func of(fileSystem name: String) -> StorageKind {
        // FUSE may be anything; sshfs and object stores are what people put archives on.
        networkFileSystems.contains(name) || name == "fuse" || name.hasPrefix("fuse.")
            ? .network : .local
    }

    /// The file system whose mount point is the longest beginning of `path`.
    ///
    /// `mounts` is the text of `/proc/self/mountinfo`: the fifth field is the mount point with
    /// spaces written as `\040`, and the name follows a lone hyphen.
    package static func fileSystem(of path: String, mounts: String) -> String? {
        var best: (point: String, name: String)?
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let hyphen = fields.firstIndex(of: "-"),
                hyphen + 1 < fields.endIndex
            else { continue }
            let point = fields[4].replacingOccurrences(of: "\\040", with: " ")
            let isAbove = point == "/" || path == point || path.hasPrefix(point + "/")
            // The last of equal mount points lies on top.
            if isAbove, point.utf8.count >= best?.point.utf8.count ?? 0 {
                best = (point, String(fields[hyphen + 1]))
            }
        }
        return best?.name
    }

    private static let networkFileSystems: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "glusterfs",
        "lustre", "gpfs", "beegfs", "panfs", "wekafs", "orangefs", "pvfs2", "ocfs2", "gfs2", "coda",
    ]

    /// One sentence for people; nil where nothing is out of the ordinary.
    package var note: String? {
        switch self {
        case .local: nil
        case .network:
            "the archive is on a network file system: the index uses a rollback journal, readers "
                + "wait for writers, and one machine should write at a time"
        }
    }
}
