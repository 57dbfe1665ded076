internal import ArrayMath

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

/// Calls `body` with chunks of x and what Φ and φ are on them.
@inline(__always)
private func withNormal<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, count: Int,
    _ body: (Int, Int, UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>) -> Void
) {
    // 64 elements at a time, on the stack.
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 192) { buffer in
        guard let values = buffer.baseAddress else { return }
        let (distribution, density) = (values + 64, values + 128)
        var start = 0
        while start < count {
            let size = min(64, count &- start)
            for index in 0..<size { values[index] = x[start &+ index] }
            for index in size..<64 { values[index] = 0 }
            Scalar.normalDistribution(
                values, count: 64, distribution: distribution, density: density)
            body(start, size, distribution, density)
            start &+= 64
        }
    }
}

/// y ← x·Φ(x).
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func gelu<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>, count: Int
) {
    withNormal(x, count: count) { start, size, distribution, _ in
        let (x, y) = (x + start, y + start)
        for index in 0..<size { y[index] = x[index] * distribution[index] }
    }
}

/// z ← kept·z + (Φ(x) + x·φ(x))·y.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func geluReverse<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, to z: UnsafeMutablePointer<Scalar>,
    kept: Scalar, count: Int
) {
    withNormal(x, count: count) { start, size, distribution, density in
        let (x, y, z) = (x + start, y + start, z + start)
        for index in 0..<size {
            distribution[index] = (distribution[index] + x[index] * density[index]) * y[index]
        }
        if kept == 0 {
            for index in 0..<size { z[index] = distribution[index] }
        } else {
            for index in 0..<size { z[index] += distribution[index] }
        }
    }
}

/// z ← z + (2 − x²)·φ(x)·ẋ·y.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func geluCurvature<Scalar: NetworkScalar>(
    _ x: UnsafePointer<Scalar>, _ xTangent: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>,
    to z: UnsafeMutablePointer<Scalar>, count: Int
) {
    withNormal(x, count: count) { start, size, _, density in
        let (x, xTangent, y, z) = (x + start, xTangent + start, y + start, z + start)
        for index in 0..<size {
            z[index] += (2 - x[index] * x[index]) * density[index] * xTangent[index] * y[index]
        }
    }
}
