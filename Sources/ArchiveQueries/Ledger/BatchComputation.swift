internal import Checkpoints
internal import Dispatch
internal import Synchronization

/// Items that are computed on several threads while their owner does something else.
final class BatchComputation: Sendable {
    private let group = DispatchGroup()
    private let outcomes: Mutex<[Int: Result<Analyzer.Outcome, any Error>]> = Mutex([:])
    private let next = Atomic(0)
    private let count: Int

    /// Starts the computation at once.
    init(
        _ items: [(Analyzer.WorkItem, [Tensor])], workers: Int,
        compute: @escaping @Sendable ([Tensor]) throws -> [ResultRow]
    ) {
        count = items.count
        for _ in 0..<min(workers, items.count) {
            DispatchQueue.global().async(group: group) { [self] in
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < items.count else { return }
                    let (item, weights) = items[index]
                    let outcome = Result { try Self.outcome(of: item, weights, compute) }
                    outcomes.withLock { $0[index] = outcome }
                }
            }
        }
    }

    /// Waits for the last item and gives the outcomes in the order of the items.
    func wait() throws -> [Analyzer.Outcome] {
        group.wait()
        return try outcomes.withLock { outcomes in
            try (0..<count).compactMap { try outcomes[$0]?.get() }
        }
    }

    private static func outcome(
        of item: Analyzer.WorkItem, _ weights: [Tensor],
        _ compute: ([Tensor]) throws -> [ResultRow]
    ) throws -> Analyzer.Outcome {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            let rows = try compute(weights)
            let answer = NewAnswer(
                step: item.step, digest: item.digest, rows: rows,
                costSeconds: seconds(clock.now - start))
            return Analyzer.Outcome(step: item.step, answer: .success(answer))
        } catch let error as UserError where error.kind == .failure {
            return Analyzer.Outcome(step: item.step, answer: .failure(error))
        }
    }
}
