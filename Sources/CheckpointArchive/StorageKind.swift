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
        var status = statfs()
        guard statfs(folder, &status) == 0 else { return .network }
        return of(magic: UInt32(truncatingIfNeeded: status.f_type))
    }

    /// The kind that a file system's magic number stands for.
    static func of(magic: UInt32) -> StorageKind { networkMagics[magic] == nil ? .local : .network }

    /// The magic numbers of `statfs(2)` and of the file systems' own documentation.
    static let networkMagics: [UInt32: String] = [
        0x6969: "NFS", 0x517b: "SMB", 0xff53_4d42: "CIFS", 0xfe53_4d42: "SMB2",
        0x6573_5546: "FUSE", 0x5346_414f: "AFS", 0x6b41_4653: "AFS", 0x0bd0_0bd0: "Lustre",
        0x4750_4653: "GPFS", 0x1983_0326: "BeeGFS", 0x00c3_6400: "Ceph", 0x0102_1997: "9P",
        0x7461_636f: "OCFS2", 0x0116_1970: "GFS2", 0xaad7_aaea: "PanFS", 0x7375_7245: "Coda",
        0x2030_528f: "OrangeFS",
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
