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
    /// Loops and merging components of the rows of embeddings.
    case topology
    /// How alike layers are to the checkpoint before, to the last and to one of any run.
    case similarity
    /// Extreme eigenvalues of the loss's curvature, and what else is measured of it.
    case hessian
    /// The noise scale of gradients, and their spectral edge over checkpoints.
    case gradients
    /// Loss and accuracy of the weights times factors from 1/10 to 10.
    case landscape
    /// The local learning coefficient by Langevin sampling, with its diagnostics.
    case learningCoefficient = "learning_coefficient"
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
        case .topology: TopologyAnalysis()
        case .similarity: SimilarityAnalysis()
        case .hessian: EigenvalueAnalysis()
        case .gradients: GradientsAnalysis()
        case .landscape: LandscapeAnalysis()
        case .learningCoefficient: LearningCoefficientAnalysis()
        case .grokking: GrokkingTimesAnalysis()
        }
    }

    package var codeVersion: String { type(of: usual).codeVersion }
    package var view: String { type(of: usual).view }
}
