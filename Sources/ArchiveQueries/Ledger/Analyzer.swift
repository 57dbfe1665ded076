internal import Checkpoints
internal import Foundation

/// Computes what is missing or stale of an analysis and stores it in the ledger.
///
/// Weights are read ahead while earlier ones are computed on all processors, and finished answers
/// are stored in short transactions. After a kill everything stored stays and the rest is computed
/// the next time.
package final class Analyzer {
    let archive: any AnalysedArchive
    private let interruption: Interruption
    private let replay: AnalysedRun.Replay?

    /// An analyzer of stored steps, and with `replay` also of those between them.
    package init(
        _ archive: any AnalysedArchive, interruption: Interruption = Interruption(),
        replay: AnalysedRun.Replay? = nil
    ) {
        self.archive = archive
        self.interruption = interruption
        self.replay = replay
    }

    /// What a request would compute, and why, in the order of runs and steps.
    package func pending(_ request: AnalysisRequest) throws -> [PendingAnalysis] {
        try runs(of: request).flatMap { id in
            let run = try AnalysedRun(id, in: archive, replay: replay)
            do {
                try check(run, for: request)
            } catch let error as UserError where error.kind == .failure {
                return [
                    PendingAnalysis(run: id, step: nil, reason: .impossible("\(error)"))
                ]
            }
            let stored = try stored(request, of: id)
            let items =
                try AnalysisPlan.checkpoints(request, run, stored: stored).items
                + AnalysisPlan.wholeRun(request, run, stored: stored).items
            return items.map { PendingAnalysis(run: id, step: $0.step, reason: $0.reason) }
        }
    }

    /// Computes and stores what is missing or stale.
    ///
    /// A run that lacks what the analysis needs is reported and the others go on. Errors: an
    /// interruption (everything stored stays), a damaged file, a run or step that is not there, an
    /// answer that cannot be stored.
    package func run(
        _ request: AnalysisRequest, progress: @escaping (AnalysisProgress) -> Void = { _ in }
    ) throws -> AnalysisReport {
        var work = Work(request: request, progress: progress)
        try archive.write { try Ledger(database: $0).markOutdated(request.kind) }
        let plans = try runs(of: request).map { id in
            let run = try AnalysedRun(id, in: archive, replay: replay)
            return (
                run,
                try AnalysisPlan.checkpoints(request, run, stored: stored(request, of: id))
            )
        }
        let wholeRuns = request.kind.definition.answersRuns ? plans.count : 0
        work.total = plans.reduce(wholeRuns) { $0 + $1.1.items.count }
        for (run, plan) in plans {
            work.report.current += plan.currentCount
            do {
                try check(run, for: request)
                if !plan.items.isEmpty { try answerCheckpoints(plan, of: run, &work) }
                // Only now: the answer about a run may rest on those of its checkpoints.
                if request.kind.definition.answersRuns { try answerRun(run, &work) }
            } catch let error as NotStored {
                throw error.cause
            } catch let error as UserError where error.kind == .failure {
                work.report.impossible.append(.init(run: run.id, step: nil, cause: "\(error)"))
            }
        }
        work.report.elapsed = work.elapsed
        return work.report
    }

    /// Answers are there and the archive does not take them: a failure of all, not of one run.
    private struct NotStored: Error {
        let cause: any Error
    }

    /// The outcome of one item.
    struct Outcome: Sendable {
        let step: Int?
        let answer: Result<NewAnswer, UserError>

        /// The same outcome under the digest of recomputed weights; unchanged for nil.
        fileprivate func withDigest(_ digest: String?) -> Outcome {
            guard let digest else { return self }
            return Outcome(
                step: step,
                answer: answer.map {
                    NewAnswer(
                        step: $0.step, digest: digest, contextDigest: $0.contextDigest,
                        rows: $0.rows, costSeconds: $0.costSeconds)
                })
        }
    }

    /// A request on its way.
    private struct Work {
        let request: AnalysisRequest
        let progress: (AnalysisProgress) -> Void
        var report = AnalysisReport()
        var total = 0
        private let clock = ContinuousClock()
        private let start = ContinuousClock().now

        init(request: AnalysisRequest, progress: @escaping (AnalysisProgress) -> Void) {
            self.request = request
            self.progress = progress
        }

        var elapsed: Duration { clock.now - start }

        func tell(run: String, step: Int?) {
            let done = report.computed + report.impossible.count
            progress(
                AnalysisProgress(
                    done: done, total: max(total, done), run: run, step: step, elapsed: elapsed,
                    remaining: done > 0 ? elapsed * max(total - done, 0) / done : nil))
        }
    }

    /// Checks, without computing, that a run has what the request needs.
    private func check(_ run: AnalysedRun, for request: AnalysisRequest) throws {
        if request.kind.definition.answersCheckpoints, run.steps.isEmpty {
            throw UserError.missing(subject: "run \(run.id)", cause: "it has no checkpoint")
        }
        try request.kind.definition.check(run, settings: request.settings)
    }

    private func runs(of request: AnalysisRequest) throws -> [String] {
        if let runs = request.runs { return runs }
        return try archive.read { try Ledger(database: $0).runs() }
    }

    private func stored(
        _ request: AnalysisRequest, of run: String
    ) throws -> [Int: StoredAnswer] {
        let question = request.settings.question(request.kind)
        return try archive.read { try Ledger(database: $0).answers(to: question, of: run) }
    }

    private func answerCheckpoints(
        _ plan: AnalysisPlan, of run: AnalysedRun, _ work: inout Work
    ) throws {
        let request = work.request
        let definition = request.kind.definition
        let prepared = try definition.prepare(run, settings: request.settings)
        let processors =
            request.workers > 0
            ? request.workers : ProcessInfo.processInfo.activeProcessorCount
        let workerCount =
            prepared.order == .following ? 1 : min(processors, max(plan.items.count, 1))
        let pipeline = CheckpointPipeline(
            prepared, workerCount: workerCount, threadsForEach: max(1, processors / workerCount),
            watch: { [interruption] in if interruption.isRequested { throw Interrupted() } })
        var recent = RecentWeights(run)
        try pipeline.run(plan.items) { item in
            let step = item.step ?? 0
            let companions = definition.companions(
                of: step, among: run.steps, settings: request.settings)
            let weights = try recent.weights(at: [step] + companions)
            return CheckpointPlan.Input(
                step: step, weights: weights[step] ?? [],
                companions: weights.filter { $0.key != step || companions.contains(step) },
                optimizerState: prepared.needsOptimizerState
                    ? try run.optimizerState(at: step) : nil)
        } store: { outcomes in
            // What was recomputed is known by the digest of the weights that were analysed.
            let named = outcomes.map { $0.withDigest(run.recomputedDigests[$0.step ?? -1]) }
            try store(named, of: run.id, &work)
        }
    }

    private func answerRun(_ run: AnalysedRun, _ work: inout Work) throws {
        if interruption.isRequested { throw Interrupted() }
        let request = work.request
        let plan = try AnalysisPlan.wholeRun(
            request, run, stored: stored(request, of: run.id))
        work.report.current += plan.currentCount
        work.total -= plan.currentCount
        let clock = ContinuousClock()
        for item in plan.items {
            let start = clock.now
            let rows = try request.kind.definition.runRows(of: run, settings: request.settings)
            let answer = NewAnswer(
                step: nil, digest: item.digest, contextDigest: item.contextDigest, rows: rows,
                costSeconds: (clock.now - start).seconds)
            try store([Outcome(step: nil, answer: .success(answer))], of: run.id, &work)
        }
    }

    private func store(_ outcomes: [Outcome], of run: String, _ work: inout Work) throws {
        let question = work.request.settings.question(work.request.kind)
        let answers = outcomes.compactMap { try? $0.answer.get() }
        do {
            try archive.write { database in
                try Ledger(database: database).store(answers, to: question, of: run)
            }
        } catch {
            throw NotStored(cause: error)
        }
        work.report.computed += answers.count
        for outcome in outcomes {
            if case .failure(let error) = outcome.answer {
                work.report.impossible.append(
                    .init(run: run, step: outcome.step, cause: "\(error)"))
            }
        }
        work.tell(run: run, step: outcomes.last?.step)
    }
}

/// The weights of the checkpoints that the newest answer needed, so that neighbours and the first
/// checkpoint are read once.
private struct RecentWeights {
    private let run: AnalysedRun
    private var held: [Int: [Tensor]] = [:]

    init(_ run: AnalysedRun) { self.run = run }

    mutating func weights(at steps: [Int]) throws -> [Int: [Tensor]] {
        var wanted: [Int: [Tensor]] = [:]
        for step in steps where wanted[step] == nil {
            wanted[step] = try held[step] ?? run.weights(at: step)
        }
        held = wanted
        return wanted
    }
}
