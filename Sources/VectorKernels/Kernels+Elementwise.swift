package import VectorMath

extension Kernels {
    /// y ← y + x over `count` elements.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func add<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>, count: Int
    ) {
        inlineAdd(x, to: y, count)
    }

    /// sums ← sums + the sum of the rows of a `[rows, columns]` array.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func addColumnSums<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Scalar>
    ) {
        // Four columns of vectors at a time stay in registers down all the rows.
        let width = Scalar.Wide.scalarCount
        var column = 0
        while column &+ 4 &* width <= columns {
            var first = loadWide(sums, column)
            var second = loadWide(sums, column &+ width)
            var third = loadWide(sums, column &+ 2 &* width)
            var fourth = loadWide(sums, column &+ 3 &* width)
            var row = x + column
            for _ in 0..<rows {
                first += loadWide(row, 0)
                second += loadWide(row, width)
                third += loadWide(row, 2 &* width)
                fourth += loadWide(row, 3 &* width)
                row += columns
            }
            storeWide(first, sums, column)
            storeWide(second, sums, column &+ width)
            storeWide(third, sums, column &+ 2 &* width)
            storeWide(fourth, sums, column &+ 3 &* width)
            column &+= 4 &* width
        }
        guard column < columns else { return }
        for row in 0..<rows {
            for rest in column..<columns { sums[rest] += x[row &* columns &+ rest] }
        }
    }

    /// y ← max(y, 0); NaN stays NaN.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func rectify<Scalar: LaneScalar>(_ y: UnsafeMutablePointer<Scalar>, count: Int) {
        // Whole vectors, because signs of activations are random and a branch would often be wrong.
        let width = Scalar.Wide.scalarCount
        var index = 0
        while index &+ width <= count {
            let value = loadWide(y, index)
            storeWide(Scalar.clearing(value, whereNegative: value), y, index)
            index &+= width
        }
        while index < count {
            if y[index] < 0 { y[index] = 0 }
            index &+= 1
        }
    }

    /// y ← 0 where `gate` is 0 or negative.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func keepWherePositive<Scalar: LaneScalar>(
        _ y: UnsafeMutablePointer<Scalar>, gate: UnsafePointer<Scalar>, count: Int
    ) {
        let width = Scalar.Wide.scalarCount
        var index = 0
        while index &+ width <= count {
            storeWide(
                Scalar.clearing(loadWide(y, index), whereNotPositive: loadWide(gate, index)), y,
                index)
            index &+= width
        }
        while index < count {
            if gate[index] <= 0 { y[index] = 0 }
            index &+= 1
        }
    }
}
