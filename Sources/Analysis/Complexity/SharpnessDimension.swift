internal import ArrayMath
internal import Foundation

/// The sharpness dimension of gradient descent at a point (arXiv 2604.19740, definition 4.2): that of
/// Kaplan and Yorke for the singular values |1 − η h| of a step's Jacobian, h the Hessian's eigenvalues.
///
/// With λ_i = ln |1 − η h_i| falling and j* the largest i with λ_1 + … + λ_i ≥ 0 it is
/// j* + (λ_1 + … + λ_{j*}) / |λ_{j*+1}|; 0 where λ_1 < 0, and the number of parameters where no sum is
/// negative. `weights` say how many eigenvalues each stands for: 1 for all of a dense matrix, P times the
/// weight for the nodes of a spectral density, between which the sum is taken as linear. Nil where
/// one is not finite, or for none.
///
/// At a single point it stands in for the largest over the attractor, which the definition asks for.
package func sharpnessDimension(
    eigenvalues: [Double], weights: [Double], learningRate: Double
) -> Double? {
    precondition(eigenvalues.count == weights.count, "a weight for each eigenvalue")
    guard !eigenvalues.isEmpty, (eigenvalues + weights + [learningRate]).allSatisfy(\.isFinite)
    else { return nil }
    let stretches = zip(eigenvalues, weights).map {
        (log: log(abs(1 - learningRate * $0)), weight: $1)
    }
    .sorted { $0.log > $1.log }
    guard stretches[0].log >= 0 else { return 0 }
    var (count, sum) = (0.0, 0.0)
    for stretch in stretches where stretch.weight > 0 {
        let next = sum + stretch.weight * stretch.log
        guard next >= 0 else { return count + sum / -stretch.log }
        count += stretch.weight
        sum = next
    }
    return count
}
