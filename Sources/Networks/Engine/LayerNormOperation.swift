internal import ArrayMath
internal import VectorMath

/// y = x̂·scale + shift with x̂ = (x − mean(x)) / √(var(x) + 1e-5), row by row.
final class LayerNormOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let input: Slot
    let output: Slot
    /// Mean and reciprocal deviation of each row, 2 columns.
    let statistics: Slot
    let scale: Int
    let shift: Int

    init(_ input: Slot, scale: Int, shift: Int, statistics: Slot, into output: Slot) {
        self.input = input
        self.scale = scale
        self.shift = shift
        self.statistics = statistics
        self.output = output
    }

    override var reads: [Slot] { [input] }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        vectorKernels.normalise(
            frame[input.domain].rows, columns: input.columns, frame.value(input),
            statistics: frame.value(statistics), scale: frame.parameters.value + scale,
            shift: frame.parameters.value + shift, into: frame.value(output))
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        vectorKernels.normaliseReverse(
            frame[input.domain].rows, columns: input.columns, frame.value(input),
            statistics: frame.value(statistics), scale: frame.parameters.value + scale,
            outputGradient: frame.gradient(output), kept: kept(0),
            inputGradient: frame.gradient(input), scaleGradient: frame.parameters.gradient + scale,
            shiftGradient: frame.parameters.gradient + shift, scratch: frame.scratch)
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        vectorKernels.normaliseTangent(
            frame[input.domain].rows, columns: input.columns, frame.value(input),
            statistics: frame.value(statistics), scale: frame.parameters.value + scale,
            inputTangent: frame.tangent(input), scaleTangent: frame.parameters.tangent + scale,
            shiftTangent: frame.parameters.tangent + shift, into: frame.tangent(output))
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        vectorKernels.normaliseReverseTangent(
            frame[input.domain].rows, columns: input.columns, frame.value(input),
            statistics: frame.value(statistics), scale: frame.parameters.value + scale,
            inputTangent: frame.tangent(input), scaleTangent: frame.parameters.tangent + scale,
            outputGradient: frame.gradient(output), outputChange: frame.gradientTangent(output),
            kept: kept(0), inputChange: frame.gradientTangent(input),
            scaleChange: frame.parameters.gradientTangent + scale,
            shiftChange: frame.parameters.gradientTangent + shift, scratch: frame.scratch)
    }
}
