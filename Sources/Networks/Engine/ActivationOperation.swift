internal import ArrayMath
internal import Foundation

/// h = f(x) element by element.
///
/// ReLU works in place (`output` is `input`): its derivative can be told from its value.
final class ActivationOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let function: NetworkConfiguration.Activation
    let input: Slot
    let output: Slot

    init(_ function: NetworkConfiguration.Activation, _ input: Slot, into output: Slot) {
        self.function = function
        self.input = input
        self.output = output
    }

    /// True where the function needs its input on the way back.
    static func keepsInput(_ function: NetworkConfiguration.Activation) -> Bool {
        function != .relu
    }

    /// In place, nothing is added to anything: the output's derivatives become the input's.
    override var reads: [Slot] { function == .relu ? [] : [input] }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        let (offset, count) = extent(frame)
        let (x, y) = (frame.value(input) + offset, frame.value(output) + offset)
        switch function {
        case .relu: rectify(y, count: count)
        case .quadratic: square(x, into: y, count: count)
        case .gelu: gelu(x, into: y, count: count)
        }
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        let (offset, count) = extent(frame)
        let x = frame.value(input) + offset
        let (xGradient, yGradient) = (
            frame.gradient(input) + offset, frame.gradient(output) + offset
        )
        switch function {
        case .relu: keepWherePositive(yGradient, gate: x, count: count)
        case .quadratic:
            addDoubledProduct(x, yGradient, to: xGradient, kept: kept(0), count: count)
        case .gelu: geluReverse(x, yGradient, to: xGradient, kept: kept(0), count: count)
        }
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        let (offset, count) = extent(frame)
        let x = frame.value(input) + offset
        let (xTangent, yTangent) = (frame.tangent(input) + offset, frame.tangent(output) + offset)
        switch function {
        case .relu: keepWherePositive(yTangent, gate: x, count: count)
        case .quadratic: addDoubledProduct(x, xTangent, to: yTangent, kept: 0, count: count)
        case .gelu: geluReverse(x, xTangent, to: yTangent, kept: 0, count: count)
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
        case .relu: keepWherePositive(yChange, gate: x, count: count)
        case .quadratic:
            addDoubledProduct(x, yChange, to: xChange, kept: kept(0), count: count)
            addDoubledProduct(xTangent, yGradient, to: xChange, kept: 1, count: count)
        case .gelu:
            geluReverse(x, yChange, to: xChange, kept: kept(0), count: count)
            geluCurvature(x, xTangent, yGradient, to: xChange, count: count)
        }
    }

    private func extent(_ frame: borrowing Frame<Scalar>) -> (offset: Int, count: Int) {
        let rows = frame[input.domain].rows
        return (rows.lowerBound * input.columns, rows.count * input.columns)
    }
}

@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func square<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>, count: Int
) {
    for index in 0..<count { y[index] = x[index] * x[index] }
}

/// z ← kept·z + 2xy, where kept is 0 or 1 and 0 forgets the old z, even NaN.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func addDoubledProduct<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, to z: UnsafeMutablePointer<Scalar>,
    kept: Scalar, count: Int
) {
    if kept == 0 {
        for index in 0..<count { z[index] = 2 * x[index] * y[index] }
    } else {
        for index in 0..<count { z[index] += 2 * x[index] * y[index] }
    }
}

/// Φ(x), the normal distribution function, and φ(x), its density.
@inline(__always)
private func normal<Scalar: NetworkScalar>(_ x: Scalar) -> (distribution: Scalar, density: Scalar) {
    let wide = Double(x)
    return (
        Scalar(0.5 * erfc(-wide * 0.707_106_781_186_547_5)),
        Scalar(0.398_942_280_401_432_7 * exp(-0.5 * wide * wide))
    )
}

/// y ← x·Φ(x).
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func gelu<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>, count: Int
) {
    for index in 0..<count { y[index] = x[index] * normal(x[index]).distribution }
}

/// z ← kept·z + (Φ(x) + x·φ(x))·y.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func geluReverse<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, to z: UnsafeMutablePointer<Scalar>,
    kept: Scalar, count: Int
) {
    for index in 0..<count {
        let (distribution, density) = normal(x[index])
        let change = (distribution + x[index] * density) * y[index]
        z[index] = kept == 0 ? change : z[index] + change
    }
}

/// z ← z + (2 − x²)·φ(x)·ẋ·y.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func geluCurvature<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, _ xTangent: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>,
    to z: UnsafeMutablePointer<Scalar>, count: Int
) {
    for index in 0..<count {
        z[index] +=
            (2 - x[index] * x[index]) * normal(x[index]).density * xTangent[index] * y[index]
    }
}
