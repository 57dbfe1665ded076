internal import Foundation
internal import Synchronization

/// Files that are no longer needed, kept to be written again instead of making new ones.
///
/// A file that has its blocks already is durable after one write of its bytes, where a new one
/// also needs blocks and the file system's record of them. Spare files lie in the archive's
/// temporary folder; what a killed process leaves there is cleared up like other temporary files.
final class SpareFiles: Sendable {
    private struct Spare {
        let path: String
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

    /// Takes a file that nobody needs out of its place: keeps it under `temporary` for a later file
    /// of its size, or removes it.
    func retire(_ path: String, as temporary: String) {
        guard rename(path, temporary) == 0, let byteCount = SpareFiles.byteCount(temporary),
            spares.withLock({ spares in
                let kept = spares.reduce(0) { $0 + $1.byteCount }
                guard kept + byteCount <= SpareFiles.largestByteCount else { return false }
                spares.append(Spare(path: temporary, byteCount: byteCount))
                return true
            })
        else {
            unlink(temporary)
            unlink(path)
            return
        }
    }

    /// A spare file of exactly this many bytes, open for writing; nil if there is none.
    func take(byteCount: Int) -> (path: String, descriptor: Int32)? {
        let spare = spares.withLock { spares in
            spares.firstIndex { $0.byteCount == byteCount }.map { spares.remove(at: $0) }
        }
        guard let spare else { return nil }
        let descriptor = open(spare.path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            unlink(spare.path)
            return nil
        }
        // Someone may have given it a second name meanwhile, as backups by hard links do.
        guard SpareFiles.isOurs(descriptor, byteCount) else {
            unlink(spare.path)
            close(descriptor)
            return nil
        }
        return (spare.path, descriptor)
    }

    /// Removes all spare files.
    func removeAll() {
        let all = spares.withLock { spares in
            defer { spares = [] }
            return spares
        }
        for spare in all { unlink(spare.path) }
    }

    /// The size of a file that can be written again without anybody noticing; nil where another
    /// program or a mapping still reads it, where it has a second name, or where the system does
    /// not tell.
    private static func byteCount(_ path: String) -> Int? {
        #if os(Linux)
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, isOurs(descriptor, Int(status.st_size)) else {
            return nil
        }
        // The system grants a lease for writing only on a file that nobody else has open. Should
        // someone open it in the moment until it is given back, the notice is one that is ignored.
        guard fcntl(descriptor, SpareFiles.setSignal, SIGURG) == 0,
            fcntl(descriptor, SpareFiles.setLease, Int32(F_WRLCK)) == 0
        else { return nil }
        guard fcntl(descriptor, SpareFiles.setLease, Int32(F_UNLCK)) == 0 else { return nil }
        return Int(status.st_size)
        #else
        return nil
        #endif
    }

    private static func isOurs(_ descriptor: Int32, _ byteCount: Int) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && status.st_nlink == 1 && Int(status.st_size) == byteCount
    }
}
