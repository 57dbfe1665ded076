package import VectorMath

extension Kernels {
    /// The sums over `count` elements.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func sums<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, count: Int
    ) -> VectorSums {
        sums(count) {
            Scalar.fourDoubles(x, $0)
        } one: {
            Double(x[$0])
        }
    }

    /// The sums over the differences x − y of `count` elements, taken in double precision.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func differenceSums<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, count: Int
    ) -> VectorSums {
        sums(count) {
            Scalar.fourDoubles(x, $0) - Scalar.fourDoubles(y, $0)
        } one: {
            Double(x[$0]) - Double(y[$0])
        }
    }

    @inline(__always)
    private static func sums(
        _ count: Int, four: (Int) -> SIMD4<Double>, one: (Int) -> Double
    ) -> VectorSums {
        // Four of each, so that an addition need not wait for the one before.
        typealias Four = (SIMD4<Double>, SIMD4<Double>, SIMD4<Double>, SIMD4<Double>)
        var squares: Four = (.zero, .zero, .zero, .zero)
        var magnitudes = squares
        var largest = (SIMD4<Double>.zero, SIMD4<Double>.zero)
        var index = 0
        while index &+ 16 <= count {
            let sizes: Four = (
                Double.magnitude(four(index)), Double.magnitude(four(index &+ 4)),
                Double.magnitude(four(index &+ 8)), Double.magnitude(four(index &+ 12))
            )
            squares.0 += sizes.0 * sizes.0
            squares.1 += sizes.1 * sizes.1
            squares.2 += sizes.2 * sizes.2
            squares.3 += sizes.3 * sizes.3
            magnitudes.0 += sizes.0
            magnitudes.1 += sizes.1
            magnitudes.2 += sizes.2
            magnitudes.3 += sizes.3
            largest.0 = Double.larger(Double.larger(largest.0, sizes.0), sizes.2)
            largest.1 = Double.larger(Double.larger(largest.1, sizes.1), sizes.3)
            index &+= 16
        }
        var sum = total(squares.0 + squares.2, squares.1 + squares.3)
        var magnitude = total(magnitudes.0 + magnitudes.2, magnitudes.1 + magnitudes.3)
        var maximum = max(largest.0.max(), largest.1.max())
        while index < count {
            let size = abs(one(index))
            sum += size * size
            magnitude += size
            if size > maximum { maximum = size }
            index &+= 1
        }
        return VectorSums(squares: sum, magnitudes: magnitude, largest: maximum)
    }

    @inline(__always)
    private static func total(_ first: SIMD4<Double>, _ second: SIMD4<Double>) -> Double {
        SIMD8(lowHalf: first, highHalf: second).sum()
    }
}
