internal import VectorMath

// The names under which loops of `vectorKernels` are called most, and what needs no vectors.

/// y ← y + x over `count` elements.
package func add<Scalar: ArrayScalar>(
    _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>, count: Int
) {
    vectorKernels.add(x, to: y, count: count)
}

/// sums ← sums + the sum of the rows of a `[rows, columns]` array.
package func addColumnSums<Scalar: ArrayScalar>(
    _ x: UnsafePointer<Scalar>, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Scalar>
) {
    vectorKernels.addColumnSums(x, rows: rows, columns: columns, to: sums)
}

/// Every row of a `[rows, columns]` array ← `row`.
package func fillRows<Scalar: ArrayScalar>(
    _ y: UnsafeMutablePointer<Scalar>, rows: Int, columns: Int, with row: UnsafePointer<Scalar>
) {
    for index in 0..<rows { copyElements(row, to: y + index * columns, count: columns) }
}

/// Adds `row` to every row of a `[rows, columns]` array.
package func addToRows<Scalar: ArrayScalar>(
    _ y: UnsafeMutablePointer<Scalar>, rows: Int, columns: Int, _ row: UnsafePointer<Scalar>
) {
    for index in 0..<rows { add(row, to: y + index * columns, count: columns) }
}

/// y ← 0 over `count` elements.
package func setToZero<Scalar: ArrayScalar>(_ y: UnsafeMutablePointer<Scalar>, count: Int) {
    // As bytes: clearing an unspecialised array would go element by element.
    UnsafeMutableRawPointer(y).initializeMemory(
        as: UInt8.self, repeating: 0, count: count * MemoryLayout<Scalar>.stride)
}

/// y ← x over `count` elements.
package func copyElements<Scalar: ArrayScalar>(
    _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>, count: Int
) {
    UnsafeMutableRawPointer(y).copyMemory(
        from: UnsafeRawPointer(x), byteCount: count * MemoryLayout<Scalar>.stride)
}
