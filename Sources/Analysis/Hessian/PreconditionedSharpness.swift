package import ArrayMath
package import Checkpoints
internal import Foundation
package import Networks

/// Adam's numbers that decide its edge of stability.
package struct AdamState: Sendable {
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: Double
    /// Updates done, t.
    package var step: Int
    /// The second moments v as one flat vector in the layout of the parameters.
    package var secondMoments: [Double]

    package init(
        learningRate: Double, beta1: Double, beta2: Double, epsilon: Double = 1e-8,
        weightDecay: Double = 0, step: Int, secondMoments: [Double]
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
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
        (1 + beta1) * (2 - learningRate * weightDecay) / ((1 - beta1) * learningRate)
    }
}

/// The preconditioned sharpness λ₁(D^(-1/2) H D^(-1/2)) beside its thresholds (Cohen and others
/// 2022, arXiv 2207.14484).
///
/// Needs Adam's second moments after at least one update; before that D is zero and the measure is
/// absent, with the reason as text.
package func preconditionedSharpness(
    of hessian: LinearOperator, adam: AdamState, tolerance: Double = 1e-6, seed: UInt64 = 0
) throws -> [MeasuredValue] {
    guard adam.step > 0, adam.secondMoments.count == hessian.dimension else {
        return [
            MeasuredValue(
                "preconditioned_sharpness", value: nil,
                text: "needs Adam's second moments after at least one update")
        ]
    }
    let spectrum = try curvatureSpectrum(
        of: hessian.scaled(by: adam.inverseRoots),
        options: LanczosOptions(top: 1, tolerance: tolerance, seed: seed))
    guard let largest = spectrum.eigenvalues.first else { return [] }
    return [
        MeasuredValue("preconditioned_sharpness", value: largest.eigenvalue),
        MeasuredValue("preconditioned_sharpness_residual", value: largest.residual),
        MeasuredValue("adam_threshold", value: adam.threshold),
        MeasuredValue("adam_threshold_with_decay", value: adam.thresholdWithDecay),
        MeasuredValue(
            "sharpness_over_threshold", value: largest.eigenvalue / adam.thresholdWithDecay),
    ]
}

extension AdamState {
    /// The state of a stored optimiser: `second_moment/TENSOR` for every tensor of the layout.
    ///
    /// Throws `UserError` when a second moment is missing, as for SGD or weights without optimiser
    /// state.
    package init(
        _ stored: OptimizerState, layout: ParameterLayout, learningRate: Double, beta1: Double,
        beta2: Double, epsilon: Double = 1e-8, weightDecay: Double = 0, step: Int
    ) throws {
        let prefix = "second_moment/"
        let moments = stored.tensors.filter { $0.name.hasPrefix(prefix) }.map {
            Tensor(
                name: String($0.name.dropFirst(prefix.count)), shape: $0.shape,
                elementType: $0.elementType, bytes: $0.bytes)
        }
        self.init(
            learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
            weightDecay: weightDecay, step: step, secondMoments: try layout.pack(moments))
    }
}
