internal import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files

extension Archive {
    /// The one run that a person means by `text`.
    ///
    /// A full id wins over a name, and a name over the beginning of an id. Every command asks here.
    package func run(matching text: String) throws -> StoredRun {
        try StoredRun(archive: self, id: runID(matching: text))
    }

    /// The id of the one run that a person means by `text`.
    package func runID(matching text: String) throws -> String {
        let candidates = try lookUp { db in
            for sql in Archive.lookups {
                let rows = try Row.fetchAll(db, sql: sql, arguments: [text])
                if !rows.isEmpty {
                    return try rows.map {
                        (
                            id: try $0.decode(String.self, atIndex: 0),
                            name: try $0.decode(String.self, atIndex: 1)
                        )
                    }
                }
            }
            return []
        }
        guard !text.isEmpty, let first = candidates.first else {
            throw ArchiveError(
                .notFound, run: "run \(text)",
                cause: "no run has this name or an id that begins so",
                advice: "`cairn ls` shows the runs there are")
        }
        guard candidates.count == 1 else {
            let listed = candidates.prefix(4).map { "\($0.id) (\($0.name))" }
                .joined(separator: ", ")
            throw ArchiveError(
                .ambiguous, run: "run \(text)",
                cause: "it could be any of \(candidates.count): \(listed)"
                    + (candidates.count > 4 ? ", …" : ""),
                advice: "give more of the id")
        }
        return first.id
    }

    /// All runs, oldest first.
    package func runs() throws -> [StoredRun] {
        try runIDs().map { try StoredRun(archive: self, id: $0) }
    }

    /// The runs of exactly this name, oldest first.
    package func runs(named name: String) throws -> [StoredRun] {
        try lookUp {
            try String.fetchAll(
                $0, sql: "SELECT id FROM run WHERE name = ? ORDER BY created_at, id",
                arguments: [name])
        }.map { try StoredRun(archive: self, id: $0) }
    }

    /// The ids of all runs, oldest first.
    package func runIDs() throws -> [String] {
        try lookUp { try String.fetchAll($0, sql: "SELECT id FROM run ORDER BY created_at, id") }
    }

    private static let lookups = [
        "SELECT id, name FROM run WHERE id = ?",
        "SELECT id, name FROM run WHERE name = ? ORDER BY created_at",
        "SELECT id, name FROM run WHERE substr(id, 1, length(?1)) = ?1 ORDER BY created_at",
    ]

    /// Brings the index up to what a run's folder holds, reading only files it does not know.
    ///
    /// The caller holds the run's lock. A file that cannot be read is left for `verify` to report.
    /// The run's status changes last: should the process die, the run still says that it is being
    /// written, and the next opening of the archive does this again.
    func adoptFiles(
        of run: String, andThen body: () throws -> Void = {}
    ) throws {
        let scan = try RunFolderContents(paths: paths, run: run, skipping: indexedPaths(of: run))
        let file = try IndexedFile(path: "run.h5", kind: .run, at: paths.runFile(run))
        let redundant = try write { db in
            if case .success(let description) = scan.description {
                try IndexRows.renewDescription(description, file: file, db)
            }
            let key =
                try IndexRows.runKey(run, db)
                ?? IndexRows.putRun(try scan.description.get(), status: .interrupted, db)
            return try scan.store(run: key, db)
        }
        try clear(redundant, of: run)
        try body()
        try write { db in
            guard let key = try IndexRows.runKey(run, db) else { return }
            try scan.storeStatus(run: key, db)
        }
    }

    /// Adds a run that another process is writing, unless the index has it: then its writer keeps the
    /// rows right.
    ///
    /// Files are left alone: one that seems to hold nothing of its own may be a pack that the writer
    /// has put into its place and is about to index. Once the writer has ended, opening the archive
    /// takes in what came after this.
    func adoptRunInWriting(_ run: String) throws {
        guard try lookUp({ try IndexRows.runKey(run, $0) }) == nil else { return }
        let scan = try RunFolderContents(paths: paths, run: run)
        let description = try scan.description.get()
        try write { db in
            guard try IndexRows.runKey(run, db) == nil else { return }
            let key = try IndexRows.putRun(description, status: .running, db)
            _ = try scan.store(run: key, db)
        }
    }

    /// The files of a run that the index knows.
    func indexedPaths(of run: String) throws -> Set<String> {
        try lookUp { db in
            Set(
                try String.fetchAll(
                    db, sql: "SELECT path FROM file JOIN run USING (run_key) WHERE id = ?",
                    arguments: [run]))
        }
    }
}
