internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

/// The runs that tasks hand over to an archive which many machines share.
///
/// A task trains in an archive of its own. What it has to hand over it copies into a folder of
/// `incoming`, complete and synced, which then gets a name that says so. One task at a time, the one
/// that has the turn, takes the folders in; a task that finds the turn taken goes on with its work,
/// because whoever has the turn looks once more after giving it back.
package struct IncomingQueue: Sendable {
    package let paths: ArchivePaths

    package init(_ archivePath: String) {
        paths = ArchivePaths(root: Archive.absolute(archivePath))
    }

    var folder: RootedPath { paths.path("incoming") }
    /// For messages.
    package var folderPath: String { folder.absolute }
    var tasksFolder: RootedPath { folder.appending("tasks") }
    var claimsFolder: RootedPath { folder.appending("claims") }

    /// The claim of the task that takes in what is there.
    package static let turn = "turn"
    private static let ready = "ready-"
    private static let part = "part-"
    private static let refused = "refused-"

    /// Makes the folders.
    package func prepare() throws {
        for folder in [folder, tasksFolder, claimsFolder] where !folder.exists {
            try folder.makeFolder()
        }
    }

    /// The names of the folders that wait, in the order in which they are taken in.
    package func entries() throws -> [String] {
        try folder.names().filter { $0.hasPrefix(IncomingQueue.ready) }
    }

    /// The names of the runs that wait.
    package func waitingRuns() throws -> Set<String> {
        Set(try entries().flatMap { (try? Manifest.read(place($0)))?.runs.map(\.name) ?? [] })
    }

    /// The folder of an entry, which has runs where an archive has them.
    func place(_ entry: String) -> ArchivePaths {
        ArchivePaths(root: "\(paths.root)/incoming/\(entry)")
    }

    /// What a folder holds, so that it can be taken in again where that was cut short.
    struct Manifest: Codable {
        struct Run: Codable {
            var id: String
            var name: String
        }

        var runs: [Run]
        /// The runs of which `results` holds what was computed.
        var results: [String]?
        static let path = "entry.json"

        static func read(_ place: ArchivePaths) throws -> Manifest {
            let bytes = try place.path(path).read()
            guard let manifest = try? JSONDecoder().decode(Manifest.self, from: Data(bytes)),
                (manifest.runs.map(\.id) + (manifest.results ?? [])).allSatisfy({
                    !$0.isEmpty && !$0.contains("/")
                })
            else {
                throw ArchiveError(
                    .damaged, file: place.path(path).absolute,
                    cause: "it does not name the runs of its folder",
                    advice: "move the folder away; `cairn merge` takes archives in")
            }
            return manifest
        }
    }

    /// A run to be handed over.
    package struct Piece: Sendable {
        package let run: String
        /// Files, relative to the run's folder, that the archive has already.
        package let known: Set<String>

        package init(run: String, known: Set<String>) {
            self.run = run
            self.known = known
        }
    }

    /// Hands over runs that nobody writes at the moment, and the results of analyses of some; answers the files that the queue or the archive
    /// then has of each run.
    package func publish(
        _ pieces: [Piece], results: [String] = [], of own: Archive, as name: String
    ) throws -> [String: Set<String>] {
        let part = ArchivePaths(root: "\(folder.absolute)/\(IncomingQueue.part)\(name)")
        let partFolder = folder.appending("\(IncomingQueue.part)\(name)")
        do {
            try partFolder.makeFolder()
            try part.runsFolder.makeFolder()
            var manifest = Manifest(runs: [])
            var handedOver: [String: Set<String>] = [:]
            for piece in pieces {
                let run = try StoredRun(archive: own, id: piece.run)
                handedOver[piece.run] = piece.known.union(
                    try copy(run, without: piece.known, to: part))
                manifest.runs.append(.init(id: run.id, name: run.name))
            }
            try part.runsFolder.syncFolder()
            if !results.isEmpty {
                try part.path("results").makeFolder()
                for run in results {
                    guard let ledger = try own.ledger(of: run) else { continue }
                    manifest.results = (manifest.results ?? []) + [run]
                    try IncomingQueue.write(
                        LedgerFile.bytes(of: ledger), to: part.path("results/\(run).json"))
                }
                try part.path("results").syncFolder()
            }
            try IncomingQueue.write(
                Array(try JSONEncoder().encode(manifest)), to: part.path(Manifest.path))
            try partFolder.syncFolder()
            try partFolder.rename(to: folder.appending("\(IncomingQueue.ready)\(name)"))
            try folder.syncFolder()
            return handedOver
        } catch {
            try? partFolder.removeTree()
            throw error
        }
    }

    /// Copies the files of a run that are not known and compares them with what its index says.
    private func copy(
        _ run: StoredRun, without known: Set<String>, to part: ArchivePaths
    ) throws -> Set<String> {
        let source = run.archive.paths
        let checksums = try run.archive.checksums(of: run.id)
        let files =
            ["run.h5"] + RunFolderContents.files(source, run.id).filter { !known.contains($0) }
        let notes = (["packed.h5"] + RunNote.allCases.map(\.path)).filter {
            source.file(run.id, $0).exists
        }
        try part.runFolder(run.id).makeFolder()
        for path in files + notes {
            let target = part.file(run.id, path)
            if path.contains("/"), !target.parent.exists { try target.parent.makeFolder() }
            try Archive.copy(source.file(run.id, path), to: target)
            let copy = try target.open(.writing)
            if let checksum = checksums[path], try FileChecksum(of: copy).data != checksum {
                throw ArchiveError(
                    .damaged, file: source.file(run.id, path).absolute,
                    cause: "its bytes are not those that were written")
            }
            try copy.sync()
        }
        try part.runFolder(run.id).syncFolder()
        return Set(files)
    }

    // MARK: - What dead tasks left

    private static let work = "work-"

    /// Where a task's own archive lies that has no disk of its own.
    package func workPath(of task: TaskMark) -> String {
        "\(folder.absolute)/\(IncomingQueue.work)\(task.token)"
    }

    /// The archives and half-made entries of tasks that live no longer.
    private func remains(_ watch: TaskWatch) throws -> [String] {
        try folder.names().filter { name in
            let token = name.split(separator: "-").dropFirst().prefix(3).joined(separator: "-")
            return (name.hasPrefix(IncomingQueue.work) || name.hasPrefix(IncomingQueue.part))
                && !watch.isAlive(token)
        }
    }

    package func hasRemains(_ watch: TaskWatch) throws -> Bool { try !remains(watch).isEmpty }

    /// Hands over what dead tasks trained beside the archive, and removes what they left half made.
    ///
    /// What cannot be read, as after a power cut, is kept apart. The caller has the turn.
    package func salvage(_ watch: TaskWatch, token: String, note: (String) -> Void) throws {
        for name in try remains(watch) {
            let place = folder.appending(name)
            do {
                if name.hasPrefix(IncomingQueue.work), Archive.isArchive(place.absolute) {
                    try handOver(
                        Archive(opening: place.absolute),
                        as: "\(token)-\(name.split(separator: "-").last ?? "")")
                }
                try place.removeTree()
            } catch {
                let kept = folder.appending("\(IncomingQueue.refused)\(name)")
                note(
                    "\(kept.absolute), what a dead task left: "
                        + ((error as? any UserErrorConvertible)?.userError.description ?? "\(error)")
                )
                try place.rename(to: kept)
            }
        }
    }

    /// Hands over all runs of an archive that have checkpoints.
    private func handOver(_ archive: Archive, as entry: String) throws {
        let runs = try archive.standings().filter { $0.lastStep != nil }
        guard !runs.isEmpty else { return }
        _ = try publish(runs.map { Piece(run: $0.id, known: []) }, of: archive, as: entry)
    }

    static func write(_ bytes: [UInt8], to path: RootedPath) throws {
        let file = try path.open(.creating)
        try file.write(bytes)
        try file.sync()
    }

    /// Takes an entry out of the queue whose runs are in the archive.
    func remove(_ entry: String, _ files: DurableFiles) throws {
        let temporary = files.temporaryPath()
        try folder.appending(entry).rename(to: temporary)
        try? temporary.removeTree()
    }

    /// Keeps what contradicts the archive, out of the queue.
    func refuse(_ entry: String) throws {
        let name = IncomingQueue.refused + entry.dropFirst(IncomingQueue.ready.count)
        try folder.appending(entry).rename(to: folder.appending(name))
    }
}

extension Archive {
    /// The recorded checksums of a run's files, by path.
    fileprivate func checksums(of run: String) throws -> [String: Data] {
        try lookUp { db in
            let rows = try Row.fetchAll(
                db,
                sql: "SELECT path, checksum FROM file JOIN run USING (run_key) WHERE id = ?",
                arguments: [run])
            return Dictionary(
                try rows.map {
                    (try $0.decode(String.self, atIndex: 0), try $0.decode(Data.self, atIndex: 1))
                }, uniquingKeysWith: { $1 })
        }
    }
}
