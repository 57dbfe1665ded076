internal import Foundation

/// The memory that OpenBLAS takes for itself at its first product on each thread.
///
/// Where it cannot have it, OpenBLAS asks again for ever, so whoever computes asks before.
package enum BLASMemory {
    /// What OpenBLAS 0.3 maps for one thread on 64-bit processors, rounded up.
    private static let byteCount = 130 << 20

    /// Whether this process can still map as much for so many threads.
    package static func isAvailable(threadCount: Int) -> Bool {
        let count = byteCount * max(1, threadCount)
        guard
            let memory = mmap(
                nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { return false }
        munmap(memory, count)
        return true
    }
}
