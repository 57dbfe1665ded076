internal import Checkpoints
internal import Foundation
internal import Networks
internal import Synchronization

/// Digests of the weights after every step, computed beside the trainer.
///
/// The trainer hands over a copy of the flat vector and goes on; a thread of its own hashes it. Two
/// copies exist, so the trainer waits only where hashing is slower than training. Without
/// concurrency the digest is computed at once on the caller's thread.
final class StepHasher<Scalar: NetworkScalar>: Sendable {
    /// A copy of the weights on its way to the hashing thread.
    private final class Slot: Sendable {
        let content: Mutex<(step: Int, parameters: [Scalar])>

        init(count: Int) {
            content = Mutex((0, [Scalar](repeating: 0, count: count)))
        }
    }

    private let layout: ParameterLayout
    private let slots: [Slot]
    private let digests = Mutex<[StepDigest]>([])
    private let placesLeft = DispatchSemaphore(value: 0)
    private let copiesWaiting = DispatchSemaphore(value: 0)
    private let handedOver = Mutex(0)
    private let isClosing = Mutex(false)

    init(layout: ParameterLayout, isConcurrent: Bool) {
        self.layout = layout
        slots = isConcurrent ? [Slot(count: layout.count), Slot(count: layout.count)] : []
        // Raised here rather than made with this value: a semaphore may not end below its first
        // value, and a run that stops leaves copies behind.
        for _ in slots { placesLeft.signal() }
        if isConcurrent {
            let thread = Thread { [self] in hashCopies() }
            thread.name = "step digests"
            thread.start()
        }
    }

    /// Takes the weights after a step.
    func add(_ parameters: [Scalar], step: Int) {
        guard !slots.isEmpty else {
            let digest = layout.digest(of: parameters).shortened(step: step)
            digests.withLock { $0.append(digest) }
            return
        }
        placesLeft.wait()
        let count = handedOver.withLock { count in
            defer { count += 1 }
            return count
        }
        slots[count % slots.count].content.withLock { slot in
            slot.step = step
            slot.parameters.withUnsafeMutableBufferPointer { copy in
                parameters.withUnsafeBufferPointer { _ = copy.update(from: $0) }
            }
        }
        copiesWaiting.signal()
    }

    /// The digests of all steps handed over and not yet taken, up to a step; waits for them.
    func take(upTo step: Int) -> [StepDigest] {
        // With every place free, every copy has been hashed.
        for _ in slots { placesLeft.wait() }
        for _ in slots { placesLeft.signal() }
        return digests.withLock { digests in
            let taken = digests.filter { $0.step <= step }
            digests.removeAll { $0.step <= step }
            return taken
        }
    }

    /// Ends the thread.
    func close() {
        guard !slots.isEmpty else { return }
        isClosing.withLock { $0 = true }
        copiesWaiting.signal()
    }

    private func hashCopies() {
        var count = 0
        while true {
            copiesWaiting.wait()
            if isClosing.withLock({ $0 }) { return }
            let digest = slots[count % slots.count].content.withLock {
                layout.digest(of: $0.parameters).shortened(step: $0.step)
            }
            digests.withLock { $0.append(digest) }
            count += 1
            placesLeft.signal()
        }
    }
}

extension ParameterLayout {
    /// The digest of a checkpoint with these weights, without making its tensors.
    func digest<Scalar: NetworkScalar>(of parameters: [Scalar]) -> Digest {
        Digest(
            parts: parameters.withUnsafeBytes { bytes in
                entries.map { entry in
                    let size = MemoryLayout<Scalar>.stride
                    let range = entry.offset * size..<(entry.offset + entry.count) * size
                    return Digest.Part(
                        name: entry.name, elementType: Scalar.elementType, shape: entry.shape,
                        digest: Digest(of: UnsafeRawBufferPointer(rebasing: bytes[range])))
                }
            })
    }
}
