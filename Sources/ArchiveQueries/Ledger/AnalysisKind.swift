/// A kind of analysis that the ledger knows.
package enum AnalysisKind: String, Sendable, CaseIterable {
    /// Sizes of each tensor and of all weights.
    case norms
    /// Power per frequency of the tensors that have an axis of tokens.
    case fourier
    /// Extreme eigenvalues of the loss's curvature.
    case hessian
    /// Times of memorisation and generalisation, from the curves.
    case grokking

    /// Changes whenever stored results of the kind would come out differently.
    package var codeVersion: String {
        switch self {
        case .norms: "1"
        case .fourier: "1"
        case .hessian: "1"
        case .grokking: "2"
        }
    }

    /// Whether one result covers a checkpoint; otherwise it covers a run.
    package var isPerCheckpoint: Bool { self != .grokking }

    /// Whether the task and the network have to be known, not only weights and curves.
    package var needsModel: Bool { self == .hessian }

    /// The checkpoints that are analysed when nothing is said.
    package var defaultSteps: StepSelection {
        switch self {
        case .hessian: .spaced(10)
        default: .all
        }
    }

    /// The view that shows the kind's results.
    package var view: String {
        switch self {
        case .norms: "weight_norms"
        case .fourier: "fourier_spectra"
        case .hessian: "hessian_eigenvalues"
        case .grokking: "grokking_times"
        }
    }
}
