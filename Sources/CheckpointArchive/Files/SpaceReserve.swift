internal import Foundation
internal import SystemFiles

/// A file that only takes room, so that there is some for what frees more.
///
/// To remove a run its rows are removed, and SQLite writes before it can shrink: on a full disk nothing
/// could be removed. Commands that free space give the reserve away when there is nothing else left.
struct SpaceReserve {
    static let byteCount = 1 << 20
    /// As long as so little is free, nobody makes a reserve.
    private static let comfortableByteCount = 64 << 20

    private let paths: ArchivePaths
    private var path: RootedPath { paths.path("reserve") }

    init(_ paths: ArchivePaths) { self.paths = paths }

    /// Gives the room away if the disk has less than the reserve.
    func releaseIfFull() {
        guard freeByteCount < SpaceReserve.byteCount else { return }
        try? path.remove()
    }

    /// Takes the room, unless it is taken or scarce; what fails is tried again at the next opening.
    func keep() {
        guard !path.exists, freeByteCount > SpaceReserve.comfortableByteCount else { return }
        do {
            let file = try path.open(.creating)
            // Without the blocks it would hold nothing back.
            guard posix_fallocate(file.descriptor, 0, off_t(SpaceReserve.byteCount)) == 0 else {
                return try path.remove()
            }
        } catch {}
    }

    private var freeByteCount: Int {
        var status = statvfs()
        guard statvfs(paths.root, &status) == 0 else { return .max }
        return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    }
}
