package import Checkpoints
internal import Foundation
internal import Synchronization

/// A file for reading at any offset, or bytes in memory in its place; it closes when the last user goes
/// away.
///
/// Reads are copies (`pread`), not a mapping: a file that shrinks while it is read gives an error
/// and never a signal. Thousands of files can be at hand at once: those that were not read for long
/// are closed and opened again, and one that is another file by then is an error.
package final class SourceFile: Sendable {
    /// The path as it was given, for messages.
    package let path: String
    package let byteCount: Int
    private let descriptor: Mutex<Int32>
    private let identity: Identity?
    /// The content, where there is no file.
    private let memory: [UInt8]

    /// Bytes that act as a file of a name.
    package init(memory: [UInt8], path: String) {
        self.path = path
        self.memory = memory
        byteCount = memory.count
        descriptor = Mutex(-1)
        identity = nil
    }

    /// What tells a file from another of its path.
    private struct Identity: Equatable {
        let device: UInt64
        let number: UInt64
        let byteCount: Int

        init(_ information: stat) {
            device = UInt64(information.st_dev)
            number = UInt64(information.st_ino)
            byteCount = Int(information.st_size)
        }
    }

    /// Opens a file; one that `staysOpen` may lose its name meanwhile.
    package init(path: String, staysOpen: Bool = false) throws {
        self.path = path
        memory = []
        let (number, information) = try Self.opened(path)
        descriptor = Mutex(number)
        byteCount = Int(information.st_size)
        identity = Identity(information)
        if !staysOpen { OpenFiles.shared.add(self) }
    }

    deinit {
        descriptor.withLock { if $0 >= 0 { close($0) } }
    }

    private static func opened(_ path: String) throws -> (Int32, stat) {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else {
            throw UserError.missing(
                subject: path, cause: "it cannot be opened (\(String(cString: strerror(errno))))")
        }
        var information = stat()
        guard fstat(number, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(number)
            throw UserError.missing(subject: path, cause: "it is not a regular file")
        }
        return (number, information)
    }

    /// Opens the file again; whether it had been closed.
    private func reopen() throws -> Bool {
        try descriptor.withLock { number in
            guard number < 0 else { return false }
            let (opened, information) = try Self.opened(path)
            guard Identity(information) == identity else {
                close(opened)
                throw UserError.unreadable(path, "it was replaced while it was read")
            }
            number = opened
            return true
        }
    }

    /// Closes the file until it is read again, unless it is being read.
    fileprivate func closeForNow() {
        descriptor.withLockIfAvailable { number in
            if number >= 0 { close(number) }
            number = -1
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
        guard identity != nil else {
            memory.withUnsafeBytes {
                buffer.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
            }
            return
        }
        if try reopen() { OpenFiles.shared.add(self) }
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let read = descriptor.withLock { number in
                pread(number, base + done, buffer.count - done, off_t(offset + done))
            }
            if read < 0, errno == EINTR { continue }
            if read < 0, errno == EBADF, try reopen() {
                OpenFiles.shared.add(self)
                continue
            }
            guard read > 0 else {
                let cause = read == 0 ? "it became shorter" : String(cString: strerror(errno))
                throw UserError.unreadable(path, "reading at byte \(offset + done): \(cause)")
            }
            done += read
        }
    }
}

/// The source files that are open, the one that was opened last at the end.
private final class OpenFiles: Sendable {
    static let shared = OpenFiles()
    /// Far below what a process may have open.
    private static let largestCount = 128

    private struct Weak: Sendable {
        weak var file: SourceFile?
    }

    private let files = Mutex<[Weak]>([])

    func add(_ file: SourceFile) {
        let oldest: [SourceFile] = files.withLock { files in
            files.append(Weak(file: file))
            guard files.count > Self.largestCount else { return [] }
            files.removeAll { $0.file == nil }
            let surplus = files.prefix(max(0, files.count - Self.largestCount))
            files.removeFirst(surplus.count)
            return surplus.compactMap(\.file)
        }
        for file in oldest { file.closeForNow() }
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
