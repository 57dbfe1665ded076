package import VectorMath

extension Kernels {
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func square<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>, count: Int
    ) {
        for index in 0..<count { y[index] = x[index] * x[index] }
    }

    /// z ← kept·z + 2xy, where kept is 0 or 1 and 0 forgets the old z, even NaN.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func addDoubledProduct<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, to z: UnsafeMutablePointer<Scalar>,
        kept: Scalar, count: Int
    ) {
        if kept == 0 {
            for index in 0..<count { z[index] = 2 * x[index] * y[index] }
        } else {
            for index in 0..<count { z[index] += 2 * x[index] * y[index] }
        }
    }

    /// y ← x·Φ(x).
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func gelu<Scalar: LaneScalar>(
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
    package static func geluReverse<Scalar: LaneScalar>(
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
    package static func geluCurvature<Scalar: LaneScalar>(
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
}

/// Calls `body` with chunks of x and what Φ and φ are on them.
@inline(__always)
private func withNormal<Scalar: LaneScalar>(
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
