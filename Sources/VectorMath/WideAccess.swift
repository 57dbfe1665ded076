// Whole vectors to and from memory that need not be aligned.

/// The vector that starts at `pointer + index`.
@inlinable @inline(__always)
package func loadWide<Scalar: LaneScalar>(
    _ pointer: UnsafePointer<Scalar>, _ index: Int
) -> Scalar.Wide {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Scalar.Wide.self)
}

/// The vector that starts at `pointer + index`.
@inlinable @inline(__always)
package func loadWide<Scalar: LaneScalar>(
    _ pointer: UnsafeMutablePointer<Scalar>, _ index: Int
) -> Scalar.Wide {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Scalar.Wide.self)
}

/// Writes the vector that starts at `pointer + index`.
@inlinable @inline(__always)
package func storeWide<Scalar: LaneScalar>(
    _ value: Scalar.Wide, _ pointer: UnsafeMutablePointer<Scalar>, _ index: Int
) {
    UnsafeMutableRawPointer(pointer + index).storeBytes(of: value, as: Scalar.Wide.self)
}

/// Σ aᵢ·bᵢ in a fixed order: four running vectors, then their lanes, then the rest.
@inlinable @inline(__always)
package func inlineDot<Scalar: LaneScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ count: Int
) -> Scalar {
    let width = Scalar.Wide.scalarCount
    var first = Scalar.Wide(repeating: 0)
    var (second, third, fourth) = (first, first, first)
    var index = 0
    while index &+ 4 &* width <= count {
        first += loadWide(a, index) * loadWide(b, index)
        second += loadWide(a, index &+ width) * loadWide(b, index &+ width)
        third += loadWide(a, index &+ 2 &* width) * loadWide(b, index &+ 2 &* width)
        fourth += loadWide(a, index &+ 3 &* width) * loadWide(b, index &+ 3 &* width)
        index &+= 4 &* width
    }
    while index &+ width <= count {
        first += loadWide(a, index) * loadWide(b, index)
        index &+= width
    }
    var total = Scalar.total((first + second) + (third + fourth))
    while index < count {
        total += a[index] * b[index]
        index &+= 1
    }
    return total
}

/// y ← y + factor·x.
@inlinable @inline(__always)
package func inlineAddScaled<Scalar: LaneScalar>(
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

/// y ← y + x.
@inlinable @inline(__always)
package func inlineAdd<Scalar: LaneScalar>(
    _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>, _ count: Int
) {
    let width = Scalar.Wide.scalarCount
    var index = 0
    while index &+ width <= count {
        storeWide(loadWide(y, index) + loadWide(x, index), y, index)
        index &+= width
    }
    while index < count {
        y[index] += x[index]
        index &+= 1
    }
}

/// y ← factor·x.
@inlinable @inline(__always)
package func inlineScale<Scalar: LaneScalar>(
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
package func inlineSum<Scalar: LaneScalar>(_ x: UnsafePointer<Scalar>, _ count: Int) -> Scalar {
    let width = Scalar.Wide.scalarCount
    var first = Scalar.Wide(repeating: 0)
    var second = first
    var index = 0
    while index &+ 2 &* width <= count {
        first += loadWide(x, index)
        second += loadWide(x, index &+ width)
        index &+= 2 &* width
    }
    while index &+ width <= count {
        first += loadWide(x, index)
        index &+= width
    }
    var total = Scalar.total(first + second)
    while index < count {
        total += x[index]
        index &+= 1
    }
    return total
}
