internal import Checkpoints
internal import HDF5Files
internal import SystemFiles

/// The immutable file of many checkpoints of one run.
///
/// `/weights/TENSOR` is `[n, shape…]`, so that one tensor's trajectory is one read; `/steps`
/// tells the step of each row, `/sha256/TENSOR` and `/checksums/TENSOR` the digests of the rows,
/// `/metrics` and `/step_digests` what the checkpoints carried.
enum PackFile {
    static let steps = "steps"
    static let digests = "sha256"
    static let checksums = "checksums"

    /// One checkpoint on its way into a pack.
    struct Row {
        let summary: CheckpointFile.Summary
        let metrics: [MetricPoint]
        let stepDigests: [StepDigest]
        /// Hands over the values of the tensor at a place in the order of names.
        let values:
            (_ tensorIndex: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    }

    /// Writes a pack, syncs it and reads everything back; rows are asked for one at a time, in step
    /// order.
    ///
    /// Returns the digests of what was written.
    static func write(
        _ path: RootedPath, run: String, layout: TensorLayout, steps: [Int],
        compression: HDF5Layout,
        row: (_ step: Int) throws -> Row
    ) throws -> [CheckpointFile.Summary] {
        var summaries: [CheckpointFile.Summary] = []
        var metrics: [MetricPoint] = []
        var stepDigests: [StepDigest] = []
        let rows = try HDF5File.create(path.absolute) { root in
            try CheckpointFile.describe(
                root, kind: "pack", run: run,
                about: "Many checkpoints of a training run, written by Cairn. Row i of every "
                    + "dataset in weights belongs to the step in steps[i].")
            var writers = try RowWriters(
                path, root, layout, rowCount: steps.count, compression)
            for (index, step) in steps.enumerated() {
                let row = try row(step)
                try writers.write(row, at: index)
                summaries.append(row.summary)
                metrics.append(contentsOf: row.metrics)
                stepDigests.append(contentsOf: row.stepDigests)
            }
            let rows = try writers.finish()
            let bytes = StoredTables.bytes(steps)
            let stepTable = try root.createDataset(
                PackFile.steps, type: .int64, shape: [steps.count])
            try stepTable.write(bytes)
            try stepTable.setAttribute("about", "Updates done, for each row.")
            try stepTable.setAttribute("sha256", Digest(of: bytes).description)
            try stepTable.close()
            try StoredTables.write(metrics, to: root, compression: .contiguous)
            try StoredTables.write(stepDigests, to: root)
            return rows
        }
        try FileSeal.append(to: path, extents: rows.extents)
        try path.open().sync()
        try requireReadable(
            path, run: run, summaries, sums: rows.sums, metrics: metrics, stepDigests: stepDigests)
        return summaries
    }

    /// Throws unless a new pack, opened afresh, says what was written into it: it is soon the only
    /// copy of the weights.
    private static func requireReadable(
        _ path: RootedPath, run: String, _ summaries: [CheckpointFile.Summary],
        sums: [[FileChecksum]], metrics: [MetricPoint], stepDigests: [StepDigest]
    ) throws {
        func require(_ isEqual: Bool, _ part: String) throws {
            guard isEqual else {
                throw ArchiveError(
                    .notWritten, file: path.absolute,
                    cause: "\(part) was not written as it was given")
            }
        }
        let found = try header(path, run: run)
        try require(found.summaries.map(\.step) == summaries.map(\.step), steps)
        try require(
            found.summaries.map(\.digests) == summaries.map(\.digests)
                && found.summaries.map(\.digest) == summaries.map(\.digest), digests)
        try require(
            StoredTables.bytes(try found.metrics.get()) == StoredTables.bytes(metrics),
            StoredTables.metrics)
        let opened = try FileSeal.open(path)
        let root = try opened.root()
        try require(
            try StoredTables.readStepDigests(from: root, path.path) == stepDigests,
            StoredTables.stepDigests)
        let weights = try root.group(CheckpointFile.weights)
        for (entry, sums) in zip(summaries.first?.layout.entries ?? [], sums) {
            try require(
                try checksums(entry, from: root, file: path.path) == sums,
                "\(checksums)/\(entry.name)")
            let dataset = try dataset(entry, in: weights, file: path.path)
            let read = try RowReader(path, dataset, entry)
            for (row, sum) in sums.enumerated() {
                try require(
                    try read.sum(of: row, in: dataset) == sum, "row \(row) of \(entry.name)")
            }
        }
    }

    /// What a pack says about itself, without reading the values of the weights.
    static func header(
        _ path: RootedPath, run: String
    ) throws -> (
        summaries: [CheckpointFile.Summary], metrics: Result<[MetricPoint], any Error>
    ) {
        let file = path.path
        let opened = try FileSeal.open(path)
        let root = try opened.root()
        guard try root.textAttribute("kind") == "pack", try root.textAttribute("run") == run else {
            throw ArchiveError(.damaged, file: file, cause: "it is not a pack of this run")
        }
        try ArchiveFormat.check(root, file)
        let steps = try readSteps(from: root, file: file)
        let weights = try root.group(CheckpointFile.weights)
        let digestGroup = try root.group(digests)
        var rows: [(entry: TensorLayout.Entry, digests: [UInt8])] = []
        for name in try weights.names() {
            guard let dtype = try weights.attribute("dtype", ofDataset: name),
                let elementType = ElementType(rawValue: dtype)
            else {
                throw ArchiveError(
                    .damaged, file: file, part: "tensor \(name)", cause: "it has no known dtype")
            }
            let shape = try weights.dataset(name, type: elementType.stored).shape
            let recorded = try digestGroup.dataset(name, type: .uint8)
            guard shape.first == steps.count, recorded.shape == [steps.count, 32] else {
                throw ArchiveError(
                    .damaged, file: file, part: "tensor \(name)",
                    cause: "it does not have \(steps.count) rows")
            }
            let entry = try CheckpointFile.entry(
                name, Array(shape.dropFirst()), elementType, file: file)
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

    /// The steps of a pack's rows, which rise.
    static func readSteps(from root: borrowing HDF5Group, file: String) throws -> [Int] {
        let dataset = try root.dataset(steps, type: .int64)
        let bytes = try dataset.read()
        // Packs of earlier versions have no digest of their steps.
        if let recorded = try dataset.textAttribute("sha256"),
            recorded != Digest(of: bytes).description
        {
            throw ArchiveError(
                .damaged, file: file, part: steps,
                cause: "its bytes do not have the recorded SHA-256")
        }
        let values = StoredTables.integers(bytes)
        guard dataset.shape.count == 1, values.first ?? 0 >= 0,
            zip(values, values.dropFirst()).allSatisfy(<)
        else {
            throw ArchiveError(.damaged, file: file, part: steps, cause: "its steps do not rise")
        }
        return values
    }

    /// The digests of every step that a pack carries.
    static func stepDigests(_ path: RootedPath) throws -> [StepDigest] {
        let opened = try FileSeal.open(path)
        return try StoredTables.readStepDigests(from: try opened.root(), path.path)
    }

    /// The packs that a `packed.h5` shows and the rows of each, without following it to them.
    static func shownPacks(_ path: RootedPath) throws -> [String: Int] {
        try ArchiveError.reading(path) {
            let opened = try FileSeal.open(path)
            var packs: [String: Int] = [:]
            for source in try opened.root().virtualSources(of: steps) where source.dataset == steps
            {
                packs[source.file, default: 0] += source.rowCount
            }
            return packs
        }
    }

    /// The number of checkpoints in a pack.
    static func rowCount(_ path: RootedPath) throws -> Int {
        let opened = try FileSeal.open(path)
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
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(entry.name)",
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
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(entry.name)",
                cause: "the shape of its rows is \(dataset.shape.dropFirst()) instead of "
                    + "\(entry.shape)")
        }
        return dataset
    }

    /// Refuses a pack whose rows are not of the steps that the index says.
    static func requireSteps(
        of locations: [StoredRun.Location], in root: borrowing HDF5Group, file: String
    ) throws {
        let steps = try readSteps(from: root, file: file)
        for location in locations {
            let position = location.position
            guard steps.indices.contains(position), steps[position] == location.step else {
                throw otherStep(file)
            }
        }
    }

    static func otherStep(_ file: String) -> ArchiveError {
        ArchiveError(
            .damagedIndex, file: file, cause: "the index says it has a step that it does not have",
            advice: "run `cairn reindex` to rebuild the index from the checkpoint files")
    }

    /// The checksums of a tensor's rows.
    static func checksums(
        _ entry: TensorLayout.Entry, from root: borrowing HDF5Group, file: String
    ) throws -> [FileChecksum] {
        let dataset = try root.group(checksums).dataset(entry.name, type: .uint64)
        guard dataset.shape.count == 2, dataset.shape[1] == 2 else {
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(entry.name)",
                cause: "its rows have no checksums")
        }
        let words = StoredTables.integers(try dataset.read())
            .map { UInt64(bitPattern: Int64($0)) }
        return stride(from: 0, to: words.count, by: 2).map {
            FileChecksum(first: words[$0], second: words[$0 + 1])
        }
    }
}
