internal import Foundation

/// A path below a folder that may come from a stranger.
///
/// Whatever is done at such a path stays below its root: each folder on the way is opened from the
/// one before and no link is followed, so that neither a link nor `..` in a name that was read
/// somewhere leads out of it. The root itself may be a link.
package struct RootedPath: Sendable, Hashable {
    package let root: String
    /// Below the root; empty for the root itself.
    package let path: String

    package init(root: String, _ path: String = "") {
        self.root = root
        self.path = path
    }

    package var absolute: String { path.isEmpty ? root : "\(root)/\(path)" }

    /// The last part of the path.
    package var name: String { path.split(separator: "/").last.map(String.init) ?? "" }

    package var parent: RootedPath {
        RootedPath(root: root, path.split(separator: "/").dropLast().joined(separator: "/"))
    }

    package func appending(_ part: String) -> RootedPath {
        RootedPath(root: root, path.isEmpty ? part : "\(path)/\(part)")
    }

    // MARK: - Files

    /// Opens the regular file at this path.
    package func open(_ access: OpenFile.Access = .reading) throws(FileError) -> OpenFile {
        try inParent(access == .creating ? "create" : "open") { folder, name throws(FileError) in
            let descriptor = OpenFile.opening {
                openat(folder, name, access.flags | O_NOFOLLOW, 0o666)
            }
            guard descriptor >= 0 else {
                throw failure(access == .creating ? "create" : "open", folder, name)
            }
            return try OpenFile(owning: descriptor, path: absolute)
        }
    }

    /// All bytes of the file at this path.
    package func read() throws(FileError) -> [UInt8] { try open().read() }

    /// All bytes of the file at this path; nil where there is none.
    package func readIfPresent() throws(FileError) -> [UInt8]? {
        do {
            return try read()
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    /// What is at this path, a link being a link; nil where there is nothing.
    package func status() throws(FileError) -> FileStatus? {
        do {
            return try inParent("read") { folder, name throws(FileError) in
                guard let status = RootedPath.status(folder, name) else {
                    throw FileError.last("read", absolute)
                }
                return FileStatus(status)
            }
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    /// Whether anything is there, a link too; what lies behind a link is not.
    package var exists: Bool { (try? status()) ?? nil != nil }

    /// The size of the regular file at this path.
    package func fileByteCount() throws(FileError) -> Int {
        guard let status = try status() else { throw FileError("read", absolute, .code(ENOENT)) }
        guard status.kind == .regular else { throw FileError("read", absolute, .notRegular) }
        return status.byteCount
    }

    /// Refuses anything but a regular file in this place, or nothing: for libraries that open files
    /// by their paths.
    package func requireRegularIfPresent() throws(FileError) {
        guard let status = try status() else { return }
        if status.kind == .link { throw FileError("open", absolute, .link) }
        guard status.kind == .regular else { throw FileError("open", absolute, .notRegular) }
    }

    /// Gives what is here another path below the same root, in place of what is there.
    package func rename(to target: RootedPath) throws(FileError) {
        try inParent("rename") { folder, name throws(FileError) in
            try target.inParent("rename into place") { targetFolder, targetName throws(FileError) in
                guard renameat(folder, name, targetFolder, targetName) == 0 else {
                    throw FileError.last("rename into place", target.absolute)
                }
            }
        }
    }

    package func remove() throws(FileError) {
        try inParent("remove") { folder, name throws(FileError) in
            guard unlinkat(folder, name, 0) == 0 else { throw FileError.last("remove", absolute) }
        }
    }

    // MARK: - Folders

    /// Makes a folder unless there is one, and syncs the one it is in unless that is left for later.
    package func makeFolder(syncing: Bool = true) throws(FileError) {
        try inParent("create folder") { folder, name throws(FileError) in
            if mkdirat(folder, name, 0o777) != 0 {
                guard errno == EEXIST else { throw FileError.last("create folder", absolute) }
                guard let status = RootedPath.status(folder, name).map(FileStatus.init) else {
                    throw FileError.last("create folder", absolute)
                }
                if status.kind == .link { throw FileError("create folder", absolute, .link) }
                guard status.kind == .folder else {
                    throw FileError("create folder", absolute, .notFolder)
                }
            }
            if syncing { try RootedPath.sync(folder, parent.absolute) }
        }
    }

    /// The names in the folder, sorted; none where there is no folder.
    package func names() throws(FileError) -> [String] {
        do {
            return try inFolder("read") { folder throws(FileError) in
                // It is closed with the list.
                let copy = fcntl(folder, F_DUPFD_CLOEXEC, 0)
                guard copy >= 0, let list = fdopendir(copy) else {
                    if copy >= 0 { close(copy) }
                    throw FileError.last("read", absolute)
                }
                defer { closedir(list) }
                rewinddir(list)
                var names: [String] = []
                while let entry = readdir(list) {
                    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                    }
                    if name != ".", name != ".." { names.append(name) }
                }
                return names.sorted()
            }
        } catch {
            guard error.isMissing else { throw error }
            return []
        }
    }

    /// Makes the names in this folder survive a power cut.
    package func syncFolder() throws(FileError) {
        try inFolder("sync") { folder throws(FileError) in
            try RootedPath.sync(folder, absolute)
        }
    }

    package func removeFolder() throws(FileError) {
        try inParent("remove") { folder, name throws(FileError) in
            guard unlinkat(folder, name, AT_REMOVEDIR) == 0 else {
                throw FileError.last("remove", absolute)
            }
        }
    }

    /// Removes a file, or a folder with everything in it; links go, what they point to stays.
    package func removeTree() throws(FileError) {
        guard try status()?.kind == .folder else { return try remove() }
        for name in try names() { try appending(name).removeTree() }
        try removeFolder()
    }

    // MARK: - The way

    /// Runs `body` with the folder that this path is in, open, and the last part of the path.
    private func inParent<Value>(
        _ action: String, _ body: (_ folder: Int32, _ name: String) throws(FileError) -> Value
    ) throws(FileError) -> Value {
        let name = name
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(0) else {
            throw FileError(action, absolute, .outside)
        }
        return try parent.inFolder(action) { folder throws(FileError) in try body(folder, name) }
    }

    /// Runs `body` with the folder at this path, open.
    private func inFolder<Value>(
        _ action: String, _ body: (_ folder: Int32) throws(FileError) -> Value
    ) throws(FileError) -> Value {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        var folder = OpenFile.opening { Foundation.open(root, flags) }
        guard folder >= 0 else { throw FileError.last(action, root) }
        defer { close(folder) }
        for part in path.split(separator: "/") {
            guard part != ".", part != "..", !part.utf8.contains(0) else {
                throw FileError(action, absolute, .outside)
            }
            let next = OpenFile.opening { openat(folder, String(part), flags | O_NOFOLLOW) }
            guard next >= 0 else { throw failure(action, folder, String(part)) }
            close(folder)
            folder = next
        }
        return try body(folder)
    }

    /// Why the call to the system before failed, looking at what is there.
    private func failure(_ action: String, _ folder: Int32, _ name: String) -> FileError {
        let code = errno
        guard let status = RootedPath.status(folder, name).map(FileStatus.init) else {
            return FileError(action, absolute, .code(code))
        }
        if status.kind == .link { return FileError(action, absolute, .link) }
        switch code {
        case ENOTDIR: return FileError(action, absolute, .notFolder)
        case ENXIO, EISDIR: return FileError(action, absolute, .notRegular)
        default: return FileError(action, absolute, .code(code))
        }
    }

    private static func status(_ folder: Int32, _ name: String) -> stat? {
        var status = stat()
        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    private static func sync(_ folder: Int32, _ path: String) throws(FileError) {
        if ScratchFolders.hold(path) { return }
        // Some network file systems cannot sync folders and say so; renames are synchronous there.
        guard fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw FileError.last("sync", path)
        }
    }
}
