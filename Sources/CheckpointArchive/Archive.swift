package import Checkpoints
internal import Foundation
internal import Synchronization
internal import SystemFiles

/// A folder of training runs: checkpoints in HDF5 files, indexed in SQLite.
///
/// A checkpoint that was acknowledged is never lost: its file is complete and synced before the
/// index knows of it, and files are never changed afterwards. The index is a cache of the files.
package final class Archive: Sendable {
    /// What the archive is opened for.
    package enum Access: Sendable {
        /// Nothing on disk changes.
        case readOnly
        /// Runs can be written; what crashed processes left behind is cleared up.
        case readWrite
    }

    /// How new files are written.
    package struct Options: Sendable {
        /// Deflate level of the weights, 1 to 9; nil stores them plainly, which reads fastest.
        package var deflateLevel: Int?
        /// Loose checkpoints that make the writer pack them; nil never packs by itself.
        package var looseLimit: Int?
        /// Whether the writer goes on saving while it packs; what fails surfaces at the next call.
        package var packsBesideSaving: Bool
        /// Whether it is opened to free space, for which a full disk must be no hindrance.
        package var freesSpace = false
        /// Called at each step of a write, to fail or stop it there (for tests).
        package var hook: WriteHook?
        /// Reads arrays that the archive only knows the place of.
        package var readReference: (@Sendable (DataReference) throws -> [Tensor])?
        /// Takes a sentence about what does not end the work; they go to standard error.
        package var warn: @Sendable (String) -> Void = {
            FileHandle.standardError.write(Data("cairn: \($0)\n".utf8))
        }

        package init(
            deflateLevel: Int? = nil, looseLimit: Int? = 64, packsBesideSaving: Bool = true,
            hook: WriteHook? = nil,
            readReference: (@Sendable (DataReference) throws -> [Tensor])? = nil
        ) {
            self.deflateLevel = deflateLevel
            self.looseLimit = looseLimit
            self.packsBesideSaving = packsBesideSaving
            self.hook = hook
            self.readReference = readReference
        }
    }

    package let paths: ArchivePaths
    package let access: Access
    package let options: Options
    let index: ArchiveIndex
    let files: DurableFiles
    private let lookUps = Mutex<IndexConnection?>(nil)

    /// Opens an existing archive.
    package convenience init(
        opening path: String, access: Access = .readWrite, options: Options = Options()
    ) throws {
        let paths = ArchivePaths(root: Archive.absolute(path))
        try ArchiveFormat.check(paths)
        try self.init(paths: paths, access: access, creatingIndex: false, options: options)
        if access == .readWrite {
            files.sweep()
            try ArchiveFormat.upgrade(paths, files)
            try finishInterruptedWork()
        }
    }

    /// Whether there is an archive at this path, whatever its state.
    package static func isArchive(_ path: String) -> Bool {
        ArchivePaths(root: absolute(path)).formatFile.exists
    }

    /// Opens an existing archive for reading alone; an index that an earlier version of Cairn made is
    /// brought up to date first, where it can be written.
    package static func reading(
        _ path: String, options: Options = Options()
    ) throws -> Archive {
        do {
            return try Archive(opening: path, access: .readOnly, options: options)
        } catch let outdated as ArchiveError where outdated.code == .outdatedIndex {
            let paths = ArchivePaths(root: absolute(path))
            guard Foundation.access(paths.root, W_OK) == 0,
                Foundation.access(paths.indexFile, W_OK) == 0
            else { throw outdated }
            try ArchiveIndex(paths: paths, isWritable: true, creating: false, hook: nil).close()
            return try Archive(opening: path, access: .readOnly, options: options)
        }
    }

    /// Makes a new archive in a folder that is empty or does not exist.
    package static func create(at path: String, options: Options = Options()) throws -> Archive {
        let paths = ArchivePaths(root: absolute(path))
        if paths.formatFile.exists {
            throw ArchiveError(
                .taken, file: paths.root, cause: "there is an archive already",
                advice: "use it as it is, or name another folder")
        }
        return try openOrCreate(at: path, options: options)
    }

    /// Makes or opens an archive of this process alone, whose content need not outlast a power cut.
    package static func scratch(at path: String, options: Options = Options()) throws -> Archive {
        ScratchFolders.add(absolute(path))
        return try openOrCreate(at: path, options: options)
    }

    /// Opens the archive of this folder for writing and makes it first where there is none.
    ///
    /// Several processes may do so at the same moment.
    package static func openOrCreate(
        at path: String, options: Options = Options()
    ) throws
        -> Archive
    {
        let paths = ArchivePaths(root: absolute(path))
        try ArchiveFormat.requireReachable(paths)
        if !paths.formatFile.exists {
            try prepareFolder(paths)
            let files = DurableFiles(
                temporaryFolder: paths.temporaryFolder, storage: StorageKind.of(paths.root),
                hook: options.hook)
            try paths.temporaryFolder.makeFolder()
            try paths.runsFolder.makeFolder()
            _ = try ArchiveIndex(
                paths: paths, isWritable: true, creating: true, hook: options.hook)
            // The mark of an archive comes last: what stands before it can be made again.
            try files.write(try ArchiveFormat.json(), to: paths.formatFile)
        }
        return try Archive(opening: path, options: options)
    }

    init(
        paths: ArchivePaths, access: Access, creatingIndex: Bool, options: Options
    ) throws {
        self.paths = paths
        self.access = access
        self.options = options
        if access == .readWrite, options.freesSpace { SpaceReserve(paths).releaseIfFull() }
        index = try ArchiveIndex(
            paths: paths, isWritable: access == .readWrite, creating: creatingIndex,
            hook: options.hook)
        files = DurableFiles(
            temporaryFolder: paths.temporaryFolder, storage: index.storage, hook: options.hook)
        // Copying an archive with git or some synchronisers leaves out empty folders.
        if access == .readWrite {
            try paths.temporaryFolder.makeFolder()
            SpaceReserve(paths).keep()
        }
    }

    deinit {
        // Should it be gone, and not the whole archive, the next opening says so.
        if paths.formatFile.exists { _ = hasIndex }
        // The writing connection goes last, because it alone can fold the log into the database.
        lookUps.withLock { try? $0?.close() }
        index.close()
    }

    /// A connection of its own, so that runs can be looked up from inside a running query.
    func lookUpConnection() throws -> IndexConnection {
        try lookUps.withLock { connection in
            if let connection { return connection }
            let opened = try ArchiveIndex.openReader(paths)
            connection = opened
            return opened
        }
    }

    /// What the archive's file system can be trusted with.
    package var storage: StorageKind { index.storage }

    /// A sink that stores one run, each checkpoint durable when `save` returns.
    package func writer() -> RunWriter { RunWriter(archive: self) }

    static func absolute(_ path: String) -> String {
        let url = URL(fileURLWithPath: (path as NSString).expandingTildeInPath)
        return url.standardizedFileURL.path
    }

    /// Makes the folder, or refuses one that holds something else.
    private static func prepareFolder(_ paths: ArchivePaths) throws {
        var isFolder: ObjCBool = false
        let manager = FileManager.default
        if manager.fileExists(atPath: paths.root, isDirectory: &isFolder) {
            guard isFolder.boolValue else {
                throw ArchiveError(
                    .unusable, file: paths.root, cause: "it is a file, not an archive folder",
                    advice: "name a folder with --archive")
            }
            // Left over from a creation that was cut short, or going on in another process.
            let ours = ["index.sqlite", "index.lock", "runs", "temporary"]
            let foreign = try manager.contentsOfDirectory(atPath: paths.root).filter { entry in
                !ours.contains { entry.hasPrefix($0) } && entry != "cairn.json"
            }
            guard foreign.isEmpty else {
                throw ArchiveError(
                    .taken, file: paths.root,
                    cause: "the folder holds other things (\(foreign.sorted()[0])) and no archive",
                    advice: "name an empty or new folder")
            }
        } else {
            do {
                try makeFolder(paths.root)
            } catch {
                throw ArchiveError(
                    .unusable, file: paths.root, cause: "the folder cannot be made",
                    advice: "check the path and its permissions", underlying: error)
            }
        }
    }

    /// Makes a folder and those above it that are missing, so that they outlast a power cut.
    private static func makeFolder(_ path: String) throws {
        let parent = (path as NSString).deletingLastPathComponent
        if !FileManager.default.fileExists(atPath: parent) { try makeFolder(parent) }
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
        } catch let error as CocoaError where error.code == .fileWriteFileExists {
            // Another process makes the archive at the same moment.
        }
        try RootedPath(root: parent).syncFolder()
    }
}
