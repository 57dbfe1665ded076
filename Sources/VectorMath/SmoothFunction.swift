/// A non-linearity with two continuous derivatives, element by element.
package enum SmoothFunction<Scalar: LaneScalar> {
    /// tanh x.
    case tanh
    /// x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, GELU as PyTorch's `approximate="tanh"`.
    case tanhGELU
    /// x + (strength/2)·x².
    case linearQuadratic(strength: Scalar)
}
