internal import Checkpoints
internal import Foundation
internal import Synchronization

/// The rows of a spool on disk; what a full disk does not take waits in memory and comes in order.
///
/// Some room is reserved ahead, so that a disk that large checkpoints fill still takes the lines.
final class RecordRows: Sendable {
    private struct State {
        /// Where the complete rows end.
        var byteCount: Int
        /// The end of the room that is reserved.
        var reservedEnd = 0
        /// Rows that did not go onto the disk, in order.
        var backlog: [UInt8] = []
        var backlogRowCount = 0
        var lostRowCount = 0
    }

    private let descriptor: Int32
    private let state: Mutex<State>

    private static let reservedByteCount = 256 << 10
    private static let largestBacklog = 64 << 20

    /// Opens the file and claims it; `folder` names it in errors.
    init(path: String, folder: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if descriptor >= 0 { close(descriptor) }
            throw UserError(.failure, subject: folder, cause: "another process records this run")
        }
        let rows = try Self.completeRows(SourceFile(path: path))
        state = Mutex(State(byteCount: rows.count))
    }

    /// The rows of a file up to the last line feed; behind it are a cut row, or reserved zeros.
    static func completeRows(_ file: SourceFile) throws -> ArraySlice<UInt8> {
        let bytes = try file.read(at: 0, count: file.byteCount)
        return bytes[..<((bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)]
    }

    deinit { close(descriptor) }

    /// Adds a row after the ones before it.
    func append(_ row: [UInt8]) {
        state.withLock { state in
            drain(&state)
            if state.backlog.isEmpty, write(row, &state) { return }
            // Rows behind a lost one would be counted wrongly.
            guard state.lostRowCount == 0, state.backlog.count + row.count <= Self.largestBacklog
            else {
                state.lostRowCount += 1
                return
            }
            state.backlog += row
            state.backlogRowCount += 1
        }
    }

    /// Writes what waits; answers how many rows the disk has not taken.
    func settle() -> Int {
        state.withLock { state in
            drain(&state)
            return state.backlogRowCount + state.lostRowCount
        }
    }

    private func drain(_ state: inout State) {
        guard !state.backlog.isEmpty, write(state.backlog, &state) else { return }
        state.backlog = []
        state.backlogRowCount = 0
    }

    /// Writes all of it or nothing.
    private func write(_ bytes: [UInt8], _ state: inout State) -> Bool {
        let end = state.byteCount + bytes.count
        if end + Self.reservedByteCount / 2 > state.reservedEnd {
            // Not every file system can; then rows take their chance.
            let target = end + Self.reservedByteCount
            if posix_fallocate(descriptor, state.byteCount, target - state.byteCount) == 0 {
                state.reservedEnd = target
            }
        }
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map {
                    pwrite(descriptor, $0 + done, buffer.count - done, state.byteCount + done)
                } ?? 0
            }
            if written < 0, errno == EINTR { continue }
            // The same bytes come to the same place next time.
            guard written > 0 else { return false }
            done += written
        }
        state.byteCount = end
        return true
    }
}

/// Copies one file, whole or not at all.
enum FileCopy {
    struct Failure: Error {
        let cause: String
    }

    private static let pieceByteCount = 1 << 20

    /// Copies a regular file to a place where there is none.
    static func make(of source: String, at place: String) throws(Failure) {
        // A pipe in its place must not stop the reader.
        let from = open(source, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard from >= 0 else { throw failure("it cannot be read") }
        defer { close(from) }
        var status = stat()
        guard fstat(from, &status) == 0 else { throw failure("it cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(cause: "it is no file, and only files are checkpoints")
        }
        unlink(place)
        let to = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard to >= 0 else { throw failure("it cannot be copied into the spool") }
        defer { close(to) }
        do throws(Failure) {
            try copy(from, to)
        } catch {
            unlink(place)
            throw error
        }
    }

    private static func copy(_ from: Int32, _ to: Int32) throws(Failure) {
        var piece = [UInt8](repeating: 0, count: pieceByteCount)
        while true {
            let count = piece.withUnsafeMutableBytes { read(from, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("it cannot be read") }
            if count == 0 { return }
            var done = 0
            while done < count {
                let written = piece.withUnsafeBytes { buffer in
                    buffer.baseAddress.map { write(to, $0 + done, count - done) } ?? 0
                }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw failure("it cannot be copied into the spool") }
                done += written
            }
        }
    }

    private static func failure(_ what: String) -> Failure {
        Failure(cause: "\(what) (\(String(cString: strerror(errno))))")
    }
}
