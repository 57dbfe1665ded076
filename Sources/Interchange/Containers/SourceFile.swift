package import Checkpoints
internal import Synchronization
internal import SystemFiles

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
    private let file: Mutex<OpenFile?>
    /// What tells the file from another of its path; nil where the bytes are in memory.
    private let status: FileStatus?
    /// The content, where there is no file.
    private let memory: [UInt8]

    /// Bytes that act as a file of a name.
    package init(memory: [UInt8], path: String) {
        self.path = path
        self.memory = memory
        byteCount = memory.count
        file = Mutex(nil)
        status = nil
    }

    /// Opens a file; one that `staysOpen` may lose its name meanwhile.
    package init(path: String, staysOpen: Bool = false) throws {
        self.path = path
        memory = []
        do {
            let opened = try OpenFile(path)
            let status = try opened.status()
            file = Mutex(opened)
            self.status = status
            byteCount = status.byteCount
        } catch {
            throw UserError.missing(subject: path, cause: error.cause)
        }
        if !staysOpen { OpenFiles.shared.add(self) }
    }

    /// The open file, and whether it had been closed for a while.
    private func opened(
        as status: FileStatus
    ) throws(FileError) -> (file: OpenFile, isNew: Bool)? {
        try file.withLock { file throws(FileError) in
            if let file { return (file, false) }
            let opened = try OpenFile(path)
            let found = try opened.status()
            guard found.identity == status.identity, found.byteCount == status.byteCount else {
                return nil
            }
            file = opened
            return (opened, true)
        }
    }

    /// Closes the file until it is read again, once nobody is reading it.
    fileprivate func closeForNow() { file.withLock { $0 = nil } }

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
        guard let status else {
            return memory.withUnsafeBytes {
                buffer.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
            }
        }
        do {
            guard let (file, isNew) = try opened(as: status) else {
                throw UserError.unreadable(path, "it was replaced while it was read")
            }
            if isNew { OpenFiles.shared.add(self) }
            try file.read(into: buffer, at: offset)
        } catch let error as FileError {
            throw UserError.unreadable(path, error.cause)
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
