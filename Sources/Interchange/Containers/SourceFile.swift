package import Checkpoints
internal import Foundation

/// A file opened for reading at any offset, or bytes in memory in its place; it closes when the last
/// user goes away.
///
/// Reads are copies (`pread`), not a mapping: a file that shrinks while it is read gives an error
/// and never a signal.
package final class SourceFile: Sendable {
    /// The path as it was given, for messages.
    package let path: String
    package let byteCount: Int
    private let descriptor: Int32
    /// The content, where there is no file.
    private let memory: [UInt8]

    /// Bytes that act as a file of a name.
    package init(memory: [UInt8], path: String) {
        self.path = path
        self.memory = memory
        byteCount = memory.count
        descriptor = -1
    }

    package init(path: String) throws {
        self.path = path
        memory = []
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw UserError.missing(
                subject: path, cause: "it cannot be opened (\(String(cString: strerror(errno))))")
        }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw UserError.missing(subject: path, cause: "it is not a regular file")
        }
        byteCount = Int(information.st_size)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// `count` bytes from `offset` on; throws when the file does not hold them.
    package func read(at offset: Int, count: Int) throws -> [UInt8] {
        try check(offset: offset, count: count)
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try fill(UnsafeMutableRawBufferPointer(buffer), at: offset)
            initialized = count
        }
    }

    /// Fills a buffer with the bytes from `offset` on.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        try check(offset: offset, count: buffer.count)
        try fill(buffer, at: offset)
    }

    private func check(offset: Int, count: Int) throws {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw UserError.unreadable(
                path, "it ends at byte \(byteCount), before the \(count) bytes at \(offset)")
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        guard descriptor >= 0 else {
            memory.withUnsafeBytes {
                buffer.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
            }
            return
        }
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let read = pread(descriptor, base + done, buffer.count - done, off_t(offset + done))
            if read < 0, errno == EINTR { continue }
            guard read > 0 else {
                let cause = read == 0 ? "it became shorter" : String(cString: strerror(errno))
                throw UserError.unreadable(path, "reading at byte \(offset + done): \(cause)")
            }
            done += read
        }
    }
}

extension UserError {
    /// A foreign file that is damaged, or that says something which cannot be true.
    package static func unreadable(
        _ path: String, _ cause: String, advice: String = ""
    )
        -> UserError
    {
        UserError(.failure, subject: path, cause: cause, advice: advice)
    }
}
