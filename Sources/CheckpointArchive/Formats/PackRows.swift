internal import Checkpoints
internal import Foundation
internal import HDF5Files
internal import SystemFiles

extension PackFile.Row {
    /// A checkpoint that is in memory.
    init(_ checkpoint: Checkpoint, _ summary: CheckpointFile.Summary) {
        let tensors = CheckpointFile.sorted(checkpoint.weights)
        self.init(
            summary: summary, metrics: checkpoint.metrics, stepDigests: checkpoint.stepDigests
        ) { tensorIndex, body in try tensors[tensorIndex].bytes.withUnsafeBytes(body) }
    }
}

/// Writes rows into the datasets of a new pack.
///
/// Rows that lie in one piece go straight to their places in the file, past the HDF5 library, which
/// made the datasets and never touches their values. Several rows of a tensor are gathered for one
/// write: the system keeps what is written at once in large pages, which are faster to write and
/// several times faster to map.
struct RowWriters: ~Copyable {
    private let layout: TensorLayout
    private let weights: HDF5Group
    private let digests: HDF5Group
    private let checksums: HDF5Group
    /// Where row 0 of each tensor begins; nil where its rows do not lie in one piece.
    private var offsets: [Int?] = []
    /// Open a second time beside the library.
    private let file: OpenFile
    /// Rows of each tensor that are not written yet, and how many rows are.
    private var gathered: [[UInt8]]
    private var writtenCounts: [Int]
    /// The bytes of a tensor's rows that are gathered before they are written.
    private let gatheredByteCount: Int
    /// The digests and sums of the rows so far, tensor by tensor.
    private var digestBytes: [[UInt8]]
    private var sums: [[FileChecksum]]

    init(
        _ path: RootedPath, _ root: borrowing HDF5Group, _ layout: TensorLayout, rowCount: Int,
        _ compression: HDF5Layout
    ) throws {
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
        var offsets: [Int?] = []
        for entry in layout.entries {
            let dataset = try weights.createDataset(
                entry.name, type: entry.elementType.stored, shape: [rowCount] + entry.shape,
                layout: compression)
            try dataset.setAttribute("dtype", entry.elementType.rawValue)
            offsets.append(entry.byteCount > 0 ? try dataset.contiguousOffset() : nil)
            try dataset.close()
            try digests.createDataset(entry.name, type: .uint8, shape: [rowCount, 32]).close()
            try checksums.createDataset(entry.name, type: .uint64, shape: [rowCount, 2]).close()
        }
        file = try path.open(.writing)
        self.layout = layout
        self.weights = weights
        self.digests = digests
        self.checksums = checksums
        self.offsets = offsets
        gathered = layout.entries.map { _ in [] }
        writtenCounts = layout.entries.map { _ in 0 }
        gatheredByteCount = min(
            RowWriters.largestWrite, RowWriters.largestMemory / max(1, layout.entries.count))
        digestBytes = layout.entries.map { _ in [] }
        sums = layout.entries.map { _ in [] }
    }

    private static let largestWrite = 2 << 20
    /// The bytes of all tensors' rows that are gathered at once.
    private static let largestMemory = 32 << 20

    /// Writes the row with this index, which follows the row before.
    mutating func write(_ row: PackFile.Row, at index: Int) throws {
        for (tensorIndex, entry) in layout.entries.enumerated() {
            try row.values(tensorIndex) { values in
                precondition(values.count == entry.byteCount, "a row has the run's shape")
                if offsets[tensorIndex] != nil {
                    try gather(values, tensorIndex)
                } else {
                    let dataset = try weights.dataset(entry.name, type: entry.elementType.stored)
                    try dataset.write(Array(values), fromRow: index)
                    try dataset.close()
                }
                sums[tensorIndex].append(FileChecksum(of: values))
            }
            digestBytes[tensorIndex] += row.summary.digests[tensorIndex].bytes
        }
    }

    private mutating func gather(_ values: UnsafeRawBufferPointer, _ tensorIndex: Int) throws {
        if gathered[tensorIndex].isEmpty, values.count >= gatheredByteCount {
            return try write(values, tensorIndex)
        }
        if gathered[tensorIndex].isEmpty {
            gathered[tensorIndex].reserveCapacity(gatheredByteCount + values.count)
        }
        gathered[tensorIndex] += values
        if gathered[tensorIndex].count >= gatheredByteCount { try writeGathered(tensorIndex) }
    }

    private mutating func writeGathered(_ tensorIndex: Int) throws {
        guard !gathered[tensorIndex].isEmpty else { return }
        var rows: [UInt8] = []
        swap(&rows, &gathered[tensorIndex])
        try rows.withUnsafeBytes { try write($0, tensorIndex) }
        rows.removeAll(keepingCapacity: true)
        swap(&rows, &gathered[tensorIndex])
    }

    /// Writes whole rows behind those of the same tensor that are written.
    private mutating func write(_ rows: UnsafeRawBufferPointer, _ tensorIndex: Int) throws {
        guard let offset = offsets[tensorIndex] else { return }
        let byteCount = layout.entries[tensorIndex].byteCount
        try file.write(rows, at: offset + writtenCounts[tensorIndex] * byteCount)
        writtenCounts[tensorIndex] += rows.count / byteCount
    }

    /// Writes what is gathered, and the digests and checksums of all rows; returns where the rows lie
    /// in the file, and their sums.
    consuming func finish() throws -> (extents: [Range<Int>], sums: [[FileChecksum]]) {
        for tensorIndex in gathered.indices { try writeGathered(tensorIndex) }
        // Some file systems tell of a failed write only here.
        try file.close()
        var extents: [Range<Int>] = []
        for (tensorIndex, entry) in layout.entries.enumerated() {
            let digestTable = try digests.dataset(entry.name, type: .uint8)
            try digestTable.write(digestBytes[tensorIndex])
            try digestTable.close()
            let sumTable = try checksums.dataset(entry.name, type: .uint64)
            try sumTable.write(sums[tensorIndex].flatMap(\.littleEndianBytes))
            try sumTable.close()
            let dataset = try weights.dataset(entry.name, type: entry.elementType.stored)
            extents += try dataset.storedExtents()
            try dataset.close()
        }
        let sums = sums
        try weights.close()
        try digests.close()
        try checksums.close()
        return (extents, sums)
    }
}

/// Reads the rows of a tensor as they are read for analyses: past the library where they lie in one
/// piece.
struct RowReader {
    private let file: OpenFile
    private let rowByteCount: Int
    /// Where row 0 begins; nil where the rows do not lie in one piece.
    private let offset: Int?

    init(_ path: RootedPath, _ dataset: borrowing HDF5Dataset, _ entry: TensorLayout.Entry) throws {
        file = try path.open()
        rowByteCount = entry.byteCount
        offset = entry.byteCount > 0 ? try dataset.contiguousOffset() : nil
    }

    /// The sum of a row's bytes.
    func sum(of row: Int, in dataset: borrowing HDF5Dataset) throws -> FileChecksum {
        guard let offset else { return FileChecksum(of: try dataset.read(rows: row..<row + 1)) }
        let start = offset + row * rowByteCount
        return FileChecksum(of: try file.read([start..<start + rowByteCount]))
    }
}
