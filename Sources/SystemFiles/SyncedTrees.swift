internal import Dispatch
internal import Foundation
internal import Synchronization

/// Makes many files survive a power cut.
package enum SyncedTrees {
    /// A file system that is asked by several at once writes its journal once for all of them.
    private static let threadCount = 16

    /// Syncs folders with everything in them.
    package static func sync(_ folders: [RootedPath]) throws(FileError) {
        var paths: [(path: RootedPath, isFolder: Bool)] = []
        for folder in folders { try collect(folder, into: &paths) }
        let work = Work(paths)
        let group = DispatchGroup()
        for _ in 0..<min(threadCount, paths.count) {
            group.enter()
            Thread.detachNewThread {
                work.run()
                group.leave()
            }
        }
        group.wait()
        if let failure = work.failure.withLock(\.self) { throw failure }
    }

    private static func collect(
        _ folder: RootedPath, into paths: inout [(path: RootedPath, isFolder: Bool)]
    ) throws(FileError) {
        for name in try folder.names() {
            let path = folder.appending(name)
            if try path.status()?.kind == .folder {
                try collect(path, into: &paths)
            } else {
                paths.append((path, false))
            }
        }
        paths.append((folder, true))
    }

    private final class Work: Sendable {
        private let paths: [(path: RootedPath, isFolder: Bool)]
        private let next = Atomic<Int>(0)
        let failure = Mutex<FileError?>(nil)

        init(_ paths: [(path: RootedPath, isFolder: Bool)]) { self.paths = paths }

        /// Syncs what no other thread has taken, until nothing is left.
        func run() {
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < paths.count else { return }
                let (path, isFolder) = paths[number]
                do throws(FileError) {
                    if isFolder { try path.syncFolder() } else { try path.open().sync() }
                } catch {
                    failure.withLock { $0 = error }
                    return
                }
            }
        }
    }
}
