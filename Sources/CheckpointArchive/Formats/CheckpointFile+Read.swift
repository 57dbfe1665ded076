internal import Checkpoints
internal import HDF5Files
internal import SystemFiles

extension CheckpointFile {
    /// The values of a tensor, checked against the digest that the index or the file records.
    static func tensor(
        _ entry: TensorLayout.Entry, from group: borrowing HDF5Group, digest: Digest, file: String
    ) throws -> Tensor {
        let dataset = try group.dataset(entry.name, type: entry.elementType.stored)
        guard dataset.shape == entry.shape else {
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(entry.name)",
                cause: "its shape is \(dataset.shape) instead of \(entry.shape)")
        }
        let bytes = try dataset.read()
        guard Digest(of: bytes) == digest else {
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(entry.name)",
                cause: "its bytes do not have the recorded SHA-256")
        }
        return Tensor(
            name: entry.name, shape: entry.shape, elementType: entry.elementType, bytes: bytes)
    }

    /// Every tensor of a group, checked against the digests recorded in the file itself.
    static func tensors(
        in group: borrowing HDF5Group, file: String, areState: Bool = false
    ) throws -> [(Tensor, Digest)] {
        var tensors: [(Tensor, Digest)] = []
        for (entry, digest) in try entries(in: group, file: file, areState: areState) {
            tensors.append(
                (try tensor(entry, from: group, digest: digest, file: file), digest))
        }
        return tensors
    }

    /// The tensors of a group and their recorded digests, without the values.
    static func entries(
        in group: borrowing HDF5Group, file: String, areState: Bool = false
    ) throws -> [(
        entry: TensorLayout.Entry, digest: Digest
    )] {
        var entries: [(entry: TensorLayout.Entry, digest: Digest)] = []
        for name in try group.names() {
            let part = "tensor \(name)"
            guard let dtype = try group.attribute("dtype", ofDataset: name),
                let elementType = ElementType(rawValue: dtype)
            else {
                throw ArchiveError(.damaged, file: file, part: part, cause: "it has no known dtype")
            }
            guard let text = try group.attribute("sha256", ofDataset: name),
                let digest = Digest(hexadecimal: text)
            else {
                throw ArchiveError(
                    .damaged, file: file, part: part, cause: "it has no recorded SHA-256")
            }
            let shape = try group.dataset(name, type: elementType.stored).shape
            let entry = try entry(name, shape, elementType, file: file, isState: areState)
            entries.append((entry, digest))
        }
        return entries
    }

    /// A tensor as a file says it is; what no writer would have stored is damage.
    static func entry(
        _ name: String, _ shape: [Int], _ elementType: ElementType, file: String,
        isState: Bool = false
    ) throws -> TensorLayout.Entry {
        if let refusal = StorageLimits.refusal(ofTensor: name, shape: shape, isState: isState) {
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(name.prefix(40))", cause: refusal)
        }
        return TensorLayout.Entry(name: name, shape: shape, elementType: elementType)
    }

    /// The optimiser's memory in a file; nil when it has none.
    static func optimizerState(
        from root: borrowing HDF5Group, file: String
    ) throws
        -> OptimizerState?
    {
        guard try root.contains(optimizer) else { return nil }
        let group = try root.group(optimizer)
        let attributes = try group.textAttribute("state") ?? "{}"
        guard
            try group.textAttribute("sha256") == Digest(of: Array(attributes.utf8)).description
        else {
            throw ArchiveError(
                .damaged, file: file, part: "optimizer",
                cause: "its state does not have the recorded SHA-256"
            )
        }
        return OptimizerState(
            tensors: try tensors(in: group, file: file, areState: true).map(\.0),
            attributes: attributes)
    }

    /// The optimiser's memory in a file of its own, and its step.
    static func readOptimizerFile(
        _ path: RootedPath, run: String
    ) throws -> (
        step: Int, state: OptimizerState
    ) {
        let file = path.path
        let opened = try FileSeal.open(path)
        let root = try opened.root()
        try ArchiveFormat.check(root, file)
        guard try root.textAttribute("kind") == "optimizer_state",
            try root.textAttribute("run") == run, let step = try root.integerAttribute("step"),
            let state = try optimizerState(from: root, file: file)
        else {
            throw ArchiveError(.damaged, file: file, cause: "it does not hold an optimiser's state")
        }
        return (step, state)
    }

    /// What a checkpoint file says about itself, without reading the values of the weights.
    ///
    /// Whether the bytes still have the recorded digests is for `verify` and for every read of a
    /// tensor to find out.
    static func header(
        _ path: RootedPath, run: String
    ) throws -> (
        summary: Summary, metrics: Result<[MetricPoint], any Error>
    ) {
        let file = path.path
        let opened = try FileSeal.open(path)
        let root = try opened.root()
        let step = try requireCheckpoint(root, file: file, run: run)
        let group = try root.group(weights)
        let entries = try entries(in: group, file: file)
        let ordered = entries.sorted {
            $0.entry.name.utf8.lexicographicallyPrecedes($1.entry.name.utf8)
        }
        let summary = Summary(
            step: step, layout: TensorLayout(entries: ordered.map(\.entry)),
            digests: ordered.map(\.digest), hasOptimizerState: try root.contains(optimizer))
        guard try root.textAttribute("digest") == summary.digest.description else {
            throw ArchiveError(
                .damaged, file: file, cause: "its tensors do not make up the recorded digest")
        }
        return (summary, Result { try StoredTables.readMetrics(from: root, file) })
    }

    /// Everything a checkpoint file holds, with every tensor checked, and its digests.
    static func read(
        _ path: RootedPath, run: String
    ) throws -> (checkpoint: Checkpoint, summary: Summary) {
        let file = path.path
        let opened = try FileSeal.open(path)
        let root = try opened.root()
        let step = try requireCheckpoint(root, file: file, run: run)
        let tensors = try tensors(in: try root.group(weights), file: file)
        let checkpoint = Checkpoint(
            step: step, weights: tensors.map(\.0),
            optimizerState: try optimizerState(from: root, file: file),
            metrics: try StoredTables.readMetrics(from: root, file),
            stepDigests: try StoredTables.readStepDigests(from: root, file))
        let ordered = tensors.sorted {
            $0.0.name.utf8.lexicographicallyPrecedes($1.0.name.utf8)
        }
        let summary = Summary(
            step: step, layout: try TensorLayout(of: ordered.map(\.0)),
            digests: ordered.map(\.1), hasOptimizerState: checkpoint.optimizerState != nil)
        return (checkpoint, summary)
    }

    private static func requireCheckpoint(
        _ root: borrowing HDF5Group, file: String, run: String
    ) throws -> Int {
        guard try root.textAttribute("kind") == "checkpoint",
            let step = try root.integerAttribute("step"), step >= 0
        else { throw ArchiveError(.damaged, file: file, cause: "it is not a checkpoint file") }
        try ArchiveFormat.check(root, file)
        guard try root.textAttribute("run") == run else {
            throw ArchiveError(.damaged, file: file, cause: "it belongs to another run")
        }
        return step
    }
}
