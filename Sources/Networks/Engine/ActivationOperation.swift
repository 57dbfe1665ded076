internal import ArrayMath
internal import VectorMath

/// h = f(x) element by element.
///
/// ReLU works in place (`output` is `input`): its derivative can be told from its value.
final class ActivationOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    /// The function with what its rules need.
    enum Function {
        case relu
        case gelu
        case square
        case smooth(SmoothFunction<Scalar>)
    }

    let function: Function
    let input: Slot
    let output: Slot

    init(_ function: Function, _ input: Slot, into output: Slot) {
        self.function = function
        self.input = input
        self.output = output
    }

    /// True where the function needs its input on the way back.
    private var keepsInput: Bool { if case .relu = function { false } else { true } }

    /// In place, nothing is added to anything: the output's derivatives become the input's.
    override var reads: [Slot] { keepsInput ? [input] : [] }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        let (offset, count) = extent(frame)
        let (x, y) = (frame.value(input) + offset, frame.value(output) + offset)
        switch function {
        case .relu: vectorKernels.rectify(y, count: count)
        case .square: vectorKernels.square(x, into: y, count: count)
        case .gelu: vectorKernels.gelu(x, into: y, count: count)
        case .smooth(let function): vectorKernels.smooth(function, x, into: y, count: count)
        }
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        let (offset, count) = extent(frame)
        let x = frame.value(input) + offset
        let (xGradient, yGradient) = (
            frame.gradient(input) + offset, frame.gradient(output) + offset
        )
        switch function {
        case .relu: vectorKernels.keepWherePositive(yGradient, gate: x, count: count)
        case .square:
            vectorKernels.addDoubledProduct(
                x, yGradient, to: xGradient, kept: kept(0), count: count)
        case .gelu:
            vectorKernels.geluReverse(x, yGradient, to: xGradient, kept: kept(0), count: count)
        case .smooth(let function):
            vectorKernels.smoothReverse(
                function, x, yGradient, to: xGradient, kept: kept(0), count: count)
        }
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        let (offset, count) = extent(frame)
        let x = frame.value(input) + offset
        let (xTangent, yTangent) = (frame.tangent(input) + offset, frame.tangent(output) + offset)
        switch function {
        case .relu: vectorKernels.keepWherePositive(yTangent, gate: x, count: count)
        case .square:
            vectorKernels.addDoubledProduct(x, xTangent, to: yTangent, kept: 0, count: count)
        case .gelu: vectorKernels.geluReverse(x, xTangent, to: yTangent, kept: 0, count: count)
        case .smooth(let function):
            vectorKernels.smoothReverse(function, x, xTangent, to: yTangent, kept: 0, count: count)
        }
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        let (offset, count) = extent(frame)
        let x = frame.value(input) + offset
        let (xTangent, yGradient) = (frame.tangent(input) + offset, frame.gradient(output) + offset)
        let yChange = frame.gradientTangent(output) + offset
        let xChange = frame.gradientTangent(input) + offset
        switch function {
        // The second derivative is 0 wherever there is one.
        case .relu: vectorKernels.keepWherePositive(yChange, gate: x, count: count)
        case .square:
            vectorKernels.addDoubledProduct(x, yChange, to: xChange, kept: kept(0), count: count)
            vectorKernels.addDoubledProduct(xTangent, yGradient, to: xChange, kept: 1, count: count)
        case .gelu:
            vectorKernels.geluReverse(x, yChange, to: xChange, kept: kept(0), count: count)
            vectorKernels.geluCurvature(x, xTangent, yGradient, to: xChange, count: count)
        case .smooth(let function):
            vectorKernels.smoothReverse(
                function, x, yChange, to: xChange, kept: kept(0), count: count)
            vectorKernels.smoothCurvature(
                function, x, xTangent, yGradient, to: xChange, count: count)
        }
    }

    private func extent(_ frame: borrowing Frame<Scalar>) -> (offset: Int, count: Int) {
        let rows = frame[input.domain].rows
        return (rows.lowerBound * input.columns, rows.count * input.columns)
    }
}

extension NetworkProgram {
    /// The non-linearity of a hidden layer; in place where the function allows.
    mutating func appendActivation(_ input: Slot, on domain: RowDomain) -> Slot {
        let function: ActivationOperation<Scalar>.Function
        switch network.activation {
        case .identity: return input
        case .relu:
            append(ActivationOperation(.relu, input, into: input), on: domain)
            return input
        case .gelu: function = .gelu
        case .quadratic: function = .square
        case .tanh: function = .smooth(.tanh)
        case .tanhGELU: function = .smooth(.tanhGELU)
        case .linearQuadratic:
            function = .smooth(.linearQuadratic(strength: Scalar(network.activationStrength)))
        }
        let output = slot(domain, input.columns)
        append(ActivationOperation(function, input, into: output), on: domain)
        return output
    }
}
