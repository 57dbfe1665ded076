internal import Checkpoints
internal import Foundation
internal import Synchronization
internal import SystemFiles

/// The moments of a write at which a crash or an error must do no harm, in their order.
///
/// Tests stop or fail a write at each of them.
package enum WriteStep: String, Sendable, CaseIterable {
    case createTemporary
    case write
    case syncFile
    case rename
    case syncFolder
    case beginIndex
    case changeIndex
    case commitIndex
}

/// Called before each step of a write; throwing makes the step fail (for tests).
package typealias WriteHook = @Sendable (WriteStep) throws -> Void

/// Puts whole files into an archive so that they are either complete or absent.
///
/// A file is written in the archive's `temporary` folder, synced, renamed to its place, and the
/// folder of that place is synced. All temporary files lie in one folder so that what a crash left
/// there is found without walking the archive.
struct DurableFiles: Sendable {
    let temporaryFolder: RootedPath
    let storage: StorageKind
    let hook: WriteHook?
    let spares = SpareFiles()

    private static let counter = Atomic<Int>(0)
    private static let hostName = ProcessInfo.processInfo.hostName.filter { $0 != "-" && $0 != "/" }

    /// Writes a new file; an existing file of this name is replaced.
    func write(_ bytes: [UInt8], to path: RootedPath) throws {
        let temporary = temporaryPath()
        do {
            try reach(.createTemporary)
            let file = try temporary.open(.creating)
            try reach(.write)
            try file.write(bytes)
            try reach(.syncFile)
            try file.sync()
            try move(temporary, to: path)
        } catch {
            try? temporary.remove()
            throw error
        }
    }

    /// Takes files that nobody needs out of their places for good; their blocks may be kept for later
    /// new files.
    ///
    /// A power cut brings a name back that was taken away without a sync: beside a run that has ended
    /// nobody would look for it, and with its blocks written again it would have other bytes.
    func retire(_ paths: [RootedPath]) throws {
        let moved = paths.compactMap { path -> RootedPath? in
            let temporary = temporaryPath()
            if storage == .local, (try? path.rename(to: temporary)) != nil { return temporary }
            try? path.remove()
            return nil
        }
        do {
            for folder in Set(paths.map(\.parent)) { try folder.syncFolder() }
        } catch {
            for path in moved { try? path.remove() }
            throw error
        }
        for path in moved { spares.keep(path) }
    }

    /// Lets `make` write a new file at a temporary path; an existing file of this name is replaced.
    func write<Result>(
        to path: RootedPath, making make: (RootedPath) throws -> Result
    ) throws -> Result {
        let temporary = temporaryPath()
        do {
            try reach(.createTemporary)
            try reach(.write)
            let result = try make(temporary)
            try reach(.syncFile)
            try temporary.open().sync()
            try move(temporary, to: path)
            return result
        } catch {
            try? temporary.remove()
            throw error
        }
    }

    /// Moves a finished temporary file or folder to its place and syncs the folder of that place.
    func move(_ temporary: RootedPath, to path: RootedPath) throws {
        try reach(.rename)
        try temporary.rename(to: path)
        try reach(.syncFolder)
        try path.parent.syncFolder()
    }

    /// Moves finished temporary folders, whose files are not synced yet, to their places in one folder.
    func move(
        _ moves: [(temporary: RootedPath, target: RootedPath)], into folder: RootedPath
    ) throws {
        guard !moves.isEmpty else { return }
        try reach(.syncFile)
        try SyncedTrees.sync(moves.map(\.temporary))
        try reach(.rename)
        for (temporary, target) in moves { try temporary.rename(to: target) }
        try reach(.syncFolder)
        try folder.syncFolder()
    }

    /// A path in the temporary folder that no other process uses.
    func temporaryPath() -> RootedPath {
        let number = DurableFiles.counter.add(1, ordering: .relaxed).newValue
        return temporaryFolder.appending("\(getpid())-\(number)-\(DurableFiles.hostName).part")
    }

    /// Removes what processes that no longer live left in the temporary folder.
    ///
    /// Files of other hosts are left for a day, because their processes cannot be asked.
    func sweep() {
        for entry in (try? temporaryFolder.names()) ?? [] where entry.hasSuffix(".part") {
            let parts = entry.dropLast(5).split(separator: "-", maxSplits: 2)
            guard parts.count == 3, let process = pid_t(parts[0]) else { continue }
            let path = temporaryFolder.appending(entry)
            let isAbandoned: Bool
            if parts[2] == DurableFiles.hostName {
                isAbandoned = process != getpid() && kill(process, 0) != 0 && errno == ESRCH
            } else {
                isAbandoned = (try? path.status())?.secondsSinceChange ?? 0 > 86_400
            }
            if isAbandoned { try? path.removeTree() }
        }
    }

    func reach(_ step: WriteStep) throws { try hook?(step) }
}
