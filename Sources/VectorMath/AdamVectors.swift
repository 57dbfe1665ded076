/// The numbers of one Adam update.
package struct AdamConstants<Scalar: LaneScalar> {
    package let beta1: Scalar
    package let rest1: Scalar
    package let beta2: Scalar
    package let rest2: Scalar
    /// The corrected rate η/(1−β₁ᵗ).
    package let rate: Scalar
    /// The correction 1/√(1−β₂ᵗ) of the root of the second moment.
    package let secondScale: Scalar
    package let epsilon: Scalar
    /// The factor 1 − ηλ of the decay, or 1.
    package let keep: Scalar

    package init(
        beta1: Scalar, rest1: Scalar, beta2: Scalar, rest2: Scalar, rate: Scalar,
        secondScale: Scalar, epsilon: Scalar, keep: Scalar
    ) {
        self.beta1 = beta1
        self.rest1 = rest1
        self.beta2 = beta2
        self.rest2 = rest2
        self.rate = rate
        self.secondScale = secondScale
        self.epsilon = epsilon
        self.keep = keep
    }
}

/// The four vectors of an Adam update, all of one length.
package struct AdamVectors<Scalar: LaneScalar> {
    package let parameters: UnsafeMutablePointer<Scalar>
    package let first: UnsafeMutablePointer<Scalar>
    package let second: UnsafeMutablePointer<Scalar>
    package let gradient: UnsafePointer<Scalar>

    package init(
        parameters: UnsafeMutablePointer<Scalar>, first: UnsafeMutablePointer<Scalar>,
        second: UnsafeMutablePointer<Scalar>, gradient: UnsafePointer<Scalar>
    ) {
        self.parameters = parameters
        self.first = first
        self.second = second
        self.gradient = gradient
    }
}
