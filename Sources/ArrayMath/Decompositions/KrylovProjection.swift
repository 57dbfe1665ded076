/// A Krylov basis of a symmetric operator with the operator projected onto it.
///
/// The row of the basis behind the first `size` is the remainder of the last product, of length one
/// unless the basis spans an invariant subspace.
struct KrylovProjection {
    private let linearOperator: LinearOperator
    let capacity: Int
    var basis: KrylovBasis
    /// Row-major `capacity` × `capacity`; entries of the first `size` rows and columns are valid.
    private var matrix: [Double]
    private(set) var size = 0

    init(_ linearOperator: LinearOperator, capacity: Int) {
        self.linearOperator = linearOperator
        self.capacity = capacity
        basis = KrylovBasis(dimension: linearOperator.dimension, capacity: capacity + 1)
        matrix = [Double](repeating: 0, count: capacity * capacity)
    }

    /// Makes one product, the one with this number, and projects it out of the basis; gives the norm
    /// of the remainder, or 0, and leaves it as it is, where the basis spans an invariant subspace.
    mutating func expand(product: Int) throws -> Double {
        basis.extend()
        try basis.withLastTwo { try linearOperator.apply($0, $1) }
        guard basis.lastIsFinite else { throw NonFiniteProduct(product: product) }
        let scale = basis.lastNorm
        let coefficients = basis.orthogonalizeLast()
        for index in 0...size {
            matrix[size * capacity + index] = coefficients[index]
            matrix[index * capacity + size] = coefficients[index]
        }
        size += 1
        let remainder = basis.lastNorm
        guard remainder > 4 * Double.ulpOfOne * max(scale, .leastNormalMagnitude) else { return 0 }
        return basis.normalizeLast() ? remainder : 0
    }

    /// The eigenvalues and eigenvectors of the projected operator.
    func eigen() -> SymmetricEigen {
        var compact = [Double](repeating: 0, count: size * size)
        for row in 0..<size {
            for column in 0..<size {
                compact[row * size + column] = matrix[row * capacity + column]
            }
        }
        return SymmetricEigen(of: compact, order: size)
    }

    /// Goes on with some eigenpairs of the projected operator alone.
    mutating func keep(_ kept: [Int], of eigen: SymmetricEigen) {
        basis.rotate(kept.flatMap { Array(eigen.vector($0)) }, from: size, to: kept.count)
        for index in matrix.indices { matrix[index] = 0 }
        for (position, index) in kept.enumerated() {
            matrix[position * capacity + position] = eigen.values[index]
        }
        size = kept.count
    }
}
