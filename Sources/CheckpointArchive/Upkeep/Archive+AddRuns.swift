internal import Checkpoints
internal import GRDB
internal import SystemFiles

/// Runs that come into an archive together, because a sync takes about as long for many files as for
/// one.
struct MergeBatch {
    private var runs: [StoredRun] = []
    private var byteCount = 0
    private static let largestByteCount = 256 << 20
    private static let largestRunCount = 64

    var isFull: Bool {
        byteCount >= MergeBatch.largestByteCount || runs.count >= MergeBatch.largestRunCount
    }

    mutating func append(_ run: StoredRun) {
        runs.append(run)
        var seen: Set<String> = []
        for location in run.catalogue.checkpoints where seen.insert(location.path).inserted {
            byteCount += location.fileByteCount
        }
    }

    /// Empties the batch; answers what was in it.
    mutating func take() -> [StoredRun] {
        defer { self = MergeBatch() }
        return runs
    }
}

extension Archive {
    /// Brings in whole runs of another archive that are not here.
    ///
    /// They are copied, checked and synced beside their places; then each is put into its place at
    /// once, complete or not at all. Where one cannot be copied, those before it come in first.
    func add(_ runs: [StoredRun], adding: (StoredRun) -> Void) throws {
        guard !runs.isEmpty else { return }
        try maintaining(runs.map(\.id)) {
            var copies: [(run: StoredRun, folder: RootedPath)] = []
            let outcome = Result {
                for run in runs {
                    let folder = files.temporaryPath()
                    do {
                        try copy(run, to: folder)
                    } catch {
                        try? folder.removeTree()
                        throw error
                    }
                    copies.append((run, folder))
                }
            }
            defer { for copy in copies where copy.folder.exists { try? copy.folder.removeTree() } }
            try files.move(
                copies.map { ($0.folder, paths.runFolder($0.run.id)) },
                into: paths.runsFolder)
            try adopt(copies.map(\.run))
            for copy in copies { adding(copy.run) }
            try outcome.get()
        }
    }

    /// Copies a run's files and checks the copies, which are not synced.
    private func copy(_ theirs: StoredRun, to folder: RootedPath) throws {
        let other = theirs.archive.paths
        try files.reach(.createTemporary)
        try folder.makeFolder(syncing: false)
        for name in ["loose", "optimizer"] {
            try folder.appending(name).makeFolder(syncing: false)
        }
        try files.reach(.write)
        for path in ["run.h5"] + RunFolderContents.files(other, theirs.id) {
            let copy = folder.appending(path)
            try Archive.copy(other.file(theirs.id, path), to: copy)
            try requireSound(FileChecksum(of: copy.open()), path, theirs)
        }
        for note in RunNote.allCases where other.file(theirs.id, note.path).exists {
            try Archive.copy(other.file(theirs.id, note.path), to: folder.appending(note.path))
        }
        var packs: [String] = []
        for location in theirs.catalogue.checkpoints
        where location.kind == .pack && location.path != packs.last {
            if !packs.contains(location.path) { packs.append(location.path) }
        }
        guard !packs.isEmpty else { return }
        let view = folder.appending(ArchivePaths.packedView)
        do {
            try makeVirtualFile(
                view, of: theirs.id, theirs.layout,
                packs: packs.map { ($0, try PackFile.rowCount(folder.appending($0))) })
        } catch {
            throw ArchiveError.writing(view, failed: error)
        }
    }

    /// Adds the rows of runs whose folders have just come, in one transaction.
    private func adopt(_ runs: [StoredRun]) throws {
        let claims = try runs.map { try claim($0.run) }
        try withExtendedLifetime(claims) {
            let scans = try runs.map { try RunFolderContents(paths: paths, run: $0.id) }
            let redundant = try write { db in
                try scans.map { scan in
                    let key = try IndexRows.putRun(
                        try scan.description.get(), status: .interrupted, db)
                    let redundant = try scan.store(run: key, db)
                    try scan.storeStatus(run: key, db)
                    return redundant
                }
            }
            for (run, redundant) in zip(runs, redundant) { try clear(redundant, of: run.id) }
        }
    }
}
