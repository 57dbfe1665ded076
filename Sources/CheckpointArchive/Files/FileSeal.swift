internal import Checkpoints
internal import Foundation
internal import HDF5Files
internal import Synchronization
internal import SystemFiles

/// The bytes behind the end of an HDF5 file that tell whether HDF5's parser may see it.
///
/// The library trusts its input and can crash on damaged bytes. So every file of format 2 ends with
/// a seal, which HDF5 itself ignores: a SHA-256 of everything but the raw values of the tensors,
/// which have digests of their own and are not parsed. All numbers are little-endian:
///
/// - for each extent of raw values, in rising order, its offset and its length (two 64-bit words);
/// - the SHA-256 of the HDF5 bytes outside all extents, these words, and the two words below;
/// - the length of the HDF5 file and the number of extents (two 64-bit words);
/// - the eight characters `CRNSEAL1`.
enum FileSeal {
    static let magic = Array("CRNSEAL1".utf8)
    /// SHA-256, two words, magic.
    private static let footerByteCount = 32 + 16 + 8

    // MARK: - Writing

    /// The bytes to append to an HDF5 file whose bytes are at hand.
    static func seal(of image: [UInt8], extents: [Range<Int>]) -> [UInt8] {
        let extents = merged(extents)
        var outside: [UInt8] = []
        for gap in gaps(extents, image.count) { outside += image[gap] }
        return seal(byteCount: image.count, extents, outside: outside)
    }

    /// Corrects the digest in the seal of a file whose values, but not its structure, were replaced.
    static func recompute(in image: inout [UInt8]) {
        let footerStart = image.count - footerByteCount
        let parts = outside(of: image)
        let digest = image.withUnsafeBytes { bytes in
            Digest { update in
                for part in parts.dropLast() {
                    update(UnsafeRawBufferPointer(rebasing: bytes[part]))
                }
                update(
                    UnsafeRawBufferPointer(
                        rebasing: bytes[(footerStart + 32)..<(footerStart + 48)]))
            }
        }
        image.replaceSubrange(footerStart..<footerStart + 32, with: digest.bytes)
    }

    /// The parts of a file outside its raw values, in their order: the gaps between the extents, the
    /// table of extents, and the footer.
    static func outside(of image: [UInt8]) -> [Range<Int>] {
        let footerStart = image.count - footerByteCount
        let end = contentByteCount(of: image)
        let words = StoredTables.integers(Array(image[end..<footerStart]))
        let extents = stride(from: 0, to: words.count, by: 2).map {
            words[$0]..<words[$0] + words[$0 + 1]
        }
        return gaps(extents, end) + [end..<footerStart, footerStart..<image.count]
    }

    /// The number of bytes before the seal of a file that ends with one.
    static func contentByteCount(of image: [UInt8]) -> Int {
        let counts = image.count - magic.count - 16
        return StoredTables.integers(Array(image[counts..<counts + 8]))[0]
    }

    /// Appends the seal to a finished HDF5 file; the caller syncs it.
    static func append(to path: RootedPath, extents: [Range<Int>]) throws {
        let extents = merged(extents)
        let file = try path.open(.writing)
        let byteCount = try file.byteCount
        let outside = try file.read(gaps(extents, byteCount))
        try file.write(seal(byteCount: byteCount, extents, outside: outside), at: byteCount)
    }

    private static func seal(
        byteCount: Int, _ extents: [Range<Int>], outside: [UInt8]
    ) -> [UInt8] {
        let table = StoredTables.bytes(extents.flatMap { [$0.lowerBound, $0.count] })
        let counts = StoredTables.bytes([byteCount, extents.count])
        let digest = Digest { update in
            for part in [outside, table, counts] { part.withUnsafeBytes(update) }
        }
        return table + digest.bytes + counts + magic
    }

    // MARK: - Opening

    /// Opens a file of an archive for reading, once its seal is found whole.
    ///
    /// Files of format 1 have no seal: those whose checksum is known are compared with it, which
    /// takes reading them whole, and others are opened as they are.
    static func open(_ path: RootedPath, checksum: Data? = nil) throws -> HDF5File {
        let file = try path.open()
        switch try state(of: file) {
        case .whole: return try library(file)
        case .broken:
            throw ArchiveError(
                .damaged, file: path.path, cause: "the file is damaged: its seal does not match")
        case .absent:
            if let checksum, try FileChecksum(of: file).data != checksum {
                throw ArchiveError(.damaged, file: path.path)
            }
            let opened = try library(file)
            if let format = try opened.root().integerAttribute("format"), format > 1 {
                throw ArchiveError(
                    .damaged, file: path.path,
                    cause: "the file is damaged or cut short: it has no seal")
            }
            return opened
        }
    }

    /// Opens a file whatever its seal says; where that is not known to be whole, only a process of
    /// its own may do so.
    static func openUnchecked(_ path: RootedPath) throws -> HDF5File {
        try library(path.open())
    }

    /// What stands behind the HDF5 part of a file.
    enum State: Sendable {
        case whole
        case broken
        case absent
    }

    /// Compares a file with its seal, unless it has not changed since that was done before.
    static func state(of file: OpenFile) throws -> State {
        let status = try file.status()
        if checked.withLock({ $0[file.path] }) == status { return .whole }
        let state = try state(of: file, byteCount: status.byteCount)
        // A file may change again within one tick of the clock of its time stamps.
        if state == .whole, status.secondsSinceChange > 1 {
            checked.withLock { checked in
                if checked.count >= largestCheckedCount { checked.removeAll(keepingCapacity: true) }
                checked[file.path] = status
            }
        }
        return state
    }

    private static func state(of file: OpenFile, byteCount: Int) throws -> State {
        guard byteCount >= footerByteCount else { return .absent }
        let footerStart = byteCount - footerByteCount
        let footer = try file.read([footerStart..<byteCount])
        guard footer.suffix(magic.count) == magic[...] else { return .absent }
        let counts = StoredTables.integers(Array(footer[32..<48]))
        let (hdf5ByteCount, extentCount) = (counts[0], counts[1])
        guard (0...byteCount / 16).contains(extentCount), hdf5ByteCount >= 0,
            hdf5ByteCount == byteCount - footerByteCount - 16 * extentCount
        else { return .broken }
        let table = try file.read([hdf5ByteCount..<footerStart])
        let words = StoredTables.integers(table)
        var extents: [Range<Int>] = []
        var end = 0
        for index in 0..<extentCount {
            let (offset, length) = (words[2 * index], words[2 * index + 1])
            guard offset >= end, offset <= hdf5ByteCount, length > 0,
                length <= hdf5ByteCount - offset
            else { return .broken }
            end = offset + length
            extents.append(offset..<end)
        }
        let outside = try file.read(gaps(extents, hdf5ByteCount))
        let found = seal(byteCount: hdf5ByteCount, extents, outside: outside)
        return found[(16 * extentCount)...] == footer[...] ? .whole : .broken
    }

    // MARK: - Parts

    /// What the files that were found whole were like then, by path.
    private static let checked = Mutex<[String: FileStatus]>([:])
    private static let largestCheckedCount = 4_096

    /// Extents in rising order, neighbours joined.
    private static func merged(_ extents: [Range<Int>]) -> [Range<Int>] {
        var merged: [Range<Int>] = []
        for extent in extents.sorted(by: { $0.lowerBound < $1.lowerBound }) where !extent.isEmpty {
            if let last = merged.last, last.upperBound == extent.lowerBound {
                merged[merged.count - 1] = last.lowerBound..<extent.upperBound
            } else {
                merged.append(extent)
            }
        }
        return merged
    }

    /// What lies between the extents.
    private static func gaps(_ extents: [Range<Int>], _ byteCount: Int) -> [Range<Int>] {
        var gaps: [Range<Int>] = []
        var end = 0
        for extent in extents {
            if extent.lowerBound > end { gaps.append(end..<extent.lowerBound) }
            end = extent.upperBound
        }
        if end < byteCount { gaps.append(end..<byteCount) }
        return gaps
    }

    /// Opens the very file that is open, so that nothing can come into its place in between.
    static func library(_ file: OpenFile) throws -> HDF5File {
        defer { withExtendedLifetime(file) {} }
        return try HDF5File(readingFrom: file.reopeningPath, name: file.path)
    }
}
