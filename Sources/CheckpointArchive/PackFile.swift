internal import Checkpoints
internal import Foundation
internal import HDF5Files

/// The immutable file of many checkpoints of one run.
///
/// `/weights/TENSOR` is `[n, shape…]`, so that one tensor's trajectory is one read; `/steps`
/// tells the step of each row, `/sha256/TENSOR` and `/checksums/TENSOR` the digests of the rows,
/// `/metrics` and `/step_digests` what the checkpoints carried.
enum PackFile {
    static let steps = "steps"
    static let digests = "sha256"
    static let checksums = "checksums"

    /// Writes a pack and syncs it; checkpoints are asked for one at a time, in step order.
    ///
    /// Returns the digests of what was written.
    static func write(
        _ path: String, run: String, layout: TensorLayout, steps: [Int], compression: HDF5Layout,
        checkpoint: (Int) throws -> (Checkpoint, CheckpointFile.Summary)
    ) throws -> [CheckpointFile.Summary] {
        let file = try HDF5File(creating: path)
        var summaries: [CheckpointFile.Summary] = []
        var metrics: [MetricPoint] = []
        var stepDigests: [StepDigest] = []
        let extents: [Range<Int>]
        do {
            let root = try file.root()
            try CheckpointFile.describe(
                root, kind: "pack", run: run,
                about: "Many checkpoints of a training run, written by Cairn. Row i of every "
                    + "dataset in weights belongs to the step in steps[i].")
            var writers = try RowWriters(root, layout, rowCount: steps.count, compression)
            for (row, step) in steps.enumerated() {
                let (checkpoint, summary) = try checkpoint(step)
                try writers.write(checkpoint, summary, row: row)
                summaries.append(summary)
                metrics.append(contentsOf: checkpoint.metrics)
                stepDigests.append(contentsOf: checkpoint.stepDigests)
            }
            try writers.writeTables()
            let stepTable = try root.createDataset(
                PackFile.steps, type: .int64, shape: [steps.count])
            try stepTable.write(StoredTables.bytes(steps))
            try stepTable.setAttribute("about", "Updates done, for each row.")
            try StoredTables.write(metrics, to: root, layout: .contiguous)
            try StoredTables.write(stepDigests, to: root)
            extents = try writers.extents()
        }
        try file.close()
        try FileSeal.append(to: path, extents: extents)
        try DurableFiles.sync(path)
        return summaries
    }

    /// What a pack says about itself, without reading the values of the weights.
    static func header(
        _ path: String, file: String, run: String
    ) throws -> (
        summaries: [CheckpointFile.Summary], metrics: Result<[MetricPoint], any Error>
    ) {
        let opened = try FileSeal.open(path, file: file)
        let root = try opened.root()
        guard try root.textAttribute("kind") == "pack", try root.textAttribute("run") == run else {
            throw DamagedFile(file: file, part: "", cause: "it is not a pack of this run")
        }
        try ArchiveFormat.check(root, file)
        let steps = StoredTables.integers(try root.dataset(steps, type: .int64).read())
        let weights = try root.group(CheckpointFile.weights)
        let digestGroup = try root.group(digests)
        var rows: [(entry: TensorLayout.Entry, digests: [UInt8])] = []
        for name in try weights.names() {
            guard let dtype = try weights.attribute("dtype", ofDataset: name),
                let elementType = ElementType(rawValue: dtype)
            else {
                throw DamagedFile(
                    file: file, part: "tensor \(name)", cause: "it has no known dtype")
            }
            let shape = try weights.dataset(name, type: elementType.stored).shape
            let recorded = try digestGroup.dataset(name, type: .uint8)
            guard shape.first == steps.count, recorded.shape == [steps.count, 32] else {
                throw DamagedFile(
                    file: file, part: "tensor \(name)",
                    cause: "it does not have \(steps.count) rows")
            }
            let entry = TensorLayout.Entry(
                name: name, shape: Array(shape.dropFirst()), elementType: elementType)
            rows.append((entry, try recorded.read()))
        }
        rows.sort { $0.entry.name.utf8.lexicographicallyPrecedes($1.entry.name.utf8) }
        let layout = TensorLayout(entries: rows.map(\.entry))
        let summaries = steps.enumerated().map { row, step in
            CheckpointFile.Summary(
                step: step, layout: layout,
                digests: rows.map {
                    Digest(storedBytes: Array($0.digests[(row * 32)..<(row * 32 + 32)]))
                },
                hasOptimizerState: false)
        }
        return (summaries, Result { try StoredTables.readMetrics(from: root, file) })
    }

    /// The digests of every step that a pack carries.
    static func stepDigests(_ path: String, file: String) throws -> [StepDigest] {
        let opened = try FileSeal.open(path, file: file)
        return try StoredTables.readStepDigests(from: try opened.root(), file)
    }

    /// The steps of a pack, or of all packs that a `packed.h5` shows.
    static func shownSteps(_ path: String, file: String) throws -> [Int] {
        try RunScan.reading(file) {
            let opened = try FileSeal.open(path, file: file)
            return StoredTables.integers(
                try opened.root().dataset(steps, type: .int64).read())
        }
    }

    /// The number of checkpoints in a pack.
    static func rowCount(_ path: String, file: String) throws -> Int {
        let opened = try FileSeal.open(path, file: file)
        return try opened.root().dataset(steps, type: .int64).shape.first ?? 0
    }

    /// One tensor of one row, checked against its digest.
    static func tensor(
        _ entry: TensorLayout.Entry, row: Int, from weights: borrowing HDF5Group, digest: Digest,
        file: String
    ) throws -> Tensor {
        let dataset = try dataset(entry, in: weights, file: file)
        let bytes = try dataset.read(rows: row..<row + 1)
        guard Digest(of: bytes) == digest else {
            throw DamagedFile(
                file: file, part: "tensor \(entry.name)",
                cause: "the bytes of row \(row) do not have the recorded SHA-256")
        }
        return Tensor(
            name: entry.name, shape: entry.shape, elementType: entry.elementType, bytes: bytes)
    }

    /// A tensor's rows, checked for having the run's shape.
    static func dataset(
        _ entry: TensorLayout.Entry, in weights: borrowing HDF5Group, file: String
    ) throws -> HDF5Dataset {
        let dataset = try weights.dataset(entry.name, type: entry.elementType.stored)
        guard dataset.shape.dropFirst().elementsEqual(entry.shape) else {
            throw DamagedFile(
                file: file, part: "tensor \(entry.name)",
                cause: "the shape of its rows is \(dataset.shape.dropFirst()) instead of "
                    + "\(entry.shape)")
        }
        return dataset
    }

    /// Refuses a pack whose rows are not of the steps that the index says.
    static func requireSteps(
        of places: [StoredRun.Place], in root: borrowing HDF5Group, file: String
    ) throws {
        let steps = StoredTables.integers(try root.dataset(steps, type: .int64).read())
        for place in places
        where !steps.indices.contains(place.position) || steps[place.position] != place.step {
            throw otherStep(file)
        }
    }

    static func otherStep(_ file: String) -> UserError {
        .integrity(
            subject: file, cause: "the index says it has a step that it does not have",
            advice: "run `cairn reindex` to rebuild the index from the checkpoint files")
    }

    /// The checksums of a tensor's rows.
    static func checksums(
        _ entry: TensorLayout.Entry, from root: borrowing HDF5Group, file: String
    ) throws -> [FileChecksum] {
        let words = StoredTables.integers(
            try root.group(checksums).dataset(entry.name, type: .uint64).read()
        ).map { UInt64(bitPattern: Int64($0)) }
        return stride(from: 0, to: words.count, by: 2).map {
            FileChecksum(first: words[$0], second: words[$0 + 1])
        }
    }

    /// Writes rows into the datasets of a new pack.
    private struct RowWriters: ~Copyable {
        private let layout: TensorLayout
        private let weights: HDF5Group
        private let digests: HDF5Group
        private let checksums: HDF5Group
        /// The digests and checksums of the rows so far, tensor by tensor.
        private var digestBytes: [[UInt8]]
        private var checksumBytes: [[UInt8]]

        init(
            _ root: borrowing HDF5Group, _ layout: TensorLayout, rowCount: Int,
            _ compression: HDF5Layout
        ) throws {
            self.layout = layout
            let weights = try root.createGroup(CheckpointFile.weights)
            let digests = try root.createGroup(PackFile.digests)
            let checksums = try root.createGroup(PackFile.checksums)
            try weights.setAttribute(
                "about",
                "One dataset per tensor, one row per checkpoint. dtype is the type the "
                    + "bytes stand for.")
            try digests.setAttribute(
                "about", "SHA-256 of the raw little-endian bytes of each row, 32 bytes each.")
            try checksums.setAttribute(
                "about",
                "Fletcher-like sums of each row's bytes (see FileChecksum), which are "
                    + "faster to check than SHA-256.")
            for entry in layout.entries {
                let dataset = try weights.createDataset(
                    entry.name, type: entry.elementType.stored, shape: [rowCount] + entry.shape,
                    layout: compression)
                try dataset.setAttribute("dtype", entry.elementType.rawValue)
                _ = try digests.createDataset(entry.name, type: .uint8, shape: [rowCount, 32])
                _ = try checksums.createDataset(entry.name, type: .uint64, shape: [rowCount, 2])
            }
            self.weights = weights
            self.digests = digests
            self.checksums = checksums
            digestBytes = layout.entries.map { _ in [] }
            checksumBytes = digestBytes
        }

        /// Where the rows lie in the file.
        borrowing func extents() throws -> [Range<Int>] {
            var extents: [Range<Int>] = []
            for entry in layout.entries {
                extents += try weights.dataset(entry.name, type: entry.elementType.stored)
                    .storedExtents()
            }
            return extents
        }

        mutating func write(
            _ checkpoint: Checkpoint, _ summary: CheckpointFile.Summary, row: Int
        ) throws {
            for (place, tensor) in CheckpointFile.sorted(checkpoint.weights).enumerated() {
                try weights.dataset(tensor.name, type: tensor.elementType.stored).write(
                    tensor.bytes, fromRow: row)
                digestBytes[place] += summary.digests[place].bytes
                checksumBytes[place] += FileChecksum(of: tensor.bytes).littleEndianBytes
            }
        }

        /// Writes the digests and checksums of all rows.
        borrowing func writeTables() throws {
            for (place, entry) in layout.entries.enumerated() {
                try digests.dataset(entry.name, type: .uint8).write(digestBytes[place])
                try checksums.dataset(entry.name, type: .uint64).write(checksumBytes[place])
            }
        }
    }
}
