/// The mean loss of a set of examples and the share of them answered rightly.
package struct LossAndAccuracy: Sendable, Equatable {
    /// Mean cross-entropy in nats over all answers.
    package var loss: Double
    /// Examples with every answer right (the largest logit, the first of equals) over all examples.
    package var accuracy: Double

    package init(loss: Double, accuracy: Double) {
        self.loss = loss
        self.accuracy = accuracy
    }
}

/// The arithmetic in which the cross-entropy is evaluated, whatever the weights' type.
package enum LossPrecision: String, Codable, Sendable, CaseIterable {
    /// As PyTorch does on `float32` logits: losses below 6e-8 round to 0, and their gradients too.
    case float32
    /// Stable in double precision: relative accuracy at any loss.
    case float64
}

/// Values inside a network at the read-out positions, one row per answer in example order.
package enum ActivationKind: Sendable, Equatable {
    /// Outputs of the hidden layer's non-linearity, `[answers, mlpWidth or hiddenWidth]`; layer 0
    /// for the one-hidden-layer networks.
    case mlpHidden(layer: Int)
    /// Attention of the read-out position to each position, `[answers, heads · length]`, 0 for
    /// positions after it.
    case attention(layer: Int)
    /// The residual stream after a block, `[answers, width]`.
    case residual(layer: Int)
}

/// Evaluates one network on one set of examples: logits, loss, gradient and exact second-order
/// products.
///
/// All memory is reserved once, so that repeated calls allocate nothing. Results are independent
/// of the number of threads, bit by bit. An evaluator belongs to one thread at a time.
package final class NetworkEvaluator<Scalar: NetworkScalar> {
    package let network: NetworkConfiguration
    package let space: TokenSpace
    package let examples: Examples
    package let layout: ParameterLayout
    package let lossPrecision: LossPrecision
    package let threadCount: Int

    /// Prepares for the examples; throws a `UserError` where the configuration cannot work.
    package init(
        network: NetworkConfiguration, space: TokenSpace, examples: Examples,
        lossPrecision: LossPrecision = .float64, threadCount: Int = 1
    ) throws {
        try network.validate()
        self.network = network
        self.space = space
        self.examples = examples
        self.lossPrecision = lossPrecision
        self.threadCount = threadCount
        layout = ParameterLayout(network, space)
    }

    /// Loss and accuracy over all examples.
    package func lossAndAccuracy(_ parameters: [Scalar]) -> LossAndAccuracy {
        preconditionFailure("not there yet")
    }

    /// Loss and accuracy, with the gradient of the loss in `gradient`, over the given rows of the
    /// examples, or over all of them.
    ///
    /// `step` seeds what is random in training (dropout).
    package func gradient(
        _ parameters: [Scalar], rows: [Int]? = nil, step: Int = 0, into gradient: inout [Scalar]
    ) -> LossAndAccuracy {
        preconditionFailure("not there yet")
    }

    /// Fixes the weights at which the products below are taken, and keeps what they share.
    @discardableResult
    package func linearize(at parameters: [Scalar]) -> LossAndAccuracy {
        preconditionFailure("not there yet")
    }

    /// The Hessian of the loss at the linearisation, times `vector`; exact up to rounding.
    package func hessianProduct(_ vector: [Scalar], into product: inout [Scalar]) {
        preconditionFailure("not there yet")
    }

    /// The generalised Gauss–Newton matrix (Jᵀ·diag(p) − ppᵀ·J, mean over answers) times `vector`.
    package func gaussNewtonProduct(_ vector: [Scalar], into product: inout [Scalar]) {
        preconditionFailure("not there yet")
    }

    /// The change of all logits along `vector`, row-major `[answers, classCount]`.
    package func jacobianProduct(_ vector: [Scalar]) -> [Scalar] {
        preconditionFailure("not there yet")
    }

    /// All logits, row-major `[count · targetsPerExample, classCount]`, in example order.
    package func logits(_ parameters: [Scalar]) -> [Scalar] {
        preconditionFailure("not there yet")
    }

    /// Inner values at the read-out positions, in example order.
    package func activations(_ parameters: [Scalar], _ kind: ActivationKind) -> [Scalar] {
        preconditionFailure("not there yet")
    }
}
