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
        var stateDigests: [Digest] = []
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
                for tensor in state.tensors {
                    let (digest, stored) = try write(tensor, to: group)
                    stateDigests.append(digest)
                    extents += stored
                }
                try group.close()
            }
            try StoredTables.write(checkpoint.metrics, to: root, compression: .contiguous)
            try StoredTables.write([StepDigest](), to: root)
            return summary
        }
        try FileSeal.append(to: path, extents: extents)
        try requireReadable(path, run: run, summary, stateDigests, of: checkpoint)
        return summary
    }

    /// Throws unless a new file, opened afresh, says what was written into it, every value included.
    private static func requireReadable(
        _ path: RootedPath, run: String, _ summary: Summary, _ stateDigests: [Digest],
        of checkpoint: StreamedCheckpoint
    ) throws {
        func require(_ isEqual: Bool, _ part: String) throws {
            guard isEqual else {
                throw ArchiveError(
                    .notWritten, file: path.absolute,
                    cause: "\(part) was not written as it was given")
            }
        }
        let found = try header(path, run: run)
        try require(
            found.summary.step == summary.step && found.summary.layout == summary.layout
                && found.summary.digest == summary.digest, "the checkpoint")
        try require(
            StoredTables.bytes(try found.metrics.get()) == StoredTables.bytes(checkpoint.metrics),
            StoredTables.metrics)
        let opened = try FileSeal.open(path)
        let root = try opened.root()
        let group = try root.group(weights)
        for (entry, digest) in zip(summary.layout.entries, summary.digests) {
            try require(
                try valueDigest(of: entry.name, entry.elementType, in: group) == digest,
                "tensor \(entry.name)")
        }
        guard let state = checkpoint.optimizerState else { return }
        let memory = try root.group(optimizer)
        try require(try memory.textAttribute("state") == state.attributes, "the optimiser's state")
        for (tensor, digest) in zip(state.tensors, stateDigests) {
            try require(
                try valueDigest(of: tensor.name, tensor.elementType, in: memory) == digest,
                "\(tensor.name) of the optimiser's memory")
        }
    }

    /// The digest of a tensor's values, read one piece after the other.
    private static func valueDigest(
        of name: String, _ elementType: ElementType, in group: borrowing HDF5Group
    ) throws -> Digest {
        let dataset = try group.dataset(name, type: elementType.stored)
        let blocks = dataset.blocks(ofAtMost: PieceSizes.usualByteCount)
        var rest = blocks[...]
        return try OverlappedPieces.digest(
            sizes: blocks.map(\.byteCount),
            fill: { piece in
                guard let block = rest.popFirst() else {
                    preconditionFailure("a piece for each block")
                }
                piece.copyBytes(from: try dataset.read(block))
            }, use: { _, _ in })
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
