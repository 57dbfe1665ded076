internal import Checkpoints

/// What a request has to compute of one run.
struct AnalysisPlan {
    /// A checkpoint, or a run, to answer for.
    struct Item: Sendable {
        /// nil for the whole run.
        let step: Int?
        let reason: PendingAnalysis.Reason
        /// Digest of what is analysed.
        let digest: String
        /// Digest of what else goes in; nil for nothing.
        let contextDigest: String?
    }

    var items: [Item] = []
    /// Answers that are up to date.
    var currentCount = 0
    /// The selected steps.
    var steps: [Int] = []

    /// The checkpoints to answer for.
    static func checkpoints(
        _ request: AnalysisRequest, _ run: AnalysedRun, stored: [Int: StoredAnswer]
    ) throws -> AnalysisPlan {
        var plan = AnalysisPlan()
        guard let analysis = request.analysis as? any CheckpointAnalysis else { return plan }
        let selection = request.steps ?? analysis.defaultSteps
        let steps = try selection.choose(
            from: run.steps, of: run.id, orBetween: { run.canRecompute })
        plan.steps = steps
        for step in steps {
            plan.add(
                Input(
                    step: step,
                    digest: try run.knownDigest(at: step, answered: stored[step]?.digest),
                    context: try analysis.contextDigest(of: step, in: run)),
                stored: stored, request: request)
        }
        return plan
    }

    /// The whole run, where the kind answers for it.
    static func wholeRun(
        _ request: AnalysisRequest, _ run: AnalysedRun, stored: [Int: StoredAnswer]
    ) throws -> AnalysisPlan {
        var plan = AnalysisPlan()
        guard let analysis = request.analysis as? any RunAnalysis else { return plan }
        plan.add(
            Input(step: nil, digest: try analysis.runDigest(of: run), context: nil),
            stored: stored, request: request)
        return plan
    }

    private struct Input {
        let step: Int?
        let digest: String
        let context: String?
    }

    private mutating func add(
        _ input: Input, stored: [Int: StoredAnswer], request: AnalysisRequest
    ) {
        let reason = AnalysisPlan.reason(
            stored[input.step ?? -1], input, codeVersion: type(of: request.analysis).codeVersion)
        guard let reason = reason ?? (request.recompute ? .requested : nil) else {
            currentCount += 1
            return
        }
        items.append(
            Item(
                step: input.step, reason: reason, digest: input.digest,
                contextDigest: input.context))
    }

    /// Why an answer has to be computed; nil when the stored one is right.
    private static func reason(
        _ answer: StoredAnswer?, _ input: Input, codeVersion: String
    ) -> PendingAnalysis.Reason? {
        guard let answer else { return .missing }
        if answer.codeVersion != codeVersion { return .codeChanged(from: answer.codeVersion) }
        if answer.digest != input.digest { return .inputChanged }
        if answer.contextDigest != input.context { return .contextChanged }
        return answer.isMarkedStale ? .markedStale : nil
    }
}
