package import Checkpoints
internal import SystemFiles

/// A file opened for reading at any offset, or bytes in memory in its place; it closes when the last
/// user goes away.
///
/// Reads are copies (`pread`), not a mapping: a file that shrinks while it is read gives an error
/// and never a signal.
package final class SourceFile: Sendable {
    /// The path as it was given, for messages.
    package let path: String
    package let byteCount: Int
    private let file: OpenFile?
    /// The content, where there is no file.
    private let memory: [UInt8]

    /// Bytes that act as a file of a name.
    package init(memory: [UInt8], path: String) {
        self.path = path
        self.memory = memory
        byteCount = memory.count
        file = nil
    }

    package init(path: String) throws {
        self.path = path
        memory = []
        do {
            let file = try OpenFile(path)
            self.file = file
            byteCount = try file.byteCount
        } catch {
            throw UserError.missing(subject: path, cause: error.cause)
        }
    }

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
        if let file {
            do {
                return try file.read(into: buffer, at: offset)
            } catch {
                throw UserError.unreadable(path, error.cause)
            }
        }
        memory.withUnsafeBytes {
            buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
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
