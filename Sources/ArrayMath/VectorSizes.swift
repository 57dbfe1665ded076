internal import VectorMath

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
        self.init(values.baseAddress.map { vectorKernels.sums($0, count: values.count) })
    }

    /// The sizes of the differences of single-precision elements, taken in double precision.
    package init(
        ofDifferences first: UnsafeBufferPointer<Float>, _ second: UnsafeBufferPointer<Float>
    ) {
        precondition(first.count == second.count, "vectors of one length")
        guard let x = first.baseAddress, let y = second.baseAddress else {
            self.init(nil)
            return
        }
        self.init(vectorKernels.differenceSums(x, y, count: first.count))
    }

    /// The sizes of double-precision elements.
    package init(of values: [Double]) {
        self = values.withUnsafeBufferPointer { values in
            VectorSizes(values.baseAddress.map { vectorKernels.sums($0, count: values.count) })
        }
    }

    private init(_ sums: VectorSums?) {
        sumOfSquares = sums?.squares ?? 0
        sumOfMagnitudes = sums?.magnitudes ?? 0
        // No comparison is true of NaN, but the sum of squares is NaN where an element is.
        largestMagnitude = sumOfSquares.isNaN ? .nan : sums?.largest ?? 0
    }

    /// √Σ x², with care for squares that overflow or vanish.
    package func norm(of values: [Double]) -> Double {
        sumOfSquares.isFinite && sumOfSquares > 1e-280
            ? sumOfSquares.squareRoot() : vectorNorm(values)
    }
}
