package import ArrayMath
package import Checkpoints
internal import Foundation
package import Networks

/// Adam's numbers that decide its edge of stability.
package struct AdamState: Sendable {
    /// What weight decay does to the dynamics.
    package enum Decay: Sendable, Equatable {
        case none
        /// θ shrinks by ηλ at each update, apart from the gradient (AdamW).
        case decoupled(Double)
        /// λθ is added to the gradient: the loss itself has the curvature H + λ.
        case coupled(Double)
    }

    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var decay: Decay
    /// Updates done, t.
    package var step: Int
    /// The second moments v as one flat vector in the layout of the parameters.
    package var secondMoments: [Double]

    package init(
        learningRate: Double, beta1: Double, beta2: Double, epsilon: Double = 1e-8,
        decay: Decay = .none, step: Int, secondMoments: [Double]
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.decay = decay
        self.step = step
        self.secondMoments = secondMoments
    }

    /// The diagonal of D^(-1/2), D = (1 − β₁ᵗ) (√(v / (1 − β₂ᵗ)) + ε).
    package var inverseRoots: [Double] {
        let first = 1 - pow(beta1, Double(step))
        let second = 1 - pow(beta2, Double(step))
        return secondMoments.map {
            1 / (first * (($0 / second).squareRoot() + epsilon)).squareRoot()
        }
    }

    /// Where Adam without decay becomes unstable: (2 + 2β₁) / ((1 − β₁) η), 38/η at β₁ = 0.9.
    package var threshold: Double { (2 + 2 * beta1) / ((1 - beta1) * learningRate) }

    /// The same with decoupled decay λ: (1 + β₁) (2 − ηλ) / ((1 − β₁) η).
    package var thresholdWithDecay: Double {
        guard case .decoupled(let decay) = decay else { return threshold }
        return (1 + beta1) * (2 - learningRate * decay) / ((1 - beta1) * learningRate)
    }
}

/// The preconditioned sharpness λ₁(D^(-1/2) H D^(-1/2)) beside its thresholds (Cohen and others
/// 2022, arXiv 2207.14484).
package struct PreconditionedSharpness: Sendable, Equatable {
    package let sharpness: Double
    package let residual: Double
    package let converged: Bool
    /// The learning rate η of the next update; the thresholds are infinite where it is 0.
    package let learningRate: Double
    package let threshold: Double
    package let thresholdWithDecay: Double
}

/// The preconditioned sharpness of a Hessian at Adam's state.
///
/// Decay that is part of the gradient (`coupled`) adds its λ to the Hessian. Throws `UserError`
/// before the first update, when D is zero, and where products are not finite.
package func preconditionedSharpness(
    of hessian: LinearOperator, draft: (() throws -> LinearOperator)? = nil, adam: AdamState,
    tolerance: Double = 1e-6, seed: UInt64 = 0
) throws -> PreconditionedSharpness {
    guard adam.step > 0, adam.secondMoments.count == hessian.dimension else {
        throw UserError.missing(
            subject: "the preconditioned sharpness",
            cause: "Adam has no second moments before its first update",
            advice: "choose a later checkpoint")
    }
    let roots = adam.inverseRoots
    func scaled(_ matrix: LinearOperator) -> LinearOperator {
        guard case .coupled(let decay) = adam.decay else { return matrix.scaled(by: roots) }
        return matrix.shifted(by: decay).scaled(by: roots)
    }
    let spectrum = try curvatureSpectrum(
        of: scaled(hessian), draft: draft.map { draft in { scaled(try draft()) } },
        options: LanczosOptions(top: 1, tolerance: tolerance, seed: seed))
    let largest = spectrum.eigenvalues[0]
    return PreconditionedSharpness(
        sharpness: largest.eigenvalue, residual: largest.residual, converged: largest.converged,
        learningRate: adam.learningRate, threshold: adam.threshold,
        thresholdWithDecay: adam.thresholdWithDecay)
}

extension AdamState {
    /// The state of a stored optimiser: `second_moment/TENSOR` for every tensor of the layout.
    ///
    /// Throws `UserError` when a second moment is missing, as for SGD or weights without optimiser
    /// state.
    package init(
        _ stored: OptimizerState, layout: ParameterLayout, learningRate: Double, beta1: Double,
        beta2: Double, epsilon: Double = 1e-8, decay: Decay = .none, step: Int
    ) throws {
        let prefix = "second_moment/"
        let moments = stored.tensors.filter { $0.name.hasPrefix(prefix) }.map {
            Tensor(
                name: String($0.name.dropFirst(prefix.count)), shape: $0.shape,
                elementType: $0.elementType, bytes: $0.bytes)
        }
        self.init(
            learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay,
            step: step, secondMoments: try layout.pack(moments))
    }
}
