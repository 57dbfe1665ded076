internal import ArrayMath
internal import Checkpoints
internal import Foundation

/// How much memory the vectors of an estimate take, known before any of them is made.
///
/// A vector has a number of eight bytes for each parameter. What the network's evaluator takes comes
/// on top; it is known beforehand too (`NetworkEvaluator.memoryNeed`).
package struct VectorMemory: Sendable, Equatable {
    /// What there can be more or fewer of: eigenvalues, products, steps.
    package let subject: String
    /// Vectors held for each of them, and besides.
    let each: Double
    let besides: Double
    package let dimension: Int
    /// How many are asked for.
    package let count: Int
    /// How many there are in all; nil where there is no such limit.
    var limit: Int?

    /// The wanted eigenvalues of one end, by Lanczos.
    package static func eigenvalues(_ count: Int, dimension: Int) -> VectorMemory {
        VectorMemory(
            subject: "eigenvalues", each: LanczosOptions.vectorsForEach,
            besides: LanczosOptions.vectorsBesides, dimension: dimension, count: count,
            limit: dimension)
    }

    /// The products of a trace by Hutch++: a basis of a third of them.
    package static func products(_ count: Int, dimension: Int) -> VectorMemory {
        VectorMemory(
            subject: "products", each: 1.0 / 3, besides: 4, dimension: dimension, count: count)
    }

    /// The Lanczos steps of one probe of a spectral density.
    package static func lanczosSteps(_ count: Int, dimension: Int) -> VectorMemory {
        VectorMemory(
            subject: "Lanczos steps", each: 1, besides: 4, dimension: dimension, count: count)
    }

    /// The directions of a random subspace.
    package static func directions(_ count: Int, dimension: Int) -> VectorMemory {
        VectorMemory(
            subject: "directions", each: 1, besides: 6, dimension: dimension, count: count)
    }

    package var byteCount: Double {
        (each * Double(min(count, dimension)) + besides) * Double(dimension) * 8
    }

    /// The most that can be asked for: as many as there are, and no more than half of the machine's
    /// memory holds the vectors of; at least one.
    package func most(
        physicalMemory: UInt64 = ProcessInfo.processInfo.physicalMemory
    ) -> Int {
        let vectors = Double(physicalMemory) / 2 / (8 * Double(max(dimension, 1)))
        let room = Int(max(1, min((vectors - besides) / each, Double(Int32.max))))
        return max(1, min(room, limit ?? room))
    }

    /// Errors: more than there are, or than half of the machine's memory holds.
    package func check(
        physicalMemory: UInt64 = ProcessInfo.processInfo.physicalMemory
    ) throws {
        let most = most(physicalMemory: physicalMemory)
        if let limit, count > max(limit, 5) {
            throw UserError.usage(
                subject: "\(count) \(subject)",
                cause: "the network has \(limit) parameters, so that there are no more of them",
                advice: "ask for at most \(most)")
        }
        guard byteCount > Double(physicalMemory) / 2, count > most else { return }
        throw UserError.usage(
            subject: "\(count) \(subject)",
            cause: "their vectors would take \(gigabytes), more than half of the memory here",
            advice: "ask for at most \(most)")
    }

    /// What will be taken, in words, with the bytes of the network's evaluators on `exampleCount`
    /// examples; nil where it is too little to speak of.
    package func statement(evaluatorBytes: Int, exampleCount: Int) -> String? {
        let total = byteCount + Double(evaluatorBytes)
        guard total >= 1e8 else { return nil }
        return "\(VectorMemory.gigabytes(total)) of memory: \(gigabytes) for vectors (\(count) "
            + "\(subject) of \(dimension) parameters), "
            + "\(VectorMemory.gigabytes(Double(evaluatorBytes))) for the network on \(exampleCount) "
            + "examples."
    }

    private var gigabytes: String { VectorMemory.gigabytes(byteCount) }

    /// A number of bytes in words.
    package static func gigabytes(_ bytes: Double) -> String {
        String(format: "%.1f GB", bytes / 1e9)
    }
}
