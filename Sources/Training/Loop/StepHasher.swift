internal import ArrayMath
internal import Checkpoints
internal import Networks

/// Digests of the weights after every step, computed on the threads of the run.
///
/// The digest of a checkpoint is made of those of its tensors, so the tensors are hashed side by
/// side, the largest first.
final class StepHasher<Scalar: NetworkScalar> {
    private let entries: [ParameterLayout.Entry]
    /// Places in `entries`, the largest tensor first.
    private let order: [Int]
    private let pool: LanePool?
    /// The digest of each tensor; each is written by one lane.
    private let found: UnsafeMutablePointer<Digest>
    private var text: DigestText
    private var digests: [StepDigest] = []
    /// The step whose tensors were hashed last.
    private var lastStep: Int?

    init(layout: ParameterLayout, pool: LanePool?) {
        let entries = layout.entries
        self.entries = entries
        order = entries.indices.sorted {
            (entries[$1].count, $0) < (entries[$0].count, $1)
        }
        self.pool = pool
        // Room for the steps between two checkpoints of most runs.
        digests.reserveCapacity(1024)
        text = DigestText(entries.map { ($0.name, Scalar.elementType, $0.shape) })
        found = .allocate(capacity: max(1, entries.count))
        found.initialize(repeating: Digest(of: []), count: max(1, entries.count))
    }

    deinit {
        found.deinitialize(count: max(1, entries.count))
        found.deallocate()
    }

    /// Takes the weights after a step.
    func add(_ parameters: [Scalar], step: Int) {
        digests.append(digest(of: parameters).shortened(step: step))
        lastStep = step
    }

    /// The digests of the tensors after a step, in the order of the layout; nil where another step
    /// was hashed last.
    func tensorDigests(at step: Int) -> [Digest]? {
        step == lastStep ? entries.indices.map { found[$0] } : nil
    }

    /// The digest of a checkpoint with these weights, without making its tensors.
    func digest(of parameters: [Scalar]) -> Digest {
        lastStep = nil
        parameters.withUnsafeBytes { bytes in
            let work = Work(hasher: self, weights: bytes)
            if let pool {
                pool.run(order.count, work)
            } else {
                for lane in order.indices { work.perform(lane: lane) }
            }
        }
        let found = found
        return text.digest { found[$0] }
    }

    /// The hashing of some weights, one tensor in each lane.
    private struct Work: LaneWork {
        let hasher: StepHasher
        let weights: UnsafeRawBufferPointer

        func perform(lane: Int) { hasher.hash(weights, lane: lane) }
    }

    private func hash(_ weights: UnsafeRawBufferPointer, lane: Int) {
        let entry = entries[order[lane]]
        let size = MemoryLayout<Scalar>.stride
        let range = entry.offset * size..<(entry.offset + entry.count) * size
        found[order[lane]] = Digest(of: UnsafeRawBufferPointer(rebasing: weights[range]))
    }

    /// The digests of all steps handed over and not yet taken, up to a step.
    func take(upTo step: Int) -> [StepDigest] {
        let taken = digests.filter { $0.step <= step }
        digests.removeAll { $0.step <= step }
        return taken
    }
}
