internal import Foundation
internal import Synchronization
internal import SystemFiles

/// Files that are no longer needed, kept to be written again instead of making new ones.
///
/// A file that has its blocks already is durable after one write of its bytes, where a new one
/// also needs blocks and the file system's record of them. Spare files lie in the archive's
/// temporary folder; what a killed process leaves there is cleared up like other temporary files.
final class SpareFiles: Sendable {
    private struct Spare {
        let path: RootedPath
        let byteCount: Int
    }

    /// The oldest first.
    private let spares = Mutex<[Spare]>([])
    /// The bytes that all spare files together may take.
    private static let largestByteCount = 64 << 20

    /// `F_SETSIG` and `F_SETLEASE` of <fcntl.h>, which the C library shows to GNU sources only.
    private static let setSignal: Int32 = 10
    private static let setLease: Int32 = 1_024

    deinit { removeAll() }

    /// Keeps a temporary file that nobody needs for a later file of its size, or removes it.
    func keep(_ path: RootedPath) {
        guard let byteCount = SpareFiles.byteCount(path),
            spares.withLock({ spares in
                let kept = spares.reduce(0) { $0 + $1.byteCount }
                guard kept + byteCount <= SpareFiles.largestByteCount else { return false }
                spares.append(Spare(path: path, byteCount: byteCount))
                return true
            })
        else {
            try? path.remove()
            return
        }
    }

    /// A spare file of exactly this many bytes, open for writing; nil if there is none.
    func take(byteCount: Int) -> (path: RootedPath, file: OpenFile)? {
        let spare = spares.withLock { spares in
            spares.firstIndex { $0.byteCount == byteCount }.map { spares.remove(at: $0) }
        }
        guard let spare else { return nil }
        // Someone may have given it a second name meanwhile, as backups by hard links do.
        guard let file = try? spare.path.open(.writing), SpareFiles.isOurs(file, byteCount) else {
            try? spare.path.remove()
            return nil
        }
        return (spare.path, file)
    }

    /// Removes all spare files.
    func removeAll() {
        let all = spares.withLock { spares in
            defer { spares = [] }
            return spares
        }
        for spare in all { try? spare.path.remove() }
    }

    /// The size of a file that can be written again without anybody noticing; nil where another
    /// program or a mapping still reads it, where it has a second name, or where the system does
    /// not tell.
    private static func byteCount(_ path: RootedPath) -> Int? {
        #if os(Linux)
        guard let file = try? path.open(.writing), let byteCount = try? file.byteCount,
            isOurs(file, byteCount)
        else { return nil }
        let descriptor = file.descriptor
        // The system grants a lease for writing only on a file that nobody else has open. Should
        // someone open it in the moment until it is given back, the notice is one that is ignored.
        guard fcntl(descriptor, SpareFiles.setSignal, SIGURG) == 0,
            fcntl(descriptor, SpareFiles.setLease, Int32(F_WRLCK)) == 0
        else { return nil }
        guard fcntl(descriptor, SpareFiles.setLease, Int32(F_UNLCK)) == 0 else { return nil }
        return byteCount
        #else
        return nil
        #endif
    }

    private static func isOurs(_ file: OpenFile, _ byteCount: Int) -> Bool {
        let status = try? file.status()
        return status?.linkCount == 1 && status?.byteCount == byteCount
    }
}
