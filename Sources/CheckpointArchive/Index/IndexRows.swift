internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

/// The statements that keep the index in step with the files.
///
/// All of them run inside a write transaction of `ArchiveIndex`.
enum IndexRows {
    /// The key of a run; nil when the index does not know it.
    static func runKey(_ run: String, _ db: Database) throws -> Int64? {
        let statement = try db.cachedStatement(sql: "SELECT run_key FROM run WHERE id = ?")
        return try Int64.fetchOne(statement, arguments: [run])
    }

    /// The key of a run that this process writes; an index without it is one that has just come
    /// into the place of the one that had it.
    static func requiredKey(_ run: String, _ db: Database) throws -> Int64 {
        guard let key = try runKey(run, db) else { throw ArchiveError(.replacedIndex) }
        return key
    }

    /// Adds a run and what it was made from, or renews both; returns its key.
    static func putRun(_ run: RunDescription, status: RunStatus, _ db: Database) throws -> Int64 {
        try db.cachedStatement(
            sql: """
                INSERT INTO run
                    (id, name, status, task, network, seed, parent_run, parent_step, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET
                    name = excluded.name, status = excluded.status, task = excluded.task,
                    network = excluded.network, seed = excluded.seed,
                    parent_run = excluded.parent_run, parent_step = excluded.parent_step,
                    created_at = excluded.created_at, finished_at = NULL
                """
        ).execute(arguments: [
            run.id, run.name, status.rawValue, run.task, run.network, run.seed, run.parent?.run,
            run.parent?.step, run.createdAt,
        ])
        guard let key = try runKey(run.id, db) else {
            preconditionFailure("an inserted run has a key")
        }
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO run_document
                    (run_key, configuration, versions, origin_path, origin_digest, origin_layout,
                    train_count, test_count)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            key, run.configuration, try json(run.versions), run.origin?.path, run.origin?.digest,
            run.origin?.layout, run.trainIndices?.count, run.testIndices?.count,
        ])
        try db.execute(sql: "DELETE FROM hyperparameter WHERE run_key = ?", arguments: [key])
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO hyperparameter (run_key, name, position, type, value)
                VALUES (?, ?, ?, ?, ?)
                """)
        for (position, setting) in run.hyperparameters.enumerated() {
            try insert.execute(arguments: [
                key, setting.name, position, setting.value.type, bound(setting.value),
            ])
        }
        return key
    }

    /// Records how a run stands.
    static func setStatus(
        _ status: RunStatus, finishedAt: Double?, of key: Int64, _ db: Database
    )
        throws
    {
        try db.cachedStatement(
            sql: "UPDATE run SET status = ?, finished_at = ? WHERE run_key = ?"
        ).execute(arguments: [status.rawValue, finishedAt, key])
    }

    /// Adds a file of a run, or renews its size and checksum; returns its key.
    static func putFile(_ file: IndexedFile, of key: Int64, _ db: Database) throws -> Int64 {
        try db.cachedStatement(
            sql: """
                INSERT INTO file (run_key, path, kind, bytes, checksum) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (run_key, path) DO UPDATE SET
                    kind = excluded.kind, bytes = excluded.bytes, checksum = excluded.checksum
                """
        ).execute(arguments: [
            key, file.path, file.kind.rawValue, file.byteCount, file.checksum.data,
        ])
        let statement = try db.cachedStatement(
            sql: "SELECT file_key FROM file WHERE run_key = ? AND path = ?")
        guard let fileKey = try Int64.fetchOne(statement, arguments: [key, file.path]) else {
            preconditionFailure("an inserted file has a key")
        }
        return fileKey
    }

    /// Adds a checkpoint, or moves it to another place.
    static func putCheckpoint(
        _ summary: CheckpointFile.Summary, fileKey: Int64, position: Int,
        optimizerFileKey: Int64?, of key: Int64, _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO checkpoint
                    (run_key, step, file_key, position, bytes, digest, optimizer_file_key,
                    tensor_digests)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (run_key, step) DO UPDATE SET
                    file_key = excluded.file_key, position = excluded.position,
                    bytes = excluded.bytes, digest = excluded.digest,
                    optimizer_file_key =
                        ifnull(excluded.optimizer_file_key, optimizer_file_key),
                    tensor_digests = excluded.tensor_digests
                """
        ).execute(arguments: [
            key, summary.step, fileKey, position, summary.layout.byteCount,
            Data(summary.digest.bytes), optimizerFileKey,
            Data(summary.digests.flatMap(\.bytes)),
        ])
    }

    /// Adds a file with the optimiser's state of a checkpoint and points the checkpoint at it.
    static func putOptimizerState(
        _ file: IndexedFile, step: Int, of key: Int64, _ db: Database
    ) throws {
        let fileKey = try putFile(file, of: key, db)
        try db.cachedStatement(
            sql: "UPDATE checkpoint SET optimizer_file_key = ? WHERE run_key = ? AND step = ?"
        ).execute(arguments: [fileKey, key, step])
    }

    /// Removes a file that holds the weights of no checkpoint any more; the optimiser states in it
    /// are gone with it.
    static func forgetFile(_ path: String, of key: Int64, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE checkpoint SET optimizer_file_key = NULL WHERE optimizer_file_key =
                    (SELECT file_key FROM file WHERE run_key = ? AND path = ?)
                """
        ).execute(arguments: [key, path])
        try db.cachedStatement(sql: "DELETE FROM file WHERE run_key = ? AND path = ?")
            .execute(arguments: [key, path])
    }

    /// Records the layout of a run's weights, once.
    static func putLayout(_ layout: TensorLayout, of key: Int64, _ db: Database) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO tensor
                    (run_key, name, position, shape, dtype, element_count, role)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        for (position, (entry, role)) in zip(layout.entries, layout.roles).enumerated() {
            try insert.execute(arguments: [
                key, entry.name, position, try json(entry.shape), entry.elementType.rawValue,
                entry.elementCount, role.rawValue,
            ])
        }
    }

    /// Gives the tensors of an index from before their roles the roles that their names tell.
    static func renewRoles(_ db: Database) throws {
        for key in try Int64.fetchAll(db, sql: "SELECT run_key FROM run") {
            guard let layout = try layout(of: key, db) else { continue }
            for (entry, role) in zip(layout.entries, layout.roles) where role != .parameter {
                try db.execute(
                    sql: "UPDATE tensor SET role = ? WHERE run_key = ? AND name = ?",
                    arguments: [role.rawValue, key, entry.name])
            }
        }
    }

    /// The layout of a run's weights; nil before the first checkpoint.
    static func layout(of key: Int64, _ db: Database) throws -> TensorLayout? {
        let rows = try Row.fetchAll(
            db, sql: "SELECT name, shape, dtype FROM tensor WHERE run_key = ? ORDER BY position",
            arguments: [key])
        guard !rows.isEmpty else { return nil }
        return TensorLayout(
            entries: try rows.map { row in
                // What is not JSON becomes a shape that is refused below.
                let shape =
                    (try? JSONDecoder().decode(
                        [Int].self, from: Data(try row.decode(String.self, atIndex: 1).utf8)))
                    ?? [-1]
                guard let type = ElementType(rawValue: try row.decode(atIndex: 2)) else {
                    throw ArchiveError(
                        .damagedIndex, part: "tensor \(try row.decode(String.self, atIndex: 0))",
                        cause:
                            "the index gives it the unknown type \(try row.decode(String.self, atIndex: 2))",
                        advice: "run `cairn reindex`")
                }
                let name = try row.decode(String.self, atIndex: 0)
                if let refusal = StorageLimits.refusal(ofTensor: name, shape: shape) {
                    throw ArchiveError(
                        .damagedIndex, part: "tensor \(name.prefix(40)) in the index",
                        cause: refusal,
                        advice: "run `cairn reindex`")
                }
                return TensorLayout.Entry(name: name, shape: shape, elementType: type)
            })
    }

    /// The packs of a run that hold checkpoints, in the order of their first steps.
    static func packs(of key: Int64, _ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT path, (SELECT min(step) FROM checkpoint AS c
                    WHERE c.file_key = f.file_key AND c.run_key = ?1) AS first
                FROM file AS f
                WHERE run_key = ?1 AND kind = 'pack' AND first IS NOT NULL ORDER BY first
                """, arguments: [key]
        ).filter(IndexedFile.Kind.pack.allows)
    }

    private static func bound(_ value: ScalarValue) -> DatabaseValue {
        switch value {
        case .integer(let number): number.databaseValue
        case .real(let number): number.databaseValue
        case .boolean(let flag): flag.databaseValue
        case .text, .blob: value.written.databaseValue
        case .null: .null
        }
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// A file that the index relies on.
struct IndexedFile: Sendable {
    /// What a file holds.
    enum Kind: String, Sendable {
        case loose
        case pack
        case optimizer
        case run
        case end

        /// Whether a file of this kind can have this path in the run's folder; what else an index
        /// says is damage.
        func allows(_ path: String) -> Bool {
            let (beginning, isNumbered) =
                switch self {
                case .loose: ("loose/", true)
                case .optimizer: ("optimizer/", true)
                case .pack: ("pack-", true)
                case .end: ("end-", true)
                case .run: ("run.h5", false)
                }
            guard isNumbered else { return path == beginning }
            guard path.hasPrefix(beginning), path.hasSuffix(".h5") else { return false }
            let number = path.dropFirst(beginning.count).dropLast(3).utf8
            return !number.isEmpty
                && number.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Relative to the run's folder.
    let path: String
    let kind: Kind
    let byteCount: Int
    let checksum: FileChecksum

    init(path: String, kind: Kind, byteCount: Int, checksum: FileChecksum) {
        self.path = path
        self.kind = kind
        self.byteCount = byteCount
        self.checksum = checksum
    }

    /// The file that has just been made of these bytes.
    init(path: String, kind: Kind, image: [UInt8]) {
        self.init(
            path: path, kind: kind, byteCount: image.count, checksum: FileChecksum(of: image))
    }

    /// The file as it is on disk.
    init(path: String, kind: Kind, at place: RootedPath) throws {
        let file = try place.open()
        self.init(
            path: path, kind: kind, byteCount: try file.byteCount,
            checksum: try FileChecksum(of: file))
    }
}
