package import Checkpoints

/// What a kind of analysis asks of a run and how it is answered.
///
/// A kind answers for each checkpoint, for the whole run, or both; the run's answer comes last and
/// may read those of the checkpoints.
package protocol AnalysisDefinition: Sendable {
    /// Changes whenever stored results of the kind would come out differently.
    var codeVersion: String { get }
    /// The view that shows the results.
    var view: String { get }
    var answersCheckpoints: Bool { get }
    var answersRuns: Bool { get }
    /// The checkpoints that are analysed when nothing is said.
    var defaultSteps: StepSelection { get }

    /// The question that the settings ask, as the ledger keys it.
    func question(_ settings: AnalysisSettings) -> Question

    // MARK: Checkpoints

    /// Further checkpoints whose weights go into the answer for a step.
    ///
    /// Steps are the run's stored ones, rising.
    func companions(of step: Int, among steps: [Int], settings: AnalysisSettings) -> [Int]

    /// The digest of what goes into the answer besides the weights of the step; nil for nothing.
    ///
    /// The usual one covers the companions. A stored answer with another one is out of date.
    func contextDigest(
        of step: Int, in run: AnalysedRun, settings: AnalysisSettings
    ) throws -> String?

    /// Checks, without computing, that a run has what the kind needs.
    ///
    /// Errors: a `UserError` of kind `failure` says what is missing.
    func check(_ run: AnalysedRun, settings: AnalysisSettings) throws

    /// Prepares the answers for the checkpoints of a run.
    ///
    /// Errors: a `UserError` of kind `failure` says what the run lacks; the other runs go on.
    func prepare(_ run: AnalysedRun, settings: AnalysisSettings) throws -> CheckpointPlan

    // MARK: Runs

    /// The digest of what goes into the answer for the whole run.
    func runDigest(of run: AnalysedRun, settings: AnalysisSettings) throws -> String
    /// The answer for the whole run, with the same errors as `prepare`.
    func runRows(of run: AnalysedRun, settings: AnalysisSettings) throws -> [any ResultRow]
}

extension AnalysisDefinition {
    package var answersCheckpoints: Bool { true }
    package var answersRuns: Bool { false }
    package var defaultSteps: StepSelection { .all }

    package func companions(
        of step: Int, among steps: [Int], settings: AnalysisSettings
    ) -> [Int] { [] }

    package func contextDigest(
        of step: Int, in run: AnalysedRun, settings: AnalysisSettings
    ) throws -> String? {
        let others = companions(of: step, among: run.steps, settings: settings)
        guard !others.isEmpty else { return nil }
        return run.digest(ofSteps: others)
    }

    package func check(_ run: AnalysedRun, settings: AnalysisSettings) throws {}

    package func prepare(
        _ run: AnalysedRun, settings: AnalysisSettings
    ) throws -> CheckpointPlan {
        preconditionFailure("a kind that answers checkpoints prepares them")
    }

    package func runDigest(of run: AnalysedRun, settings: AnalysisSettings) throws -> String {
        preconditionFailure("a kind that answers runs says what they depend on")
    }

    package func runRows(
        of run: AnalysedRun, settings: AnalysisSettings
    ) throws -> [any ResultRow] {
        preconditionFailure("a kind that answers runs computes them")
    }
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
