/// What `Analyzer` is asked to do.
package struct AnalysisRequest: Sendable {
    /// What is asked.
    package var analysis: any LedgerAnalysis
    /// Full ids of the runs; nil for every run of the archive.
    package var runs: [String]?
    /// The checkpoints of each run; nil for the kind's own choice.
    package var steps: StepSelection?
    /// Computes what is there already, too; the older answers are kept beside the new ones.
    package var recompute: Bool
    /// How many checkpoints are computed at once; 0 for one for each processor.
    package var workers: Int

    package init(
        _ analysis: any LedgerAnalysis, runs: [String]? = nil, steps: StepSelection? = nil,
        recompute: Bool = false, workers: Int = 0
    ) {
        self.analysis = analysis
        self.runs = runs
        self.steps = steps
        self.recompute = recompute
        self.workers = workers
    }
}

/// One answer that is not there or no longer right.
package struct PendingAnalysis: Sendable, Equatable {
    package let run: String
    /// nil for an answer about the whole run.
    package let step: Int?
    package let reason: Reason

    package init(run: String, step: Int?, reason: Reason) {
        self.run = run
        self.step = step
        self.reason = reason
    }

    /// Why it has to be computed.
    package enum Reason: Sendable, Equatable, CustomStringConvertible {
        case missing
        /// The version of the code that made the stored answer.
        case codeChanged(from: String)
        /// The checkpoint, or the curve, is no longer the one that was analysed.
        case inputChanged
        /// What else went in is no longer the same: another checkpoint, say.
        case contextChanged
        /// The run was described anew, so that its task, network or rows are other ones.
        case markedStale
        /// It is up to date and was asked for again.
        case requested
        /// The run lacks what the analysis needs.
        case impossible(String)

        package var description: String {
            switch self {
            case .missing: "never computed"
            case .codeChanged(let version): "computed by version \(version) of the code"
            case .inputChanged: "computed from other data"
            case .contextChanged: "computed beside other data"
            case .markedStale: "the run was described anew since"
            case .requested: "asked for again"
            case .impossible(let cause): "not possible: \(cause)"
            }
        }
    }
}

/// How far the work is.
package struct AnalysisProgress: Sendable {
    package let done: Int
    package let total: Int
    package let run: String
    package let step: Int?
    package let elapsed: Duration
    /// The time left if the rest goes at the same rate; nil before the first result.
    package let remaining: Duration?
}

/// What came of a request.
package struct AnalysisReport: Sendable {
    /// Answers computed and stored now.
    package var computed = 0
    /// Answers that were there already.
    package var current = 0
    /// Runs or checkpoints that could not be analysed, with one sentence each.
    package var impossible: [Impossible] = []
    package var elapsed: Duration = .zero

    /// A run or a checkpoint that lacks what the analysis needs.
    package struct Impossible: Sendable, Equatable {
        package let run: String
        package let step: Int?
        package let cause: String
    }

    /// The analysed steps of each run, whose answers are now there; empty for analyses of runs.
    package var steps: [String: [Int]] = [:]
    /// What ended the work on single runs, such as damaged files.
    package var failures: [any Error] = []

    package init() {}

    /// Adds what came of a further request.
    package mutating func add(_ other: AnalysisReport) {
        computed += other.computed
        current += other.current
        impossible += other.impossible
        elapsed += other.elapsed
        failures += other.failures
        steps.merge(other.steps) { Array(Set($0 + $1)).sorted() }
    }
}
