package import VectorMath

extension Kernels {
    /// y ← f(x).
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func smooth<Scalar: LaneScalar>(
        _ function: SmoothFunction<Scalar>, _ x: UnsafePointer<Scalar>,
        into y: UnsafeMutablePointer<Scalar>, count: Int
    ) {
        withDerivatives(function, x, count: count) { start, size, value, _, _ in
            let y = y + start
            for index in 0..<size { y[index] = value[index] }
        }
    }

    /// z ← kept·z + f′(x)·y, where kept is 0 or 1 and 0 forgets the old z, even NaN.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func smoothReverse<Scalar: LaneScalar>(
        _ function: SmoothFunction<Scalar>, _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>,
        to z: UnsafeMutablePointer<Scalar>, kept: Scalar, count: Int
    ) {
        withDerivatives(function, x, count: count) { start, size, _, slope, _ in
            let (y, z) = (y + start, z + start)
            if kept == 0 {
                for index in 0..<size { z[index] = slope[index] * y[index] }
            } else {
                for index in 0..<size { z[index] += slope[index] * y[index] }
            }
        }
    }

    /// z ← z + f″(x)·ẋ·y.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func smoothCurvature<Scalar: LaneScalar>(
        _ function: SmoothFunction<Scalar>, _ x: UnsafePointer<Scalar>,
        _ xTangent: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>,
        to z: UnsafeMutablePointer<Scalar>, count: Int
    ) {
        withDerivatives(function, x, count: count) { start, size, _, _, bend in
            let (xTangent, y, z) = (xTangent + start, y + start, z + start)
            for index in 0..<size { z[index] += bend[index] * xTangent[index] * y[index] }
        }
    }
}

/// Calls `body` with chunks of f, f′ and f″ of x.
@inline(__always)
private func withDerivatives<Scalar: LaneScalar>(
    _ function: SmoothFunction<Scalar>, _ x: UnsafePointer<Scalar>, count: Int,
    _ body: (
        Int, Int, UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>,
        UnsafeMutablePointer<Scalar>
    ) -> Void
) {
    // 64 elements at a time, on the stack.
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 256) { buffer in
        guard let value = buffer.baseAddress else { return }
        let (slope, bend, power) = (value + 64, value + 128, value + 192)
        var start = 0
        while start < count {
            let size = min(64, count &- start)
            let x = x + start
            switch function {
            case .linearQuadratic(let strength):
                for index in 0..<size {
                    value[index] = x[index] + strength / 2 * x[index] * x[index]
                    slope[index] = 1 + strength * x[index]
                    bend[index] = strength
                }
            case .tanh:
                for index in 0..<size { bend[index] = x[index] }
                hyperbolicTangents(of: bend, size, scratch: power, into: value)
                for index in 0..<size {
                    let tangent = value[index]
                    slope[index] = 1 - tangent * tangent
                    bend[index] = -2 * tangent * (1 - tangent * tangent)
                }
            case .tanhGELU:
                let (factor, cube) = (Scalar(0.797_884_560_802_865_4), Scalar(0.044_715))
                for index in 0..<size {
                    bend[index] = factor * (x[index] + cube * x[index] * x[index] * x[index])
                }
                hyperbolicTangents(of: bend, size, scratch: power, into: slope)
                for index in 0..<size {
                    let (x, tangent) = (x[index], slope[index])
                    let inner = factor * (1 + 3 * cube * x * x)
                    let rest = 1 - tangent * tangent
                    value[index] = x * (1 + tangent) / 2
                    slope[index] = (1 + tangent) / 2 + x / 2 * rest * inner
                    bend[index] =
                        rest * inner + x / 2 * rest * (6 * cube * factor * x)
                        - x * tangent * rest * inner * inner
                }
            }
            body(start, size, value, slope, bend)
            start &+= 64
        }
    }
}

/// tanh of up to 64 elements: its Taylor polynomial up to the power 21 where |x| < 1/4, else
/// ±(1 − e)/(1 + e) with e = exp(−2|x|).
@inline(__always)
private func hyperbolicTangents<Scalar: LaneScalar>(
    of x: UnsafePointer<Scalar>, _ count: Int, scratch: UnsafeMutablePointer<Scalar>,
    into y: UnsafeMutablePointer<Scalar>
) {
    for index in 0..<count { scratch[index] = -2 * x[index].magnitude }
    for index in count..<64 { scratch[index] = 0 }
    Scalar.exponentiate(scratch, count: 64)
    for index in 0..<count {
        let (x, power) = (x[index], scratch[index])
        let square = x * x
        var series = Scalar(18_888_466_084.0 / 194_896_477_400_625)
        series = series * square - Scalar(443_861_162.0 / 1_856_156_927_625)
        series = series * square + Scalar(6_404_582.0 / 10_854_718_875)
        series = series * square - Scalar(929_569.0 / 638_512_875)
        series = series * square + Scalar(21_844.0 / 6_081_075)
        series = series * square - Scalar(1382.0 / 155_925)
        series = series * square + Scalar(62.0 / 2835)
        series = series * square - Scalar(17.0 / 315)
        series = series * square + Scalar(2.0 / 15)
        series = series * square - Scalar(1.0 / 3)
        let small = x + x * square * series
        let large = (1 - power) / (1 + power)
        y[index] = x.magnitude < 0.25 ? small : (x < 0 ? -large : large)
    }
}
