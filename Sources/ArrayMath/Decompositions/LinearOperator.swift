/// A real symmetric matrix that is known only by its products with vectors.
package struct LinearOperator {
    /// The order of the matrix.
    package let dimension: Int
    /// Writes the product with the first vector into the second; both have `dimension` elements.
    package let apply:
        (UnsafeBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) throws -> Void

    package init(
        dimension: Int,
        apply:
            @escaping (UnsafeBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) throws ->
            Void
    ) {
        precondition(dimension >= 1, "an operator acts on a space")
        self.dimension = dimension
        self.apply = apply
    }

    /// The operator of an explicit symmetric matrix in row-major order.
    package init(matrix: [Double], order: Int) {
        precondition(matrix.count == order * order, "a symmetric matrix is square")
        self.init(dimension: order) { vector, result in
            for row in 0..<order {
                var sum = 0.0
                for column in 0..<order { sum += matrix[row * order + column] * vector[column] }
                result[row] = sum
            }
        }
    }

    /// The product with one vector.
    package func product(with vector: [Double]) throws -> [Double] {
        precondition(vector.count == dimension, "the vector has the operator's dimension")
        var result = [Double](repeating: 0, count: dimension)
        try vector.withUnsafeBufferPointer { source in
            try result.withUnsafeMutableBufferPointer { try apply(source, $0) }
        }
        return result
    }

    /// The explicit matrix, one product with each unit vector; row-major, symmetrised.
    ///
    /// For small operators only: it takes `dimension` products and `dimension²` numbers.
    package func denseMatrix() throws -> [Double] {
        var matrix = [Double](repeating: 0, count: dimension * dimension)
        var unit = [Double](repeating: 0, count: dimension)
        for column in 0..<dimension {
            unit[column] = 1
            let image = try product(with: unit)
            unit[column] = 0
            for row in 0..<dimension { matrix[row * dimension + column] = image[row] }
        }
        for row in 0..<dimension {
            for column in 0..<row {
                let mean =
                    0.5 * (matrix[row * dimension + column] + matrix[column * dimension + row])
                matrix[row * dimension + column] = mean
                matrix[column * dimension + row] = mean
            }
        }
        return matrix
    }

    /// The matrix D^(-1/2) A D^(-1/2) for a positive diagonal D given as its inverse square roots.
    package func scaled(by inverseRoots: [Double]) -> LinearOperator {
        precondition(inverseRoots.count == dimension, "one factor for each coordinate")
        let count = dimension
        return LinearOperator(dimension: count) { [apply] vector, result in
            let inner = (0..<count).map { vector[$0] * inverseRoots[$0] }
            try inner.withUnsafeBufferPointer { try apply($0, result) }
            for index in 0..<count { result[index] *= inverseRoots[index] }
        }
    }

    /// The matrix −A.
    package var negated: LinearOperator {
        let count = dimension
        return LinearOperator(dimension: count) { [apply] vector, result in
            try apply(vector, result)
            for index in 0..<count { result[index] = -result[index] }
        }
    }

    /// The matrix A + shift · I.
    package func shifted(by shift: Double) -> LinearOperator {
        let count = dimension
        return LinearOperator(dimension: count) { [apply] vector, result in
            try apply(vector, result)
            for index in 0..<count { result[index] += shift * vector[index] }
        }
    }

    /// The diagonal block of the coordinates in `range`: vectors are padded with zeros outside it.
    package func block(_ range: Range<Int>) -> LinearOperator {
        precondition(
            !range.isEmpty && range.lowerBound >= 0 && range.upperBound <= dimension,
            "the block lies inside the operator")
        let count = dimension
        return LinearOperator(dimension: range.count) { [apply] vector, result in
            var padded = [Double](repeating: 0, count: count)
            for (offset, index) in range.enumerated() { padded[index] = vector[offset] }
            var image = [Double](repeating: 0, count: count)
            try padded.withUnsafeBufferPointer { source in
                try image.withUnsafeMutableBufferPointer { try apply(source, $0) }
            }
            for (offset, index) in range.enumerated() { result[offset] = image[index] }
        }
    }
}
