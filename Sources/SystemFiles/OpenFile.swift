internal import Foundation
internal import Synchronization

/// A regular file that is open; it closes when nobody holds it any more.
///
/// Bytes are read and written at positions that each call names. Calls that a signal interrupts are
/// repeated and those that do a part go on, here and nowhere else. What is not a regular file is
/// refused before anything is read from it: a pipe would block and a device could do anything.
package final class OpenFile: Sendable {
    /// What a file is opened for.
    package enum Access: Sendable {
        case reading
        /// Reading and writing what is there.
        case writing
        /// Reading and writing a file that must not exist yet.
        case creating
        /// Reading and writing a file that may exist.
        case creatingIfMissing

        var flags: Int32 {
            // Without waiting for the other end of a pipe.
            let all = O_NONBLOCK | O_CLOEXEC
            return switch self {
            case .reading: all | O_RDONLY
            case .writing: all | O_RDWR
            case .creating: all | O_RDWR | O_CREAT | O_EXCL
            case .creatingIfMissing: all | O_RDWR | O_CREAT
            }
        }
    }

    /// The path it was opened at, for messages.
    package let path: String
    package let descriptor: Int32
    private let isClosed = Atomic<Bool>(false)

    /// Takes over an open descriptor, or closes it where it is not a regular file.
    init(owning descriptor: Int32, path: String) throws(FileError) {
        self.path = path
        self.descriptor = descriptor
        guard try status().kind == .regular else { throw FileError("open", path, .notRegular) }
    }

    /// Opens a file wherever it is; links are followed.
    package convenience init(_ path: String, _ access: Access = .reading) throws(FileError) {
        let descriptor = OpenFile.opening { open(path, access.flags, 0o666) }
        guard descriptor >= 0 else {
            throw errno == ENXIO
                ? FileError("open", path, .notRegular) : FileError.last("open", path)
        }
        try self.init(owning: descriptor, path: path)
    }

    deinit { if !isClosed.load(ordering: .relaxed) { Foundation.close(descriptor) } }

    /// Closes the file, which nothing uses after this; some file systems tell only here of a write
    /// that failed.
    package func close() throws(FileError) {
        precondition(!isClosed.exchange(true, ordering: .relaxed), "a file is closed once")
        guard Foundation.close(descriptor) == 0 else { throw FileError.last("write", path) }
    }

    /// Repeats a call that opens a file while a signal interrupts it, or while another process has a
    /// lease on the file for a moment.
    static func opening(_ call: () -> Int32) -> Int32 {
        for _ in 0..<500 {
            let descriptor = call()
            guard descriptor < 0, errno == EINTR || errno == EWOULDBLOCK else { return descriptor }
            if errno == EWOULDBLOCK { usleep(2_000) }
        }
        return call()
    }

    package func status() throws(FileError) -> FileStatus {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError.last("read", path) }
        return FileStatus(status)
    }

    package var byteCount: Int { get throws(FileError) { try status().byteCount } }

    /// A path by which a library opens this very file, whatever has come to its name meanwhile.
    package var reopeningPath: String {
        let path = "/proc/self/fd/\(descriptor)"
        return access(path, F_OK) == 0 ? path : self.path
    }

    // MARK: - Reading

    /// Fills memory with the bytes from a position on; a file that ends before is an error.
    package func read(
        into bytes: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(FileError) {
        var filled = 0
        while filled < bytes.count {
            let count = pread(
                descriptor, bytes.baseAddress?.advanced(by: filled), bytes.count - filled,
                off_t(offset + filled))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError.last("read", path) }
            // A file can become shorter meanwhile.
            guard count > 0 else { throw FileError("read", path, .short) }
            filled += count
        }
    }

    /// The bytes of some ranges, one after the other.
    package func read(_ ranges: [Range<Int>]) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let total = ranges.reduce(0) { $0 + $1.count }
        let bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, filled in
            do throws(FileError) {
                for range in ranges {
                    let part = UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[
                            filled..<filled + range.count])
                    try read(into: part, at: range.lowerBound)
                    filled += range.count
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// All bytes.
    package func read() throws(FileError) -> [UInt8] { try read([0..<byteCount]) }

    /// Hands over the file piece by piece, in memory that is used again.
    package func forEachPiece(
        ofAtMost pieceByteCount: Int,
        _ body: (_ offset: Int, _ piece: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: pieceByteCount, alignment: 64)
        defer { memory.deallocate() }
        let byteCount = try byteCount
        for offset in stride(from: 0, to: byteCount, by: pieceByteCount) {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: memory[..<min(pieceByteCount, byteCount - offset)])
            try read(into: piece, at: offset)
            try body(offset, UnsafeRawBufferPointer(piece))
        }
    }

    // MARK: - Writing

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done,
                off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileError.last("write", path) }
            done += count
        }
    }

    package func write(_ bytes: [UInt8], at offset: Int = 0) throws(FileError) {
        let result = bytes.withUnsafeBytes { bytes -> Result<Void, FileError> in
            do throws(FileError) {
                return .success(try write(bytes, at: offset))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    package func truncate(to byteCount: Int) throws(FileError) {
        while ftruncate(descriptor, off_t(byteCount)) != 0 {
            guard errno == EINTR else { throw FileError.last("write", path) }
        }
    }

    /// Makes what was written survive a power cut.
    package func sync() throws(FileError) {
        guard ScratchFolders.hold(path) || fsync(descriptor) == 0 else {
            throw FileError.last("sync", path)
        }
    }

    /// Makes the bytes survive a power cut, and of what the system knows about the file only what
    /// reading them needs.
    package func syncData() throws(FileError) {
        guard ScratchFolders.hold(path) || fdatasync(descriptor) == 0 else {
            throw FileError.last("sync", path)
        }
    }

    // MARK: - Claims

    /// Whether the file system knows locks on ranges of bytes, which SQLite needs.
    ///
    /// Where it does not, SQLite takes each refusal for another program that holds the lock, and waits.
    /// Nobody else may hold such locks on the file in this process: they go with any descriptor of it.
    package var canLockRanges: Bool {
        var range = flock()
        range.l_type = Int16(F_RDLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_len = 1
        return fcntl(descriptor, F_SETLK, &range) == 0 || (errno != ENOLCK && errno != ENOTSUP)
    }

    /// Claims the file for as long as it is open; false when another has it.
    ///
    /// The corresponding C function is `flock`.
    package func claim() throws(FileError) -> Bool {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK { return false }
            throw FileError.last("lock", path)
        }
        return true
    }
}
