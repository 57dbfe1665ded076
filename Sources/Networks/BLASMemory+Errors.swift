package import ArrayMath
internal import Checkpoints

extension BLASMemory {
    /// Refuses to compute where the matrix products could not have their memory.
    package static func require(threadCount: Int) throws {
        guard isAvailable(threadCount: threadCount) else {
            throw UserError(
                .failure, subject: "memory",
                cause: "matrix products need 130 MB of address space for each of \(threadCount) "
                    + "\(threadCount == 1 ? "thread" : "threads"), which this process cannot have",
                advice: "raise the limit (ulimit -v) or use fewer threads")
        }
    }
}
