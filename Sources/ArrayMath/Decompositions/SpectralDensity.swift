internal import Foundation

/// The spectral density of a symmetric operator as quadratures, one for each random probe.
///
/// Each probe gives nodes λ_i with weights w_i ≥ 0 that add up to 1: the measure of the spectrum as
/// this probe sees it. Polynomials up to degree 2m − 1 are integrated exactly for the probe.
package struct SpectralDensity: Sendable, Equatable {
    /// One node of a probe's quadrature.
    package struct Node: Sendable, Equatable {
        package let eigenvalue: Double
        package let weight: Double
    }

    /// The nodes of each probe, rising.
    package let probes: [[Node]]
    package let dimension: Int
    package let productCount: Int

    /// The mean over probes of Σ w f(λ), an estimate of (1/n) Σ f(λ_i), with its standard error.
    package func mean(of function: (Double) -> Double) -> (value: Double, standardError: Double?) {
        let each = probes.map { nodes in
            nodes.reduce(0) { $0 + $1.weight * function($1.eigenvalue) }
        }
        return (ArrayMath.mean(each), standardError(each))
    }

    /// The share of eigenvalues in a range, resolved only to about (λ_max − λ_min) / m.
    package func share(in range: ClosedRange<Double>) -> (value: Double, standardError: Double?) {
        mean { range.contains($0) ? 1 : 0 }
    }

    /// The density smoothed by a Gaussian of the given standard deviation; integrates to 1.
    package func smoothed(at point: Double, deviation: Double) -> Double {
        mean { eigenvalue in
            let offset = (point - eigenvalue) / deviation
            return exp(-0.5 * offset * offset) / (deviation * (2 * .pi).squareRoot())
        }.value
    }
}

/// Stochastic Lanczos quadrature with full re-orthogonalisation (Ubaru, Chen and Saad 2017).
///
/// `stepCount` products for each of `probeCount` random sign vectors; nodes are the eigenvalues of
/// the projected matrix, weights the squared first components of its eigenvectors. A probe ends early
/// when it has spanned an invariant subspace; its quadrature is then exact. Throws
/// `NonFiniteProduct` for a product that is not finite.
package func spectralDensity(
    of linearOperator: LinearOperator, stepCount: Int, probeCount: Int, seed: UInt64
) throws -> SpectralDensity {
    precondition(stepCount > 0 && probeCount > 0, "a quadrature needs a step and a probe")
    let dimension = linearOperator.dimension
    let steps = min(stepCount, dimension)
    var generator = ProbeGenerator(seed: seed)
    var probes: [[SpectralDensity.Node]] = []
    var spent = 0
    for _ in 0..<probeCount {
        var projection = KrylovProjection(linearOperator, capacity: steps)
        projection.basis.append(generator.signs(dimension))
        _ = projection.basis.normalizeLast()
        while projection.size < steps {
            spent += 1
            if try projection.expand(product: spent) == 0 { break }
        }
        let eigen = projection.eigen()
        probes.append(
            (0..<projection.size).map { index in
                let first = eigen.vectors[index * projection.size]
                return SpectralDensity.Node(
                    eigenvalue: eigen.values[index], weight: first * first)
            })
    }
    return SpectralDensity(probes: probes, dimension: dimension, productCount: spent)
}
