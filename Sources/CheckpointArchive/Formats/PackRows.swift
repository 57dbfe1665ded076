internal import Checkpoints
internal import Foundation
internal import HDF5Files

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
    private let path: String
    private let layout: TensorLayout
    private let weights: HDF5Group
    private let digests: HDF5Group
    private let checksums: HDF5Group
    /// Where row 0 of each tensor begins; nil where its rows do not lie in one piece.
    private var offsets: [Int?] = []
    private let descriptor: Int32
    /// Rows of each tensor that are not written yet, and how many rows are.
    private var gathered: [[UInt8]]
    private var writtenCounts: [Int]
    /// The bytes of a tensor's rows that are gathered before they are written.
    private let gatheredByteCount: Int
    /// The digests and sums of the rows so far, tensor by tensor.
    private var digestBytes: [[UInt8]]
    private var sums: [[FileChecksum]]

    init(
        _ path: String, _ root: borrowing HDF5Group, _ layout: TensorLayout, rowCount: Int,
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
            _ = try digests.createDataset(entry.name, type: .uint8, shape: [rowCount, 32])
            _ = try checksums.createDataset(entry.name, type: .uint64, shape: [rowCount, 2])
        }
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        self.path = path
        self.layout = layout
        self.weights = weights
        self.digests = digests
        self.checksums = checksums
        self.offsets = offsets
        self.descriptor = descriptor
        gathered = layout.entries.map { _ in [] }
        writtenCounts = layout.entries.map { _ in 0 }
        gatheredByteCount = min(
            RowWriters.largestWrite, RowWriters.largestMemory / max(1, layout.entries.count))
        digestBytes = layout.entries.map { _ in [] }
        sums = layout.entries.map { _ in [] }
    }

    deinit { close(descriptor) }

    private static let largestWrite = 2 << 20
    /// The bytes of all tensors' rows that are gathered at once.
    private static let largestMemory = 32 << 20

    /// Where the rows lie in the file.
    borrowing func extents() throws -> [Range<Int>] {
        var extents: [Range<Int>] = []
        for entry in layout.entries {
            extents += try weights.dataset(entry.name, type: entry.elementType.stored)
                .storedExtents()
        }
        return extents
    }

    /// Writes the row with this index, which follows the row before.
    mutating func write(_ row: PackFile.Row, at index: Int) throws {
        for (tensorIndex, entry) in layout.entries.enumerated() {
            try row.values(tensorIndex) { values in
                precondition(values.count == entry.byteCount, "a row has the run's shape")
                if offsets[tensorIndex] != nil {
                    try gather(values, tensorIndex)
                } else {
                    try weights.dataset(entry.name, type: entry.elementType.stored).write(
                        Array(values), fromRow: index)
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
        try DurableFiles.writeAll(
            rows, to: descriptor, at: offset + writtenCounts[tensorIndex] * byteCount, path)
        writtenCounts[tensorIndex] += rows.count / byteCount
    }

    /// Writes what is gathered, and the digests and checksums of all rows.
    mutating func finish() throws {
        for tensorIndex in gathered.indices { try writeGathered(tensorIndex) }
        for (tensorIndex, entry) in layout.entries.enumerated() {
            try digests.dataset(entry.name, type: .uint8).write(digestBytes[tensorIndex])
            try checksums.dataset(entry.name, type: .uint64).write(
                sums[tensorIndex].flatMap(\.littleEndianBytes))
        }
    }

    /// What was written past the library.
    var written: WrittenRows { WrittenRows(layout: layout, offsets: offsets, sums: sums) }
}

/// Rows of a pack that lie in one piece, and their sums.
struct WrittenRows {
    fileprivate let layout: TensorLayout
    fileprivate let offsets: [Int?]
    fileprivate let sums: [[FileChecksum]]

    /// Reads the rows of a finished pack: they are soon the only copy of the weights.
    func requireEqual(to path: String) throws {
        try DurableFiles.reading(path) { descriptor, _ in
            try requireEqual(to: path, descriptor)
        }
    }

    private func requireEqual(to path: String, _ descriptor: Int32) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: layout.entries.reduce(0) { max($0, $1.byteCount) }, alignment: 64)
        defer { buffer.deallocate() }
        for (tensorIndex, entry) in layout.entries.enumerated() {
            guard let offset = offsets[tensorIndex] else { continue }
            let row = UnsafeMutableRawBufferPointer(rebasing: buffer[..<entry.byteCount])
            for (index, sum) in sums[tensorIndex].enumerated() {
                try DurableFiles.readAll(
                    descriptor, into: row, at: offset + index * entry.byteCount, path)
                guard FileChecksum(of: UnsafeRawBufferPointer(row)) == sum else {
                    throw UserError(
                        .failure, subject: path,
                        cause: "row \(index) of \(entry.name) was not written as it was given",
                        advice: "check the disk")
                }
            }
        }
    }
}
