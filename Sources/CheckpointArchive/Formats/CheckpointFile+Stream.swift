internal import Checkpoints
internal import HDF5Files
internal import SystemFiles

extension CheckpointFile {
    /// Checkpoints of more bytes are written piece by piece; smaller ones are made in memory, which
    /// is quicker.
    static let largestWholeByteCount = 32 << 20

    /// Writes the file of a checkpoint whose tensors are read meanwhile.
    ///
    /// The file has the same content as that of `image(of:_:run:layout:)`.
    static func write(
        _ checkpoint: StreamedCheckpoint, _ layout: TensorLayout, run: String, to path: RootedPath
    ) throws -> Summary {
        var extents: [Range<Int>] = []
        let summary = try HDF5File.create(path.absolute) { root in
            try describeCheckpoint(root, step: checkpoint.step, run: run)
            let group = try createWeights(in: root)
            var digests: [Digest] = []
            for tensor in sorted(checkpoint.weights) {
                let (digest, stored) = try write(tensor, to: group)
                digests.append(digest)
                extents += stored
            }
            try group.close()
            let summary = Summary(
                step: checkpoint.step, layout: layout, digests: digests,
                hasOptimizerState: checkpoint.optimizerState != nil)
            try root.setAttribute("digest", summary.digest.description)
            if let state = checkpoint.optimizerState {
                let group = try createOptimizer(state.attributes, in: root)
                for tensor in state.tensors { extents += try write(tensor, to: group).extents }
                try group.close()
            }
            try StoredTables.write(checkpoint.metrics, to: root, compression: .contiguous)
            try StoredTables.write([StepDigest](), to: root)
            return summary
        }
        try FileSeal.append(to: path, extents: extents)
        try requireReadable(path, run: run, summary, checkpoint.metrics)
        return summary
    }

    /// Throws unless a new file says what was written into it.
    private static func requireReadable(
        _ path: RootedPath, run: String, _ summary: Summary, _ metrics: [MetricPoint]
    ) throws {
        let found = try header(path, run: run)
        guard found.summary.step == summary.step, found.summary.layout == summary.layout,
            found.summary.digest == summary.digest,
            StoredTables.bytes(try found.metrics.get()) == StoredTables.bytes(metrics)
        else {
            throw ArchiveError(.notWritten, file: path.absolute)
        }
    }

    /// Writes one tensor, one piece after the other; returns the digest of what was written and
    /// where it lies in the file.
    private static func write(
        _ tensor: StreamedTensor, to group: borrowing HDF5Group
    ) throws -> (digest: Digest, extents: [Range<Int>]) {
        let dataset = try group.createDataset(
            tensor.name, type: tensor.elementType.stored, shape: tensor.shape)
        let blocks = dataset.blocks(ofAtMost: PieceSizes.usualByteCount)
        let digest = try OverlappedPieces.digest(
            sizes: blocks.map(\.byteCount), fill: try tensor.reader()
        ) { index, piece in
            try dataset.write(piece, in: blocks[index])
        }
        try dataset.setAttribute("dtype", tensor.elementType.rawValue)
        try dataset.setAttribute("sha256", digest.description)
        let extents = try dataset.storedExtents()
        try dataset.close()
        return (digest, extents)
    }

    static func sorted(_ tensors: [StreamedTensor]) -> [StreamedTensor] {
        tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}
