internal import ArrayMath
package import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import GRDB
internal import Networks

/// Computes what is missing or stale of an analysis and stores it in the ledger.
///
/// Weights are read ahead while earlier ones are computed on all processors, and finished answers
/// are stored in short transactions. After a kill everything stored stays and the rest is computed
/// the next time.
package final class Analyzer {
    let archive: Archive
    private let interruption: Interruption
    private let replay: AnalysedRun.Replay?
    private let trustsNetwork: Bool

    /// An analyzer of stored steps, and with `replay` also of those between them.
    ///
    /// With `trustsNetwork`, networks that do not give their run's curves are used nonetheless.
    package init(
        _ archive: Archive, interruption: Interruption = Interruption(),
        trustsNetwork: Bool = false, replay: AnalysedRun.Replay? = nil
    ) {
        self.trustsNetwork = trustsNetwork
        self.archive = archive
        self.interruption = interruption
        self.replay = replay
    }

    /// What a request would compute, and why, in the order of runs and steps.
    ///
    /// A run that lacks what the analysis needs or cannot be read has a row that says so, and the others
    /// have theirs. Errors: an interruption, an index that cannot be read.
    package func pending(_ request: AnalysisRequest) throws -> [PendingAnalysis] {
        try runs(of: request).flatMap { id in
            do {
                return try pending(request, of: id)
            } catch let error where !(error is Interrupted) && !(error is DatabaseError) {
                return [
                    PendingAnalysis(run: id, step: nil, reason: .impossible("\(error)"))
                ]
            }
        }
    }

    private func pending(
        _ request: AnalysisRequest, of id: String
    ) throws -> [PendingAnalysis] {
        let run = try AnalysedRun(id, in: archive, replay: replay, trustsNetwork: trustsNetwork)
        try check(run, for: request)
        let stored = try stored(request, of: id)
        let items =
            try AnalysisPlan.checkpoints(request, run, stored: stored).items
            + AnalysisPlan.wholeRun(request, run, stored: stored).items
        return items.map { PendingAnalysis(run: id, step: $0.step, reason: $0.reason) }
    }

    /// Computes and stores what is missing or stale.
    ///
    /// A run that lacks what the analysis needs, is damaged or whose answers cannot be stored is
    /// reported and the others go on. Errors: an interruption (everything stored stays), an index
    /// that cannot be written, the failure of every single run.
    /// `stating` is told, before the work on a run begins, what is to be known of it.
    package func run(
        _ request: AnalysisRequest, progress: @escaping (AnalysisProgress) -> Void = { _ in },
        stating: (String) -> Void = { _ in }
    ) throws -> AnalysisReport {
        var work = Work(request: request, progress: progress)
        try archive.write { try Ledger(database: $0).markOutdated(type(of: request.analysis).kind) }
        let wholeRun = request.analysis as? any RunAnalysis
        let ids = try runs(of: request)
        var plans: [(run: AnalysedRun, plan: AnalysisPlan)] = []
        for id in ids {
            try work.continuing { _ in
                let run = try AnalysedRun(
                    id, in: archive, replay: replay, trustsNetwork: trustsNetwork)
                let stored = try stored(request, of: id)
                let plan = try AnalysisPlan.checkpoints(request, run, stored: stored)
                plans.append((run, plan))
                if stored.values.contains(where: { !$0.isShown }) {
                    try archive.write {
                        try Ledger(database: $0).askAgain(
                            request.analysis.question, of: id, steps: plan.steps)
                    }
                }
            }
        }
        work.total = plans.reduce(wholeRun == nil ? 0 : plans.count) { $0 + $1.plan.items.count }
        var stated: Set<String> = []
        for (run, plan) in plans {
            work.report.current += plan.currentCount
            work.report.steps[run.id] = plan.steps
            try work.continuing { work in
                do {
                    try check(run, for: request)
                    if !plan.items.isEmpty {
                        if let text = request.analysis.statement(of: run),
                            stated.insert(text).inserted
                        {
                            stating(text)
                        }
                        try answerCheckpoints(plan, of: run, &work)
                    }
                    // Only now: the answer about a run may rest on those of its checkpoints.
                    if let wholeRun { try answerRun(run, wholeRun, &work) }
                } catch let error as any UserErrorConvertible where error.kind == .failure {
                    work.report.impossible.append(.init(run: run.id, step: nil, cause: "\(error)"))
                }
            }
        }
        if work.report.failures.count == ids.count, let failure = work.report.failures.first {
            throw failure
        }
        work.report.elapsed = work.elapsed
        return work.report
    }

    /// Answers are there and the archive does not take them.
    private struct NotStored: Error {
        let cause: any Error

        /// Rows that contradict each other are a fault of this answer; what else refuses them
        /// refuses all.
        var isOfThisRun: Bool { (cause as? DatabaseError)?.resultCode == .SQLITE_CONSTRAINT }
    }

    /// The outcome of one item.
    struct Outcome: Sendable {
        let step: Int?
        let answer: Result<NewAnswer, UserError>
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

        /// Does the work on one run; what ends it does not end the work on the others.
        mutating func continuing(_ body: (inout Work) throws -> Void) throws {
            do {
                try body(&self)
            } catch let error as NotStored {
                guard error.isOfThisRun else { throw error.cause }
                report.failures.append(error.cause)
            } catch let error where !(error is Interrupted) {
                report.failures.append(error)
            }
        }

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
        if request.analysis is any CheckpointAnalysis, run.steps.isEmpty {
            throw UserError.missing(subject: "run \(run.id)", cause: "it has no checkpoint")
        }
        try request.analysis.check(run)
    }

    private func runs(of request: AnalysisRequest) throws -> [String] {
        if let runs = request.runs { return runs }
        return try archive.read { try Ledger(database: $0).runs() }
    }

    private func stored(
        _ request: AnalysisRequest, of run: String
    ) throws -> [Int: StoredAnswer] {
        let question = request.analysis.question
        return try archive.read { try Ledger(database: $0).answers(to: question, of: run) }
    }

    private func answerCheckpoints(
        _ plan: AnalysisPlan, of run: AnalysedRun, _ work: inout Work
    ) throws {
        let request = work.request
        guard let analysis = request.analysis as? any CheckpointAnalysis else { return }
        let prepared = try analysis.prepare(run)
        let processors =
            request.workers > 0
            ? request.workers : ProcessInfo.processInfo.activeProcessorCount
        let workerCount =
            prepared.order == .following ? 1 : min(processors, max(plan.items.count, 1))
        try BLASMemory.require(threadCount: workerCount)
        let pipeline = CheckpointPipeline(
            prepared, workerCount: workerCount, threadsForEach: max(1, processors / workerCount),
            watch: { [interruption] in if interruption.isRequested { throw Interrupted() } })
        var recent = RecentWeights(run)
        try pipeline.run(plan.items) { item in
            let step = item.step ?? 0
            let companions = analysis.companions(of: step, among: run.steps)
            let held = try recent.weights(at: [step] + companions)
            let input = CheckpointPlan.Input(
                step: step, weights: held[step]?.weights ?? [],
                companions: held.filter { $0.key != step || companions.contains(step) }
                    .mapValues(\.weights),
                optimizerState: prepared.needsOptimizerState
                    ? try run.optimizerState(at: step) : nil)
            return (input, held[step]?.digest ?? item.digest)
        } store: { outcomes in
            try store(outcomes, of: run.id, &work)
        }
    }

    private func answerRun(
        _ run: AnalysedRun, _ analysis: any RunAnalysis, _ work: inout Work
    ) throws {
        if interruption.isRequested { throw Interrupted() }
        let request = work.request
        let plan = try AnalysisPlan.wholeRun(
            request, run, stored: stored(request, of: run.id))
        work.report.current += plan.currentCount
        work.total -= plan.currentCount
        let clock = ContinuousClock()
        for item in plan.items {
            let start = clock.now
            let rows = try analysis.runRows(of: run)
            let answer = NewAnswer(
                step: nil, digest: item.digest, contextDigest: item.contextDigest, rows: rows,
                costSeconds: (clock.now - start).seconds)
            try store([Outcome(step: nil, answer: .success(answer))], of: run.id, &work)
        }
    }

    private func store(_ outcomes: [Outcome], of run: String, _ work: inout Work) throws {
        let question = work.request.analysis.question
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
    private var held: [Int: AnalysedRun.Weights] = [:]

    init(_ run: AnalysedRun) { self.run = run }

    mutating func weights(at steps: [Int]) throws -> [Int: AnalysedRun.Weights] {
        var wanted: [Int: AnalysedRun.Weights] = [:]
        for step in steps where wanted[step] == nil {
            wanted[step] = try held[step] ?? run.weightsWithDigest(at: step)
        }
        held = wanted
        return wanted
    }
}
