internal import Checkpoints
internal import Dispatch
internal import HDF5Files
internal import Synchronization

/// The file of one checkpoint that is not packed yet.
///
/// `/weights/TENSOR` one dataset per tensor, `/metrics` and `/step_digests` what was measured
/// since the checkpoint before, `/optimizer/TENSOR` the optimiser's memory where it is kept.
enum CheckpointFile {
    static let weights = "weights"
    static let optimizer = "optimizer"

    /// What a checkpoint adds to the index.
    struct Summary: Sendable {
        let step: Int
        let layout: TensorLayout
        let digests: [Digest]
        let digest: Digest
        let hasOptimizerState: Bool

        init(_ checkpoint: Checkpoint) throws {
            self.init(checkpoint, try TensorLayout(of: sorted(checkpoint.weights)))
        }

        /// The summary of a checkpoint whose weights have this layout.
        init(_ checkpoint: Checkpoint, _ layout: TensorLayout) {
            self.init(
                step: checkpoint.step, layout: layout,
                digests: CheckpointFile.digests(
                    of: checkpoint, sorted: sorted(checkpoint.weights)),
                hasOptimizerState: checkpoint.optimizerState != nil)
        }

        init(step: Int, layout: TensorLayout, digests: [Digest], hasOptimizerState: Bool) {
            self.step = step
            self.layout = layout
            self.digests = digests
            digest = CheckpointFile.digest(layout, digests)
            self.hasOptimizerState = hasOptimizerState
        }
    }

    /// The bytes of the file of a checkpoint.
    static func image(
        of checkpoint: Checkpoint, _ summary: Summary, run: String, compression: HDF5Layout
    ) throws -> [UInt8] {
        let payload =
            summary.layout.byteCount
            + (checkpoint.optimizerState?.tensors.reduce(0) { $0 + $1.bytes.count } ?? 0)
        var extents: [Range<Int>] = []
        let image = try HDF5File.image(
            "checkpoint \(checkpoint.step)", expectedByteCount: payload + 1 << 16
        ) { root in
            try describeCheckpoint(root, step: checkpoint.step, run: run)
            try root.setAttribute("digest", summary.digest.description)
            let group = try createWeights(in: root)
            for (tensor, digest) in zip(sorted(checkpoint.weights), summary.digests) {
                extents += try write(tensor, digest, to: group, compression: compression)
            }
            try group.close()
            if let state = checkpoint.optimizerState {
                extents += try write(state, to: root, compression: compression)
            }
            try StoredTables.write(checkpoint.metrics, to: root, compression: .contiguous)
            try StoredTables.write(checkpoint.stepDigests, to: root)
        }
        return sealed(image, extents)
    }

    /// The bytes of a file that holds the optimiser's memory at one step and nothing else.
    static func image(
        of state: OptimizerState, step: Int, run: String, compression: HDF5Layout
    ) throws
        -> [UInt8]
    {
        var extents: [Range<Int>] = []
        let image = try HDF5File.image(
            "optimizer \(step)",
            expectedByteCount: state.tensors.reduce(1 << 16) { $0 + $1.bytes.count }
        ) { root in
            try describe(
                root, kind: "optimizer_state", run: run,
                about: "The optimiser's memory at one step of a run, written by Cairn; training "
                    + "continues from it bit-identically.")
            try root.setAttribute("step", step)
            extents = try write(state, to: root, compression: compression)
        }
        return sealed(image, extents)
    }

    /// The bytes of a file in memory, followed by the seal; `extents` hold raw values.
    static func sealed(_ image: [UInt8], _ extents: [Range<Int>] = []) -> [UInt8] {
        image + FileSeal.seal(of: image, extents: extents)
    }

    /// Says in attributes what the file is.
    static func describe(
        _ root: borrowing HDF5Group, kind: String, run: String, about: String
    ) throws {
        try root.setAttribute("about", about)
        try root.setAttribute("kind", kind)
        try root.setAttribute("format", ArchiveFormat.current)
        try root.setAttribute("run", run)
    }

    static func describeCheckpoint(
        _ root: borrowing HDF5Group, step: Int, run: String
    ) throws {
        try describe(
            root, kind: "checkpoint", run: run,
            about: "One checkpoint of a training run, written by Cairn. Step is the number of "
                + "updates done.")
        try root.setAttribute("step", step)
    }

    static func createWeights(in root: borrowing HDF5Group) throws -> HDF5Group {
        let group = try root.createGroup(weights)
        try group.setAttribute(
            "about",
            "The weights, one dataset per tensor. sha256 is of the raw little-endian "
                + "bytes; dtype is the type the bytes stand for.")
        return group
    }

    /// The group of an optimiser's memory with everything in it that is not a tensor.
    static func createOptimizer(
        _ attributes: String, in root: borrowing HDF5Group
    ) throws -> HDF5Group {
        let group = try root.createGroup(optimizer)
        try group.setAttribute(
            "about",
            "The optimiser's memory: moments per tensor as datasets, everything else as "
                + "JSON in the attribute state.")
        try group.setAttribute("state", attributes)
        try group.setAttribute("sha256", Digest(of: Array(attributes.utf8)).description)
        return group
    }

    /// Writes a tensor; returns where its values lie in the file.
    static func write(
        _ tensor: Tensor, _ digest: Digest, to group: borrowing HDF5Group, compression: HDF5Layout
    ) throws -> [Range<Int>] {
        let dataset = try group.createDataset(
            tensor.name, type: tensor.elementType.stored, shape: tensor.shape, layout: compression)
        try dataset.write(tensor.bytes)
        try dataset.setAttribute("dtype", tensor.elementType.rawValue)
        try dataset.setAttribute("sha256", digest.description)
        let extents = try dataset.storedExtents()
        try dataset.close()
        return extents
    }

    /// Writes the optimiser's memory; returns where the values of its tensors lie in the file.
    static func write(
        _ state: OptimizerState, to root: borrowing HDF5Group, compression: HDF5Layout
    ) throws -> [Range<Int>] {
        let group = try createOptimizer(state.attributes, in: root)
        var extents: [Range<Int>] = []
        for tensor in state.tensors {
            extents += try write(
                tensor, Digest(of: tensor.bytes), to: group, compression: compression)
        }
        try group.close()
        return extents
    }

    /// The digests of a checkpoint's tensors in the order of their names: those that came with it,
    /// or computed.
    private static func digests(of checkpoint: Checkpoint, sorted tensors: [Tensor]) -> [Digest] {
        guard let known = checkpoint.weightDigests else { return digests(of: tensors) }
        precondition(known.count == tensors.count, "each tensor has a digest")
        let byName = Dictionary(
            zip(checkpoint.weights.map(\.name), known), uniquingKeysWith: { first, _ in first })
        let ordered = tensors.compactMap { byName[$0.name] }
        assert(ordered == digests(of: tensors), "a digest is that of its tensor")
        return ordered
    }

    /// The digests of tensors, by several processors where there is much to hash.
    static func digests(of tensors: [Tensor]) -> [Digest] {
        let byteCount = tensors.reduce(0) { $0 + $1.bytes.count }
        guard byteCount >= smallestSharedByteCount, tensors.count > 1 else {
            return tensors.map { Digest(of: $0.bytes) }
        }
        let digests = Mutex([Digest?](repeating: nil, count: tensors.count))
        let next = Atomic<Int>(0)
        // The largest first, so that the last to end is a small one.
        let order = tensors.indices.sorted { tensors[$0].bytes.count > tensors[$1].bytes.count }
        DispatchQueue.concurrentPerform(iterations: 2) { _ in
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < order.count else { return }
                let digest = Digest(of: tensors[order[number]].bytes)
                digests.withLock { $0[order[number]] = digest }
            }
        }
        return digests.withLock { $0.compactMap(\.self) }
    }

    /// Waking another processor costs as much as hashing about this many bytes.
    private static let smallestSharedByteCount = 1 << 17

    static func sorted(_ tensors: [Tensor]) -> [Tensor] {
        tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    static func digest(_ layout: TensorLayout, _ digests: [Digest]) -> Digest {
        Digest(
            parts: zip(layout.entries, digests).map {
                Digest.Part(
                    name: $0.name, elementType: $0.elementType, shape: $0.shape, digest: $1)
            })
    }
}
