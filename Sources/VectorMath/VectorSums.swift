/// What one pass over the elements of a vector adds up to, in double precision.
package struct VectorSums {
    /// Σ x².
    package let squares: Double
    /// Σ |x|.
    package let magnitudes: Double
    /// max |x|, 0 without elements; of no meaning where an element is NaN.
    package let largest: Double

    package init(squares: Double, magnitudes: Double, largest: Double) {
        self.squares = squares
        self.magnitudes = magnitudes
        self.largest = largest
    }
}

extension Float {
    @inlinable @inline(__always)
    package static func fourDoubles(_ x: UnsafePointer<Float>, _ index: Int) -> SIMD4<Double> {
        SIMD4<Double>(UnsafeRawPointer(x + index).loadUnaligned(as: SIMD4<Float>.self))
    }
}

extension Double {
    @inlinable @inline(__always)
    package static func fourDoubles(_ x: UnsafePointer<Double>, _ index: Int) -> SIMD4<Double> {
        loadWide(x, index)
    }

    /// |x| by clearing the sign bits.
    @inlinable @inline(__always)
    package static func magnitude(_ x: SIMD4<Double>) -> SIMD4<Double> {
        unsafeBitCast(
            unsafeBitCast(x, to: SIMD4<UInt64>.self) & 0x7fff_ffff_ffff_ffff,
            to: SIMD4<Double>.self)
    }
}
