package import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files
internal import Synchronization
internal import SystemFiles

/// A run of an archive, read back tensor by tensor.
///
/// Every tensor that is read is compared with its recorded SHA-256; altered weights are an error,
/// never an answer. What is where is looked up once and again when files have moved meanwhile.
package final class StoredRun: CheckpointSource, Sendable {
    package let id: String
    /// The name for people.
    package let name: String
    let archive: Archive
    private let state: Mutex<Catalogue>

    /// Where one checkpoint is.
    struct Location: Sendable {
        let step: Int
        /// Relative to the run's folder.
        let path: String
        let kind: IndexedFile.Kind
        /// The row of a pack.
        let position: Int
        let fileByteCount: Int
        let digest: Digest
        let tensorDigests: [UInt8]
        /// The checksum of the file.
        let checksum: Data
        /// The file with the optimiser's memory, and its checksum.
        let optimizerPath: String?
        let optimizerChecksum: Data?

        /// What a file without a seal is compared with before it is parsed: packs are too large for
        /// that on every read, and their structure carries HDF5's own checksums.
        var wholeChecksum: Data? { kind == .loose ? checksum : nil }

        /// The digest of the tensor at a place in the order of names.
        func digest(ofTensorAt position: Int) -> Digest {
            Digest(storedBytes: Array(tensorDigests[(position * 32)..<(position * 32 + 32)]))
        }
    }

    /// What the index says about a run.
    struct Catalogue: Sendable {
        let name: String
        let status: RunStatus
        let layout: TensorLayout
        /// The checksum of `run.h5`.
        let runChecksum: Data?
        /// In step order.
        let checkpoints: [Location]

        func location(at step: Int) -> Location? {
            var low = 0
            var high = checkpoints.count
            while low < high {
                let middle = (low + high) / 2
                if checkpoints[middle].step < step { low = middle + 1 } else { high = middle }
            }
            guard low < checkpoints.count, checkpoints[low].step == step else { return nil }
            return checkpoints[low]
        }

        /// Whether the digest of a checkpoint is the one that follows from its tensors.
        func isConsistent(_ location: Location) -> Bool {
            let digests = layout.entries.indices.map { location.digest(ofTensorAt: $0) }
            return CheckpointFile.digest(layout, digests) == location.digest
        }
    }

    /// With `packing`, knows only what packing needs.
    init(archive: Archive, id: String, packing: Bool = false) throws {
        self.archive = archive
        self.id = id
        let catalogue = try archive.lookUp { try Catalogue(run: id, packing: packing, $0) }
        name = catalogue.name
        state = Mutex(catalogue)
    }

    var catalogue: Catalogue { state.withLock { $0 } }

    /// How the run stands.
    package var status: RunStatus { catalogue.status }

    /// Names, shapes and types of the weights, the same at every step.
    package var layout: TensorLayout { catalogue.layout }

    /// Looks up anew what the archive has of this run.
    package func refresh() throws {
        let fresh = try archive.lookUp { try Catalogue(run: id, $0) }
        state.withLock { $0 = fresh }
    }

    package var run: RunDescription {
        get throws {
            do {
                try requireSound("run.h5", catalogue.runChecksum)
            } catch let error as ArchiveError where error.code == .damaged {
                // The run may have been described anew since it was looked up.
                try refresh()
                try requireSound("run.h5", catalogue.runChecksum)
            }
            return try RunDescriptionFile.read(archive.paths, id)
        }
    }

    package var steps: [Int] { catalogue.checkpoints.map(\.step) }

    /// The recorded digest of the weights after `step` updates.
    package func digest(at step: Int) throws -> Digest {
        let catalogue = catalogue
        let location = try location(step, catalogue)
        guard catalogue.isConsistent(location) else {
            throw ArchiveError(
                .damagedIndex, file: archive.paths.indexFile, part: "run \(id), step \(step)",
                cause: "the digest is not that of the tensors", advice: "run `cairn reindex`")
        }
        return location.digest
    }

    package func weights(at step: Int) throws -> [Tensor] {
        try weights(at: step, evenIfFileChanged: false)
    }

    /// The weights, which are compared with their digests in any case.
    ///
    /// `evenIfFileChanged` reads a file although other bytes of it are not as they were written; a
    /// process of its own has read it before without harm.
    func weights(at step: Int, evenIfFileChanged: Bool) throws -> [Tensor] {
        try located { catalogue in
            let location = try self.location(step, catalogue)
            let positions = Array(catalogue.layout.entries.indices)
            return try tensors(positions, catalogue, location, evenIfFileChanged)
        }
    }

    package func tensor(_ name: String, at step: Int) throws -> Tensor {
        try located { catalogue in
            let location = try self.location(step, catalogue)
            return try tensors([try position(of: name, catalogue)], catalogue, location)[0]
        }
    }

    package func optimizerState(at step: Int) throws -> OptimizerState? {
        try located { catalogue in
            let location = try self.location(step, catalogue)
            guard let path = location.optimizerPath else { return nil }
            let file = "runs/\(id)/\(path)"
            return try ArchiveError.reading(archive.paths.path(file), step: step) {
                try requireSound(path, location.optimizerChecksum)
                let opened = try FileSeal.open(archive.paths.file(id, path))
                let root = try opened.root()
                guard try root.integerAttribute("step") == step else {
                    throw PackFile.otherStep(file)
                }
                return try CheckpointFile.optimizerState(from: root, file: file)
            }
        }
    }

    package func stepDigests(in range: ClosedRange<Int>) throws -> [StepDigest] {
        try located { catalogue in
            // A step's digest travels with the first checkpoint at or after it.
            let after = catalogue.checkpoints.filter { $0.step >= range.lowerBound }
            let count = (after.firstIndex { $0.step >= range.upperBound } ?? after.count - 1) + 1
            var digests: [StepDigest] = []
            var paths: Set<String> = []
            for location in after.prefix(count) where paths.insert(location.path).inserted {
                let file = "runs/\(id)/\(location.path)"
                digests += try ArchiveError.reading(archive.paths.path(file)) {
                    try PackFile.stepDigests(archive.paths.file(id, location.path))
                }
            }
            return digests.filter { range.contains($0.step) }.sorted { $0.step < $1.step }
        }
    }

    /// The steps whose optimiser state is kept, rising; training can continue from these.
    package var resumableSteps: [Int] {
        catalogue.checkpoints.filter { $0.optimizerPath != nil }.map(\.step)
    }

    package func metric(_ name: String) throws -> [MetricPoint] {
        try archive.lookUp { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT m.step, m.value FROM metric AS m
                    JOIN run AS r USING (run_key) JOIN metric_name AS n USING (name_key)
                    WHERE r.id = ? AND n.name = ? ORDER BY m.step
                    """, arguments: [id, name]
            ).map {
                // SQLite has no NaN; it comes back as NULL.
                MetricPoint(
                    name: name, step: try $0.decode(atIndex: 0),
                    value: try $0.decode(Double?.self, atIndex: 1) ?? .nan)
            }
        }
    }

    /// The names of the run's curves.
    package func metricNames() throws -> [String] {
        try archive.lookUp { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT n.name FROM metric_summary JOIN run USING (run_key)
                    JOIN metric_name AS n USING (name_key) WHERE run.id = ? ORDER BY n.name
                    """, arguments: [id])
        }
    }

    // MARK: - Locations

    func location(_ step: Int, _ catalogue: Catalogue) throws -> Location {
        if let location = catalogue.location(at: step) { return location }
        let below = catalogue.checkpoints.last { $0.step < step }?.step
        let above = catalogue.checkpoints.first { $0.step > step }?.step
        let nearest = [below, above].compactMap { $0 }.map(String.init)
        throw ArchiveError(
            .notFound, run: "run \(name) (\(id))", step: step,
            cause: nearest.isEmpty ? "the run has no checkpoints" : "no checkpoint is stored there",
            advice: nearest.isEmpty
                ? "" : "the nearest are at \(nearest.joined(separator: " and "))")
    }

    func position(of tensor: String, _ catalogue: Catalogue) throws -> Int {
        guard let position = catalogue.layout.position(of: tensor) else {
            let names = catalogue.layout.entries.map(\.name).prefix(12).joined(separator: ", ")
            throw ArchiveError(
                .notFound, run: "run \(name) (\(id))", part: "tensor \(tensor)",
                cause: "the run has no tensor of this name", advice: "it has \(names)")
        }
        return position
    }

    private func tensors(
        _ positions: [Int], _ catalogue: Catalogue, _ location: Location,
        _ evenIfFileChanged: Bool = false
    ) throws -> [Tensor] {
        let file = "runs/\(id)/\(location.path)"
        return try ArchiveError.reading(archive.paths.path(file), step: location.step) {
            let path = archive.paths.file(id, location.path)
            let opened =
                evenIfFileChanged
                ? try FileSeal.openUnchecked(path)
                : try FileSeal.open(path, checksum: location.wholeChecksum)
            let root = try opened.root()
            try StoredRun.requireStep(of: location, in: root, file: file)
            let weights = try root.group(CheckpointFile.weights)
            var tensors: [Tensor] = []
            for position in positions {
                let entry = catalogue.layout.entries[position]
                let digest = location.digest(ofTensorAt: position)
                tensors.append(
                    location.kind == .pack
                        ? try PackFile.tensor(
                            entry, row: location.position, from: weights, digest: digest, file: file
                        )
                        : try CheckpointFile.tensor(
                            entry, from: weights, digest: digest, file: file))
            }
            return tensors
        }
    }

    /// Refuses a file that does not say that a checkpoint is where the index has it: digests alone
    /// do not tell of which step weights are.
    static func requireStep(
        of location: Location, in root: borrowing HDF5Group, file: String
    ) throws {
        if location.kind == .pack {
            try PackFile.requireSteps(of: [location], in: root, file: file)
        } else if try root.integerAttribute("step") != location.step {
            throw PackFile.otherStep(file)
        }
    }

    /// Runs `body` with the places known, and once more with fresh ones if a file has moved.
    func located<Value>(_ body: (Catalogue) throws -> Value) throws -> Value {
        do {
            return try body(catalogue)
        } catch let error as ArchiveError where error.code == .missingFile {
            // Packing moves checkpoints.
            try refresh()
            return try body(catalogue)
        }
    }

    /// Refuses a small file whose bytes changed, before HDF5's parser gets to see them.
    ///
    /// Packs are too large for this on every read; their structure carries HDF5's own checksums.
    func requireSound(_ path: String, _ checksum: Data?) throws {
        let file = archive.paths.file(id, path)
        let found = try ArchiveError.reading(file) { try FileChecksum(of: file.open()) }
        guard let checksum, found.data != checksum else { return }
        throw ArchiveError(.damaged, file: file.path)
    }
}

extension StoredRun.Catalogue {
    /// What the index says about a run: everything, or only its loose checkpoints and those with a
    /// state of the optimiser, which are what packing needs and few even of a long run.
    init(run id: String, packing: Bool = false, _ db: Database) throws {
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT run_key, name, status FROM run WHERE id = ?", arguments: [id])
        else {
            throw ArchiveError(.notFound, run: "run \(id)", cause: "the archive has no such run")
        }
        let key = try row.decode(Int64.self, atIndex: 0)
        name = try row.decode(atIndex: 1)
        status = RunStatus(rawValue: try row.decode(atIndex: 2)) ?? .interrupted
        layout = try IndexRows.layout(of: key, db) ?? TensorLayout(entries: [])
        runChecksum = try Data.fetchOne(
            db, sql: "SELECT checksum FROM file WHERE run_key = ? AND path = 'run.h5'",
            arguments: [key])
        let digestByteCount = layout.entries.count * 32
        checkpoints = try Row.fetchAll(
            db, sql: Self.statement(packing: packing), arguments: ["run": key]
        ).map { try StoredRun.Location($0, run: id, digestByteCount: digestByteCount) }
    }

    /// Selects the places of a run's checkpoints in step order.
    static func statement(packing: Bool) -> String {
        """
        SELECT c.step, f.path, f.kind, c.position, f.bytes, c.digest, c.tensor_digests,
            f.checksum, o.path, o.checksum
        FROM \(packing ? rowsForPacking : "checkpoint") AS c
        JOIN file AS f ON f.file_key = c.file_key
        LEFT JOIN file AS o ON o.file_key = c.optimizer_file_key
        WHERE c.run_key = :run ORDER BY c.step
        """
    }

    /// Found by the files, of which even a long run has few; its checkpoints are not gone through.
    private static let rowsForPacking = """
        (SELECT p.* FROM
            (SELECT h.step FROM file AS l CROSS JOIN checkpoint AS h ON h.file_key = l.file_key
                WHERE l.run_key = :run AND l.kind = 'loose'
            UNION
            SELECT h.step FROM file AS s CROSS JOIN checkpoint AS h
                ON h.optimizer_file_key = s.file_key
                WHERE s.run_key = :run) AS wanted
        CROSS JOIN checkpoint AS p ON p.run_key = :run AND p.step = wanted.step)
        """
}

extension StoredRun.Location {
    /// What a row of the index says; the index may come from elsewhere.
    fileprivate init(_ row: Row, run: String, digestByteCount: Int) throws {
        step = try row.decode(atIndex: 0)
        path = try row.decode(atIndex: 1)
        position = try row.decode(atIndex: 3)
        fileByteCount = try row.decode(atIndex: 4)
        let digest = try row.decode(Data.self, atIndex: 5)
        let tensorDigests = try row.decode(Data.self, atIndex: 6)
        checksum = try row.decode(atIndex: 7)
        optimizerPath = try row.decode(String?.self, atIndex: 8)
        optimizerChecksum = try row.decode(Data?.self, atIndex: 9)
        let isState =
            optimizerPath.map {
                IndexedFile.Kind.optimizer.allows($0) || IndexedFile.Kind.loose.allows($0)
            } ?? true
        guard let kind = IndexedFile.Kind(rawValue: try row.decode(atIndex: 2)), kind.allows(path),
            kind == .pack || kind == .loose, isState, digest.count == 32,
            tensorDigests.count == digestByteCount, step >= 0, position >= 0, fileByteCount >= 0
        else {
            throw ArchiveError(
                .damagedIndex, run: "run \(run)", step: step, cause: "the index contradicts itself",
                advice: "run `cairn reindex`")
        }
        self.kind = kind
        self.digest = Digest(storedBytes: Array(digest))
        self.tensorDigests = Array(tensorDigests)
    }
}
