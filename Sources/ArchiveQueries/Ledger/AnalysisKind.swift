/// A kind of analysis that the ledger knows.
///
/// A new kind is a case here, its line in `usual`, and a type that says everything else in a file of
/// its own in `Kinds`.
package enum AnalysisKind: String, Sendable, CaseIterable {
    /// Sizes of each tensor and of all weights.
    case norms
    /// Power laws and correlation traps in the singular values of each tensor.
    case tails
    /// Power per frequency, or per representation, of what has an axis of operands.
    case fourier
    /// Restricted and excluded losses and what belongs to them, and the phases of a run.
    case progress
    /// Shape of embeddings, hidden layers and updates.
    case geometry
    /// Extreme eigenvalues of the loss's curvature, and what else is measured of it.
    case hessian
    /// Times of memorisation and generalisation, from the curves.
    case grokking

    /// The analysis of this kind with its usual settings.
    package var usual: any LedgerAnalysis {
        switch self {
        case .norms: NormsAnalysis()
        case .tails: TailsAnalysis()
        case .fourier: FourierAnalysis()
        case .progress: ProgressMeasuresAnalysis()
        case .geometry: GeometryMeasuresAnalysis()
        case .hessian: EigenvalueAnalysis()
        case .grokking: GrokkingTimesAnalysis()
        }
    }

    package var codeVersion: String { type(of: usual).codeVersion }
    package var view: String { type(of: usual).view }
}
