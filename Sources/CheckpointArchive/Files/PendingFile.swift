internal import Dispatch
internal import Foundation
internal import Synchronization
internal import SystemFiles

/// A file on its way to a name that no other file has.
///
/// Other work goes on while the disk is busy: `start` makes the disk begin with what was written,
/// `settle` makes the file durable on another thread, and `wait` returns once it is.
///
/// A spare file that is written again is synced, then renamed, then its folder is synced. A new
/// file on a disk of this machine gets its name while its bytes are on their way, and then file and
/// folder are synced at the same moment: a journalling file system needs one commit for both, and
/// writes the bytes of a new file before it commits the name. Where one does not, a power cut
/// before `wait` returns can leave a file that its seal shows as incomplete.
final class PendingFile: Sendable {
    private let files: DurableFiles
    private let path: RootedPath
    private let temporary: RootedPath
    private let file: OpenFile
    /// Whether the file has all its blocks already.
    private let isSpare: Bool
    private let settling = DispatchGroup()
    private let outcome = Mutex<Result<Void, any Error>?>(nil)

    /// A file for exactly this many bytes.
    init(_ files: DurableFiles, at path: RootedPath, byteCount: Int) throws {
        try files.reach(.createTemporary)
        self.files = files
        self.path = path
        if let spare = files.spares.take(byteCount: byteCount) {
            (temporary, file) = spare
            isSpare = true
        } else {
            temporary = files.temporaryPath()
            file = try temporary.open(.creating)
            isSpare = false
        }
    }

    deinit {
        let isPlaced = outcome.withLock { if case .success = $0 { true } else { false } }
        if !isPlaced { try? temporary.remove() }
    }

    /// Writes parts of the file's bytes to their places in the file.
    func write(_ bytes: [UInt8], _ parts: [Range<Int>]) throws {
        guard !parts.isEmpty else { return }
        try files.reach(.write)
        try bytes.withUnsafeBytes { buffer in
            for part in parts {
                try file.write(
                    UnsafeRawBufferPointer(rebasing: buffer[part]), at: part.lowerBound)
            }
        }
    }

    /// Makes the disk begin with what was written, without waiting for it.
    func start() {
        #if os(Linux)
        // A hint cannot fail.
        if files.storage == .local { _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED) }
        #endif
    }

    /// Begins to make the file durable under its name; `wait` tells the outcome.
    func settle() {
        DispatchQueue.global().async(group: settling) { [self] in
            let result = Result { try settleHere() }
            outcome.withLock { $0 = result }
        }
    }

    /// Returns once the file is durable under its name.
    func wait() throws {
        settling.wait()
        guard let result = outcome.withLock({ $0 }) else {
            preconditionFailure("a file is settled before it is waited for")
        }
        try result.get()
    }

    private func settleHere() throws {
        try files.reach(.syncFile)
        if isSpare || files.storage != .local {
            if isSpare { try file.syncData() } else { try file.sync() }
            return try files.move(temporary, to: path)
        }
        try files.reach(.rename)
        try temporary.rename(to: path)
        do {
            try files.reach(.syncFolder)
            try syncWithFolder()
        } catch {
            // It is not known what of it is on the disk.
            try? path.remove()
            throw error
        }
    }

    /// Syncs the file and the folder it is in at the same moment.
    private func syncWithFolder() throws {
        let group = DispatchGroup()
        let failure = Mutex<(any Error)?>(nil)
        DispatchQueue.global().async(group: group) { [path] in
            do {
                try path.parent.syncFolder()
            } catch {
                failure.withLock { $0 = error }
            }
        }
        let synced = Result { try file.sync() }
        group.wait()
        try synced.get()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
