// Whole vectors to and from memory that need not be aligned.

/// The vector that starts at `pointer + index`.
@inlinable @inline(__always)
package func loadWide<Scalar: ArrayScalar>(
    _ pointer: UnsafePointer<Scalar>, _ index: Int
) -> Scalar.Wide {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Scalar.Wide.self)
}

/// The vector that starts at `pointer + index`.
@inlinable @inline(__always)
package func loadWide<Scalar: ArrayScalar>(
    _ pointer: UnsafeMutablePointer<Scalar>, _ index: Int
) -> Scalar.Wide {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Scalar.Wide.self)
}

/// Writes the vector that starts at `pointer + index`.
@inlinable @inline(__always)
package func storeWide<Scalar: ArrayScalar>(
    _ value: Scalar.Wide, _ pointer: UnsafeMutablePointer<Scalar>, _ index: Int
) {
    UnsafeMutableRawPointer(pointer + index).storeBytes(of: value, as: Scalar.Wide.self)
}

/// Σ aᵢ·bᵢ in a fixed order: lane by lane, then over the lanes, then the rest.
@inlinable @inline(__always)
package func inlineDot<Scalar: ArrayScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ count: Int
) -> Scalar {
    let width = Scalar.Wide.scalarCount
    var sums = Scalar.Wide(repeating: 0)
    var index = 0
    while index &+ width <= count {
        sums += loadWide(a, index) * loadWide(b, index)
        index &+= width
    }
    var total = sums.sum()
    while index < count {
        total += a[index] * b[index]
        index &+= 1
    }
    return total
}

/// y ← y + factor·x.
@inlinable @inline(__always)
package func inlineAddScaled<Scalar: ArrayScalar>(
    _ factor: Scalar, _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>, _ count: Int
) {
    let width = Scalar.Wide.scalarCount
    var index = 0
    while index &+ width <= count {
        storeWide(loadWide(y, index) + loadWide(x, index) * factor, y, index)
        index &+= width
    }
    while index < count {
        y[index] += factor * x[index]
        index &+= 1
    }
}

/// y ← factor·x.
@inlinable @inline(__always)
package func inlineScale<Scalar: ArrayScalar>(
    _ factor: Scalar, _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>,
    _ count: Int
) {
    let width = Scalar.Wide.scalarCount
    var index = 0
    while index &+ width <= count {
        storeWide(loadWide(x, index) * factor, y, index)
        index &+= width
    }
    while index < count {
        y[index] = factor * x[index]
        index &+= 1
    }
}

/// Σ xᵢ in a fixed order.
@inlinable @inline(__always)
package func inlineSum<Scalar: ArrayScalar>(_ x: UnsafePointer<Scalar>, _ count: Int) -> Scalar {
    let width = Scalar.Wide.scalarCount
    var sums = Scalar.Wide(repeating: 0)
    var index = 0
    while index &+ width <= count {
        sums += loadWide(x, index)
        index &+= width
    }
    var total = sums.sum()
    while index < count {
        total += x[index]
        index &+= 1
    }
    return total
}
