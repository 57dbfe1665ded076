internal import Checkpoints
internal import Dispatch
internal import Foundation
internal import Networks
internal import Synchronization

/// Computes what is missing or stale of an analysis and stores it in the ledger.
///
/// Work goes in batches: the weights of the next batch are read while the current one is computed
/// on all processors, and finished answers are stored in short transactions. After a kill
/// everything stored stays and the rest is computed the next time.
package final class Analyzer {
    let archive: any AnalysedArchive
    private let interruption: Interruption

    package init(_ archive: any AnalysedArchive, interruption: Interruption = Interruption()) {
        self.archive = archive
        self.interruption = interruption
    }

    /// What a request would compute, and why, in the order of runs and steps.
    package func pending(_ request: AnalysisRequest) throws -> [PendingAnalysis] {
        var report = AnalysisReport()
        return try runs(of: request).flatMap { run in
            try plan(request, run: run, report: &report).map {
                PendingAnalysis(run: run, step: $0.step, reason: $0.reason)
            }
        }
    }

    /// Computes and stores what is missing or stale.
    ///
    /// A run that lacks what the analysis needs is reported and the others go on. Errors: an
    /// interruption (everything stored stays), a damaged file, a run or step that is not there.
    package func run(
        _ request: AnalysisRequest, progress: (AnalysisProgress) -> Void = { _ in }
    ) throws -> AnalysisReport {
        let clock = ContinuousClock()
        let start = clock.now
        var report = AnalysisReport()
        try archive.write { try Ledger(database: $0).markOutdated(request.kind) }
        let plans = try runs(of: request).map { run in
            (run: run, work: try plan(request, run: run, report: &report))
        }
        let total = plans.reduce(0) { $0 + $1.work.count }
        for (run, work) in plans where !work.isEmpty {
            do {
                try analyze(request, run: run, work: work) { answers in
                    try store(answers, request: request, run: run, report: &report)
                    let done = report.computed + report.impossible.count
                    let elapsed = clock.now - start
                    progress(
                        AnalysisProgress(
                            done: done, total: total, run: run, step: answers.last?.step,
                            elapsed: elapsed,
                            remaining: done > 0 ? elapsed * max(total - done, 0) / done : nil))
                }
            } catch let error as UserError where error.kind == .failure {
                report.impossible.append(.init(run: run, step: nil, cause: "\(error)"))
            }
        }
        report.elapsed = clock.now - start
        return report
    }

    /// A checkpoint, or a run, to analyse.
    struct WorkItem: Sendable {
        /// nil for the whole run.
        let step: Int?
        let reason: PendingAnalysis.Reason
        /// Digest of what is analysed.
        let digest: String
    }

    /// The outcome of one item.
    struct Outcome: Sendable {
        let step: Int?
        let answer: Result<NewAnswer, UserError>
    }

    private func runs(of request: AnalysisRequest) throws -> [String] {
        if let runs = request.runs { return runs }
        return try archive.read { try Ledger(database: $0).runs() }
    }

    private func plan(
        _ request: AnalysisRequest, run: String, report: inout AnalysisReport
    ) throws -> [WorkItem] {
        let question = request.settings.question(request.kind)
        let inputs: [(step: Int?, digest: String)]
        if request.kind.isPerCheckpoint {
            let digests = try archive.read {
                try Ledger(database: $0).checkpointDigests(of: run)
            }
            let selection = request.steps ?? request.kind.defaultSteps
            inputs = try selection.choose(from: digests.keys.sorted(), of: run).map {
                ($0, digests[$0] ?? "")
            }
        } else {
            let points = try archive.read { try Ledger(database: $0).curves(of: run) }
            inputs = [(nil, RunAnalyses.digest(of: points))]
        }
        let answers = try archive.read { try Ledger(database: $0).answers(to: question, of: run) }
        return inputs.compactMap { step, digest in
            let reason = Self.reason(answers[step ?? -1], digest: digest, kind: request.kind)
            guard let reason = reason ?? (request.recompute ? .requested : nil) else {
                report.current += 1
                return nil
            }
            return WorkItem(step: step, reason: reason, digest: digest)
        }
    }

    /// Why an answer has to be computed; nil when the stored one is right.
    private static func reason(
        _ answer: StoredAnswer?, digest: String, kind: AnalysisKind
    ) -> PendingAnalysis.Reason? {
        guard let answer else { return .missing }
        if answer.codeVersion != kind.codeVersion { return .codeChanged(from: answer.codeVersion) }
        if answer.digest != digest { return .inputChanged }
        return answer.isMarkedStale ? .markedStale : nil
    }

    private func store(
        _ outcomes: [Outcome], request: AnalysisRequest, run: String, report: inout AnalysisReport
    ) throws {
        let question = request.settings.question(request.kind)
        let answers = outcomes.compactMap { try? $0.answer.get() }
        try archive.write { database in
            let ledger = Ledger(database: database)
            for answer in answers { try ledger.store(answer, to: question, of: run) }
        }
        report.computed += answers.count
        for outcome in outcomes {
            if case .failure(let error) = outcome.answer {
                report.impossible.append(
                    .init(run: run, step: outcome.step, cause: "\(error)"))
            }
        }
    }

    private func analyze(
        _ request: AnalysisRequest, run: String, work: [WorkItem],
        store: ([Outcome]) throws -> Void
    ) throws {
        switch request.kind {
        case .norms, .fourier:
            let source = try archive.source(of: run)
            let operands =
                request.kind == .fourier ? (try? RunModel(try source.run))?.operands : nil
            let kind = request.kind
            try inParallel(
                request, work, read: { try source.weights(at: $0) },
                compute: { weights in
                    kind == .norms
                        ? CheckpointAnalyses.norms(weights)
                        : try CheckpointAnalyses.fourier(weights, operands: operands)
                }, store: store)
        case .hessian:
            try followCurvature(request, run: run, work: work, store: store)
        case .grokking:
            try analyzeCurves(request, run: run, work: work, store: store)
        }
    }

    private func analyzeCurves(
        _ request: AnalysisRequest, run: String, work: [WorkItem],
        store: ([Outcome]) throws -> Void
    ) throws {
        let clock = ContinuousClock()
        let points = try archive.read { try Ledger(database: $0).curves(of: run) }
        let description = try archive.source(of: run).run
        for item in work {
            try checkInterruption()
            let start = clock.now
            let rows = try CurveReading.grokking(
                points, run: description, settings: request.settings)
            let answer = NewAnswer(
                step: nil, digest: item.digest, rows: rows, costSeconds: seconds(clock.now - start))
            try store([Outcome(step: nil, answer: .success(answer))])
        }
    }

    /// Follows the curvature along a run, each checkpoint starting from the one before.
    private func followCurvature(
        _ request: AnalysisRequest, run: String, work: [WorkItem],
        store: ([Outcome]) throws -> Void
    ) throws {
        let source = try archive.source(of: run)
        let model = try RunModel(try source.run)
        let clock = ContinuousClock()
        var warmStart: [Double]?
        for item in work {
            guard let step = item.step else { continue }
            try checkInterruption()
            let start = clock.now
            do {
                let result = try CheckpointAnalyses.curvature(
                    try source.weights(at: step), model: model, settings: request.settings,
                    warmStart: warmStart, threadCount: workerCount(request),
                    watch: checkInterruption)
                warmStart = result.warmStart
                let answer = NewAnswer(
                    step: step, digest: item.digest, rows: result.rows,
                    costSeconds: seconds(clock.now - start))
                try store([Outcome(step: step, answer: .success(answer))])
            } catch let error as UserError where error.kind == .failure {
                try store([Outcome(step: step, answer: .failure(error))])
            }
        }
    }

    /// Computes items independently of each other on all processors, reading ahead.
    private func inParallel(
        _ request: AnalysisRequest, _ work: [WorkItem], read: (Int) throws -> [Tensor],
        compute: @escaping @Sendable ([Tensor]) throws -> [ResultRow],
        store: ([Outcome]) throws -> Void
    ) throws {
        let width = workerCount(request)
        let batches = stride(from: 0, to: work.count, by: 4 * width).map {
            Array(work[$0..<min($0 + 4 * width, work.count)])
        }
        func load(_ index: Int) throws -> [(WorkItem, [Tensor])] {
            guard index < batches.count else { return [] }
            return try batches[index].map { ($0, try read($0.step ?? 0)) }
        }
        var loaded = try load(0)
        for index in batches.indices {
            try checkInterruption()
            let batch = BatchComputation(loaded, workers: width, compute: compute)
            // Reading holds the HDF5 lock while the other processors compute.
            let next = Result { try load(index + 1) }
            try store(try batch.wait())
            loaded = try next.get()
        }
    }

    private func workerCount(_ request: AnalysisRequest) -> Int {
        request.workers > 0 ? request.workers : ProcessInfo.processInfo.activeProcessorCount
    }

    private func checkInterruption() throws {
        if interruption.isRequested { throw Interrupted() }
    }
}

func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
