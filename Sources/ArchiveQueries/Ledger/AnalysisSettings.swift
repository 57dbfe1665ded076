package import Analysis
package import Checkpoints
internal import Foundation

/// The examples that a model-based analysis uses.
package enum ExampleSplit: String, Sendable, CaseIterable {
    /// The rows trained on, with the answers they were trained on.
    case train
    case test
    case all
    /// The rows trained on with their right answers: another than `train` with label noise alone.
    case trainClean = "train_clean"
}

/// What the kind `hessian` measures; each is a question of its own.
package enum CurvatureMeasure: String, Sendable, CaseIterable {
    /// Both ends of the spectrum.
    case eigenvalues
    case trace
    /// Nodes and weights of stochastic Lanczos quadrature.
    case density
    /// The largest eigenvalues and the trace of each tensor's diagonal block.
    case blocks
    /// The sharpness that Adam sees, beside its threshold.
    case preconditioned
    /// The rise of the loss in a small box (Keskar).
    case keskar

    /// The view that shows it.
    package var view: String {
        switch self {
        case .eigenvalues: "hessian_eigenvalues"
        case .trace: "hessian_traces"
        case .density: "hessian_densities"
        case .blocks: "hessian_blocks"
        case .preconditioned, .keskar: "sharpness_measures"
        }
    }
}

/// The options of analyses; each kind reads those that concern it.
package struct AnalysisSettings: Sendable, Equatable {
    /// hessian: the examples of the loss.
    package var split = ExampleSplit.train
    /// hessian: the arithmetic, `float64` or `float32`.
    package var precision = ElementType.float64
    /// hessian: the seed of the start vector.
    package var seed = 0
    /// hessian: which matrix.
    package var curvature = CurvatureOperator.hessian
    /// hessian: how many of the largest eigenvalues.
    package var top = 5
    /// hessian: how many of the smallest.
    package var bottom = 0
    /// hessian: the error bound relative to the largest eigenvalue.
    package var tolerance = 1e-6
    /// hessian: what is measured of the matrix.
    package var curvatureMeasure = CurvatureMeasure.eigenvalues
    /// hessian: products for the trace; probes of the blocks' traces.
    package var traceProducts = 30
    /// hessian: Lanczos steps of each probe of the density.
    package var densitySteps = 64
    /// hessian: random probes of the density.
    package var densityProbes = 5
    /// grokking: the accuracy that counts as solved.
    package var threshold = 0.99
    /// grokking: the loss in nats that counts as solved, for runs without accuracies.
    package var lossThreshold = 1e-2

    /// fourier: the tensor to transform; nil for everything that has an axis of operands.
    package var tensor: String?
    /// fourier: the axis of that tensor, from 0.
    package var axis: Int?
    /// fourier: also evaluates the network and transforms its logits and hidden layer.
    package var usesNetwork = false
    /// progress: the key frequencies or representations; nil for those of the final weights.
    package var keys: [String]?
    /// progress: also the losses after parts of the hidden layer are replaced.
    package var includesAblations = false
    /// progress: for cyclic groups also the measures by representation.
    package var includesIrreps = false

    package init() {}

    /// The question that these settings ask, as the ledger keys it.
    package func question(_ kind: AnalysisKind) -> Question { kind.definition.question(self) }
}

/// What was asked, apart from the weights: equal questions have equal answers.
package struct Question: Sendable, Hashable {
    package let kind: AnalysisKind
    /// The options as a JSON object with sorted keys and no spaces.
    package let parameters: String
    package let split: String?
    package let dtype: String?
    package let seed: Int?
}

/// A text as JSON.
func jsonText(_ text: String) -> String {
    let bytes = try? JSONEncoder().encode(text)
    return bytes.map { String(decoding: $0, as: UTF8.self) } ?? "null"
}

/// A JSON object of values that are JSON already, keys sorted, without spaces.
func canonicalJSON(_ values: [String: String]) -> String {
    "{"
        + values.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        .joined(separator: ",") + "}"
}
