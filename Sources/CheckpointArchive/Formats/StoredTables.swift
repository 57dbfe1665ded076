internal import Checkpoints
internal import HDF5Files

/// The tables that checkpoint files carry beside the weights: curves and digests of every step.
enum StoredTables {
    static let metrics = "metrics"
    static let stepDigests = "step_digests"

    /// Writes curves as a table with the columns `name`, `step` and `value`.
    static func write(
        _ points: [MetricPoint], to root: borrowing HDF5Group, compression: HDF5Layout
    ) throws {
        guard !points.isEmpty else { return }
        let nameByteCount = nameByteCount(of: points)
        let bytes = bytes(points)
        let dataset = try root.createDataset(
            metrics, type: rowType(nameByteCount), shape: [points.count], layout: compression)
        try dataset.write(bytes)
        try dataset.setAttribute(
            "about",
            "The run's curves: value of the metric after this number of updates, in the order "
                + "measured. Accuracies lie in [0, 1], losses are mean cross-entropy in nats.")
        try dataset.setAttribute("name_bytes", String(nameByteCount))
        try dataset.setAttribute("sha256", Digest(of: bytes).description)
        try dataset.close()
    }

    /// The width of the column of names.
    static func nameByteCount(of points: [MetricPoint]) -> Int {
        max(1, points.reduce(0) { max($0, $1.name.utf8.count) })
    }

    /// The rows of the table of curves.
    static func bytes(_ points: [MetricPoint]) -> [UInt8] {
        let nameByteCount = nameByteCount(of: points)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(points.count * (nameByteCount + 16))
        for point in points {
            bytes.append(contentsOf: point.name.utf8)
            bytes.append(contentsOf: repeatElement(0, count: nameByteCount - point.name.utf8.count))
            append(UInt64(bitPattern: Int64(point.step)), to: &bytes)
            append(point.value.bitPattern, to: &bytes)
        }
        return bytes
    }

    /// The curves of a file; empty when it has none.
    static func readMetrics(from root: borrowing HDF5Group, _ file: String) throws -> [MetricPoint]
    {
        guard try root.contains(metrics) else { return [] }
        // The width of the names is part of the type, so it is found by asking the sizes that occur.
        guard let nameByteCount = try root.nameByteCount(of: metrics) else {
            throw ArchiveError(
                .damaged, file: file, part: metrics, cause: "its columns are not name, step, value")
        }
        let dataset = try root.dataset(metrics, type: rowType(nameByteCount))
        let bytes = try dataset.read()
        guard try dataset.textAttribute("sha256") == Digest(of: bytes).description else {
            throw ArchiveError(
                .damaged, file: file, part: metrics,
                cause: "its bytes do not have the recorded SHA-256")
        }
        let rowByteCount = nameByteCount + 16
        return try stride(from: 0, to: bytes.count, by: rowByteCount).map { start in
            let name = bytes[start..<start + nameByteCount].prefix { $0 != 0 }
            guard !name.isEmpty else {
                throw ArchiveError(
                    .damaged, file: file, part: metrics, cause: "a curve has no name")
            }
            return MetricPoint(
                name: String(decoding: name, as: UTF8.self),
                step: Int(Int64(bitPattern: word(bytes, start + nameByteCount))),
                value: Double(bitPattern: word(bytes, start + nameByteCount + 8)))
        }
    }

    /// Writes one row per step: the step and the first 16 bytes of its digest as two words.
    static func write(_ digests: [StepDigest], to root: borrowing HDF5Group) throws {
        guard !digests.isEmpty else { return }
        let bytes = bytes(digests)
        let dataset = try root.createDataset(
            stepDigests, type: .uint64, shape: [digests.count, 3])
        try dataset.write(bytes)
        try dataset.setAttribute(
            "about",
            "One row per update: step, and the first 16 bytes (big-endian, as two words) of the "
                + "SHA-256 of the weights after it, stored or not.")
        try dataset.setAttribute("sha256", Digest(of: bytes).description)
        try dataset.close()
    }

    /// The rows of the table of digests.
    static func bytes(_ digests: [StepDigest]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digests.count * 24)
        for digest in digests {
            append(UInt64(bitPattern: Int64(digest.step)), to: &bytes)
            append(digest.high, to: &bytes)
            append(digest.low, to: &bytes)
        }
        return bytes
    }

    static func readStepDigests(
        from root: borrowing HDF5Group, _ file: String
    ) throws
        -> [StepDigest]
    {
        guard try root.contains(stepDigests) else { return [] }
        let dataset = try root.dataset(stepDigests, type: .uint64)
        let bytes = try dataset.read()
        guard dataset.shape.count == 2, dataset.shape[1] == 3,
            try dataset.textAttribute("sha256") == Digest(of: bytes).description
        else {
            throw ArchiveError(
                .damaged, file: file, part: stepDigests,
                cause: "its bytes do not have the recorded SHA-256")
        }
        return stride(from: 0, to: bytes.count, by: 24).map {
            StepDigest(
                step: Int(Int64(bitPattern: word(bytes, $0))), high: word(bytes, $0 + 8),
                low: word(bytes, $0 + 16))
        }
    }

    /// The row of numbers as little-endian bytes.
    static func bytes(_ numbers: [Int]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numbers.count * 8)
        for number in numbers { append(UInt64(bitPattern: Int64(number)), to: &bytes) }
        return bytes
    }

    /// Little-endian bytes as numbers.
    static func integers(_ bytes: [UInt8]) -> [Int] {
        stride(from: 0, to: bytes.count, by: 8).map { Int(Int64(bitPattern: word(bytes, $0))) }
    }

    private static func rowType(_ nameByteCount: Int) -> HDF5Type {
        .record([
            HDF5Type.Field("name", .text(byteCount: nameByteCount)),
            HDF5Type.Field("step", .int64), HDF5Type.Field("value", .float64),
        ])
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}

extension HDF5Group {
    /// The width of the name column, as recorded beside a table of curves.
    fileprivate borrowing func nameByteCount(of table: String) throws -> Int? {
        guard let text = try attribute("name_bytes", ofDataset: table), let count = Int(text),
            (1...StorageLimits.longestMetricName).contains(count)
        else { return nil }
        return count
    }
}
