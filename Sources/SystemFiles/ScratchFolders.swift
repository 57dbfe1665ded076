internal import Synchronization

/// Folders of this process whose content need not outlast a power cut, because what counts of it is
/// copied elsewhere and synced there.
package enum ScratchFolders {
    private static let roots = Mutex<[String]>([])

    /// From now on nothing below this folder is synced, which saves most of the time of small files.
    package static func add(_ root: String) { roots.withLock { $0.append(root) } }

    /// Whether a path is such a folder or below one.
    package static func hold(_ path: String) -> Bool {
        roots.withLock { roots in
            roots.contains {
                path.hasPrefix($0) && (path.count == $0.count || path.hasPrefix("\($0)/"))
            }
        }
    }
}
