package import ArrayMath
internal import Checkpoints

/// Which matrix of second derivatives of the mean loss.
package enum CurvatureOperator: String, Sendable, Codable, CaseIterable {
    /// The Hessian of the mean cross-entropy, without any weight-decay term.
    case hessian
    /// The generalised Gauss–Newton matrix Jᵀ (diag p − p pᵀ) J / N, positive semi-definite.
    case gaussNewton = "gauss_newton"
}

/// One end of the spectrum.
package enum SpectrumSide: String, Sendable, Codable, CaseIterable {
    case top
    case bottom
}

/// One eigenvalue of a curvature operator, as it is stored.
package struct CurvatureEigenvalue: Sendable, Equatable {
    package let side: SpectrumSide
    /// 1 for the largest (top) or smallest (bottom), and so on.
    package let rank: Int
    package let eigenvalue: Double
    /// ‖H v − λ v‖ for the unit Ritz vector: an eigenvalue lies within this distance.
    package let residual: Double
    /// The error bound is met and no copy is missing before this rank.
    ///
    /// False is a normal answer inside a dense cluster, as at the bottom of large networks.
    package let converged: Bool
    /// How it was found and how copies of repeated eigenvalues were looked for, in words.
    package let method: String
}

/// The ends of the spectrum of a curvature operator at one checkpoint.
package struct CurvatureSpectrum: Sendable {
    /// Top by falling, then bottom by rising eigenvalue.
    package let eigenvalues: [CurvatureEigenvalue]
    package let productCount: Int
    /// Products with the single-precision draft that found the subspace.
    package let draftProductCount: Int
    /// Start vector for the next checkpoint of the same run (a warm start).
    package let warmStart: [Double]?
}

/// The largest and smallest eigenvalues of a symmetric operator, as stored.
///
/// `tolerance` is relative to the largest wanted magnitude of each side. `draft` is a cheap
/// approximation that may find the subspace, as `extremeEigenvalues(of:draft:options:)` says. Throws
/// `UserError` when the operator gives NaN or infinities, as it does at weights that are not finite.
package func curvatureSpectrum(
    of linearOperator: LinearOperator, draft: (() throws -> LinearOperator)? = nil,
    options: LanczosOptions
) throws -> CurvatureSpectrum {
    try VectorMemory.eigenvalues(
        max(options.top, options.bottom), dimension: linearOperator.dimension
    ).check()
    let result: LanczosResult
    do {
        result =
            if let draft {
                try extremeEigenvalues(of: linearOperator, draft: draft, options: options)
            } else {
                try extremeEigenvalues(of: linearOperator, options: options)
            }
    } catch let error as NonFiniteProduct {
        throw curvatureIsNotFinite(error)
    }
    func rows(
        _ pairs: [RitzPair], _ side: SpectrumSide, _ method: EigenvalueMethod
    ) -> [CurvatureEigenvalue] {
        pairs.enumerated().map { index, pair in
            CurvatureEigenvalue(
                side: side, rank: index + 1, eigenvalue: pair.eigenvalue, residual: pair.residual,
                converged: pair.converged, method: method.description)
        }
    }
    return CurvatureSpectrum(
        eigenvalues: rows(result.top, .top, result.topMethod)
            + rows(result.bottom, .bottom, result.bottomMethod),
        productCount: result.productCount, draftProductCount: result.draftProductCount,
        warmStart: result.warmStart)
}
