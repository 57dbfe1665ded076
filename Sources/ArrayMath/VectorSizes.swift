/// The sizes of a vector that one pass over its elements gives, in double precision.
package struct VectorSizes: Sendable, Equatable {
    /// Σ x²; NaN where an element is, infinite where one is or where the squares overflow.
    package let sumOfSquares: Double
    /// Σ |x|.
    package let sumOfMagnitudes: Double
    /// max |x|; 0 without elements, NaN where an element is.
    package let largestMagnitude: Double

    /// The sizes of single-precision elements, whose squares neither overflow nor vanish.
    package init(of values: UnsafeBufferPointer<Float>) {
        // Magnitudes are taken and compared in single precision, which loses nothing and moves half
        // of the bytes.
        var squares = (SIMD8<Double>.zero, SIMD8<Double>.zero)
        var magnitudes = squares
        var largest = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        var index = 0
        @inline(__always)
        func eight(_ index: Int) -> SIMD8<Float> {
            let bits = UnsafeRawPointer(values.baseAddress.unsafelyUnwrapped + index)
                .loadUnaligned(as: SIMD8<UInt32>.self)
            return unsafeBitCast(bits & 0x7fff_ffff, to: SIMD8<Float>.self)
        }
        while index + 16 <= values.count {
            let sizes = (eight(index), eight(index + 8))
            largest.0.replace(with: sizes.0, where: sizes.0 .> largest.0)
            largest.1.replace(with: sizes.1, where: sizes.1 .> largest.1)
            let wide = (SIMD8<Double>(sizes.0), SIMD8<Double>(sizes.1))
            squares.0 += wide.0 * wide.0
            squares.1 += wide.1 * wide.1
            magnitudes.0 += wide.0
            magnitudes.1 += wide.1
            index += 16
        }
        var sum = (squares.0 + squares.1).sum()
        var total = (magnitudes.0 + magnitudes.1).sum()
        var maximum = Double(max(largest.0.max(), largest.1.max()))
        while index < values.count {
            let value = abs(Double(values[index]))
            sum += value * value
            total += value
            if value > maximum { maximum = value }
            index += 1
        }
        sumOfSquares = sum
        sumOfMagnitudes = total
        // No comparison is true of NaN, but the sum of squares is NaN where an element is.
        largestMagnitude = sum.isNaN ? .nan : maximum
    }

    /// The sizes of the differences of single-precision elements, taken in double precision.
    package init(
        ofDifferences first: UnsafeBufferPointer<Float>, _ second: UnsafeBufferPointer<Float>
    ) {
        precondition(first.count == second.count, "vectors of one length")
        func eight(_ values: UnsafeBufferPointer<Float>, _ index: Int) -> SIMD8<Double> {
            SIMD8<Double>(
                UnsafeRawPointer(values.baseAddress.unsafelyUnwrapped + index)
                    .loadUnaligned(as: SIMD8<Float>.self))
        }
        self.init(count: first.count) {
            eight(first, $0) - eight(second, $0)
        } single: {
            Double(first[$0]) - Double(second[$0])
        }
    }

    /// The sizes of double-precision elements.
    package init(of values: [Double]) {
        self = values.withUnsafeBufferPointer { values in
            VectorSizes(count: values.count) { index in
                UnsafeRawPointer(values.baseAddress.unsafelyUnwrapped + index)
                    .loadUnaligned(as: SIMD8<Double>.self)
            } single: {
                values[$0]
            }
        }
    }

    /// √Σ x², with care for squares that overflow or vanish.
    package func norm(of values: [Double]) -> Double {
        sumOfSquares.isFinite && sumOfSquares > 1e-280
            ? sumOfSquares.squareRoot() : vectorNorm(values)
    }

    @inline(__always)
    private init(
        count: Int, eight: (Int) -> SIMD8<Double>, single: (Int) -> Double
    ) {
        // Two of each, so that an addition need not wait for the one before.
        var squares = (SIMD8<Double>.zero, SIMD8<Double>.zero)
        var magnitudes = squares
        var largest = SIMD8<Double>.zero
        var index = 0
        while index + 16 <= count {
            let (first, second) = (eight(index), eight(index + 8))
            squares.0 += first * first
            squares.1 += second * second
            let sizes = (VectorSizes.magnitude(first), VectorSizes.magnitude(second))
            magnitudes.0 += sizes.0
            magnitudes.1 += sizes.1
            largest.replace(with: sizes.0, where: sizes.0 .> largest)
            largest.replace(with: sizes.1, where: sizes.1 .> largest)
            index += 16
        }
        var sum = (squares.0 + squares.1).sum()
        var total = (magnitudes.0 + magnitudes.1).sum()
        var maximum = largest.max()
        while index < count {
            let value = abs(single(index))
            sum += value * value
            total += value
            if value > maximum { maximum = value }
            index += 1
        }
        sumOfSquares = sum
        sumOfMagnitudes = total
        // No comparison is true of NaN, but the sum of squares is NaN where an element is.
        largestMagnitude = sum.isNaN ? .nan : maximum
    }

    /// |x| by clearing the sign bits.
    @inline(__always)
    private static func magnitude(_ values: SIMD8<Double>) -> SIMD8<Double> {
        let bits = unsafeBitCast(values, to: SIMD8<UInt64>.self) & 0x7fff_ffff_ffff_ffff
        return unsafeBitCast(bits, to: SIMD8<Double>.self)
    }
}
