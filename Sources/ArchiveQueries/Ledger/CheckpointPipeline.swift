internal import Checkpoints
internal import Dispatch
internal import Synchronization

/// Answers checkpoints on several threads while one thread reads them and stores the answers.
///
/// A bounded number of checkpoints is in memory at once. Workers are made once and live as long as
/// the pipeline, so that what they prepare serves many checkpoints.
final class CheckpointPipeline: Sendable {
    struct Item: Sendable {
        let work: AnalysisPlan.Item
        let input: CheckpointPlan.Input
        /// The digest of the weights that were read.
        let digest: String
    }

    private struct State {
        var waiting: [Item] = []
        var finished: [Result<Analyzer.Outcome, any Error>] = []
        var isClosed = false
        var lastStored = ContinuousClock().now
    }

    private let state = Mutex(State())
    private let freePlaces = DispatchSemaphore(value: 0)
    private let waitingItems = DispatchSemaphore(value: 0)
    private let workers = DispatchGroup()
    private let workerCount: Int
    private let watch: @Sendable () throws -> Void

    /// Starts the workers.
    init(
        _ plan: CheckpointPlan, workerCount: Int, threadsForEach: Int,
        watch: @escaping @Sendable () throws -> Void
    ) {
        self.workerCount = workerCount
        self.watch = watch
        for _ in 0..<workerCount + 2 { freePlaces.signal() }
        let surroundings = CheckpointPlan.Surroundings(threadCount: threadsForEach, watch: watch)
        for _ in 0..<workerCount {
            DispatchQueue.global().async(group: workers) { [self] in
                work(plan, surroundings)
            }
        }
    }

    /// Reads, computes and stores everything; on an error what was computed is stored first.
    func run(
        _ items: [AnalysisPlan.Item],
        read: (AnalysisPlan.Item) throws -> (input: CheckpointPlan.Input, digest: String),
        store: ([Analyzer.Outcome]) throws -> Void
    ) throws {
        var failure: (any Error)?
        do {
            for item in items {
                while freePlaces.wait(timeout: .now() + .milliseconds(200)) == .timedOut {
                    try watch()
                    try drain(store)
                }
                try watch()
                let (input, digest) = try read(item)
                state.withLock {
                    $0.waiting.append(Item(work: item, input: input, digest: digest))
                }
                waitingItems.signal()
                try drain(store, few: false)
            }
        } catch {
            failure = error
            state.withLock { $0.waiting = [] }
        }
        state.withLock { $0.isClosed = true }
        for _ in 0..<workerCount { waitingItems.signal() }
        while workers.wait(timeout: .now() + .milliseconds(200)) == .timedOut {
            do { try drain(store) } catch { failure = failure ?? error }
        }
        do { try drain(store) } catch { failure = failure ?? error }
        if let failure { throw failure }
    }

    /// Stores what is finished and throws the first error among it.
    ///
    /// Without `few`, only once a block of answers is there or the last one was stored a while ago: a
    /// transaction for each would cost more than many an answer.
    private func drain(
        _ store: ([Analyzer.Outcome]) throws -> Void, few: Bool = true
    ) throws {
        let finished = state.withLock { state in
            let now = ContinuousClock().now
            guard few || state.finished.count >= 32 || now - state.lastStored > .milliseconds(200)
            else { return [Result<Analyzer.Outcome, any Error>]() }
            state.lastStored = now
            defer { state.finished = [] }
            return state.finished
        }
        guard !finished.isEmpty else { return }
        let outcomes = finished.compactMap { try? $0.get() }
        if !outcomes.isEmpty { try store(outcomes) }
        for case .failure(let error) in finished { throw error }
    }

    private func work(_ plan: CheckpointPlan, _ surroundings: CheckpointPlan.Surroundings) {
        let worker = Result { try plan.makeWorker(surroundings) }
        while true {
            waitingItems.wait()
            let item = state.withLock { state in
                state.waiting.isEmpty ? nil : state.waiting.removeFirst()
            }
            guard let item else {
                if state.withLock(\.isClosed) { return }
                continue
            }
            let outcome = Result { try answer(item, worker) }
            state.withLock { $0.finished.append(outcome) }
            freePlaces.signal()
        }
    }

    private func answer(
        _ item: Item, _ worker: Result<CheckpointPlan.Worker, any Error>
    ) throws -> Analyzer.Outcome {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            let rows = try worker.get()(item.input)
            return Analyzer.Outcome(
                step: item.work.step,
                answer: .success(
                    NewAnswer(
                        step: item.work.step, digest: item.digest,
                        contextDigest: item.work.contextDigest, rows: rows,
                        costSeconds: (clock.now - start).seconds)))
        } catch let error as any UserErrorConvertible where error.kind == .failure {
            return Analyzer.Outcome(step: item.work.step, answer: .failure(error.userError))
        }
    }
}
