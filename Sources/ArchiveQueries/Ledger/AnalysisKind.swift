/// A kind of analysis that the ledger knows.
///
/// A new kind is a case here, its line in `definition`, and a type that says everything else in a
/// file of its own in `Kinds`.
package enum AnalysisKind: String, Sendable, CaseIterable {
    /// Sizes of each tensor and of all weights.
    case norms
    /// Power per frequency of the tensors that have an axis of tokens.
    case fourier
    /// Extreme eigenvalues of the loss's curvature.
    case hessian
    /// Times of memorisation and generalisation, from the curves.
    case grokking

    /// What the kind asks and how it is answered.
    package var definition: any AnalysisDefinition {
        switch self {
        case .norms: NormsAnalysis()
        case .fourier: FourierAnalysis()
        case .hessian: HessianAnalysis()
        case .grokking: GrokkingTimesAnalysis()
        }
    }

    package var codeVersion: String { definition.codeVersion }
    package var view: String { definition.view }
}
