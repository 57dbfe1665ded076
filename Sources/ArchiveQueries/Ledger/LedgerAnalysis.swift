package import Checkpoints

/// A kind of analysis with its settings: one question, which the ledger keeps the answers to.
///
/// A kind is a type that conforms to `CheckpointAnalysis`, to `RunAnalysis`, or to both; its stored
/// properties are its settings.
package protocol LedgerAnalysis: Sendable {
    static var kind: AnalysisKind { get }
    /// Changes whenever stored results of the kind would come out differently.
    static var codeVersion: String { get }
    /// The view that shows the results.
    static var view: String { get }
    /// The analysis with its usual settings.
    init()
    /// What the settings ask, as the ledger keys it.
    var question: Question { get }
    /// Checks, without computing, that a run has what the analysis needs.
    ///
    /// Errors: a `UserError` of kind `failure` says what is missing.
    func check(_ run: AnalysedRun) throws
    /// What is to be known before the work on a run begins, in a sentence: how much memory it takes.
    func statement(of run: AnalysedRun) -> String?
}

extension LedgerAnalysis {
    /// What people call it: the kind, and which measure where a kind has several.
    package var title: String {
        let measure = (self as? any CurvatureAnalysis).flatMap { type(of: $0).measure }
        return ([Self.kind.rawValue] + (measure.map { [$0] } ?? [])).joined(separator: " ")
    }

    package func check(_ run: AnalysedRun) throws {}

    package func statement(of run: AnalysedRun) -> String? { nil }
}

/// An analysis that answers for each checkpoint.
package protocol CheckpointAnalysis: LedgerAnalysis {
    /// The checkpoints that are analysed when nothing is said.
    var defaultSteps: StepSelection { get }

    /// Further checkpoints whose weights go into the answer for a step.
    ///
    /// Steps are the run's stored ones, rising.
    func companions(of step: Int, among steps: [Int]) -> [Int]

    /// The digest of what goes into the answer besides the weights of the step; nil for nothing.
    ///
    /// The usual one covers the companions. A stored answer with another one is out of date.
    func contextDigest(of step: Int, in run: AnalysedRun) throws -> String?

    /// Prepares the answers for the checkpoints of a run.
    ///
    /// Errors: a `UserError` of kind `failure` says what the run lacks; the other runs go on.
    func prepare(_ run: AnalysedRun) throws -> CheckpointPlan
}

extension CheckpointAnalysis {
    package var defaultSteps: StepSelection { .all }

    package func companions(of step: Int, among steps: [Int]) -> [Int] { [] }

    package func contextDigest(of step: Int, in run: AnalysedRun) throws -> String? {
        let others = companions(of: step, among: run.steps)
        return others.isEmpty ? nil : run.digest(ofSteps: others)
    }
}

/// An analysis that answers for a whole run, after its checkpoints where it answers for those, too.
package protocol RunAnalysis: LedgerAnalysis {
    /// The digest of what goes into the answer for the whole run.
    func runDigest(of run: AnalysedRun) throws -> String
    /// The answer for the whole run; what the run lacks is a `UserError` of kind `failure`.
    func runRows(of run: AnalysedRun) throws -> [any ResultRow]
}

/// How the checkpoints of one run are answered.
package struct CheckpointPlan: Sendable {
    /// What one checkpoint's answer is made from.
    package struct Input: Sendable {
        package let step: Int
        package let weights: [Tensor]
        /// The weights of the companions, by step.
        package let companions: [Int: [Tensor]]
        /// nil when it was not kept or not asked for.
        package let optimizerState: OptimizerState?
    }

    /// What a worker has at hand.
    package struct Surroundings: Sendable {
        /// Threads that the worker may use.
        package let threadCount: Int
        /// Throws when the work is to end; to be called between long steps.
        package let watch: @Sendable () throws -> Void
    }

    package typealias Worker = (Input) throws -> [any ResultRow]

    package enum Order: Sendable {
        /// Any number at once, each on one thread.
        case independent
        /// By rising step with a single worker on all threads: an answer may start from the one
        /// before.
        case following
    }

    package let order: Order
    package let needsOptimizerState: Bool
    /// Makes a worker, which is then used by one thread.
    package let makeWorker: @Sendable (Surroundings) throws -> Worker

    package init(
        order: Order = .independent, needsOptimizerState: Bool = false,
        makeWorker: @escaping @Sendable (Surroundings) throws -> Worker
    ) {
        self.order = order
        self.needsOptimizerState = needsOptimizerState
        self.makeWorker = makeWorker
    }
}
