internal import COpenBLAS

/// Eigenvalues and orthonormal eigenvectors of a real symmetric matrix.
package struct SymmetricEigen: Sendable {
    /// The order of the matrix.
    package let order: Int
    /// Eigenvalues, rising.
    package let values: [Double]
    /// Eigenvectors, one after the other: vector `i` is the slice `i * order ..< (i + 1) * order`.
    package let vectors: [Double]

    /// The unit eigenvector of `values[index]`; its sign is arbitrary.
    package func vector(_ index: Int) -> ArraySlice<Double> {
        vectors[index * order..<(index + 1) * order]
    }

    /// The decomposition A = Σ λ_i v_i v_iᵀ of a symmetric `order` × `order` matrix.
    ///
    /// Only one triangle is read. A matrix with NaN or an infinity gives NaN everywhere; order 0
    /// gives empty arrays. LAPACK's divide and conquer (`dsyevd`): absolute error a small multiple
    /// of `order * ulp * ‖A‖`.
    package init(of matrix: [Double], order: Int) {
        precondition(matrix.count == order * order, "a symmetric matrix is square")
        let result = decomposed(matrix, order: order, vectors: true)
        self.order = order
        values = result.values
        vectors = result.vectors
    }
}

/// The eigenvalues of a real symmetric matrix, rising.
///
/// `matrix` has `order * order` elements, of which one triangle is read. A matrix with NaN or an
/// infinity gives NaN everywhere.
package func symmetricEigenvalues(_ matrix: [Double], order: Int) -> [Double] {
    precondition(matrix.count == order * order, "a symmetric matrix is square")
    return decomposed(matrix, order: order, vectors: false).values
}

private func decomposed(
    _ matrix: [Double], order: Int, vectors wanted: Bool
) -> (values: [Double], vectors: [Double]) {
    let empty = [Double](repeating: .nan, count: order)
    // LAPACK may loop for ever on NaN.
    guard matrix.allSatisfy(\.isFinite) else {
        return (empty, wanted ? [Double](repeating: .nan, count: order * order) : [])
    }
    guard order > 0 else { return ([], []) }
    precondition(singleThreadedBLAS)
    var values = empty
    var vectors = matrix
    var extent = Int32(order)
    var job = CChar(bitPattern: wanted ? UInt8(ascii: "V") : UInt8(ascii: "N"))
    var triangle = CChar(bitPattern: UInt8(ascii: "L"))
    var info: Int32 = 0
    var workCount = Int32(wanted ? 1 + 6 * order + 2 * order * order : 1 + 40 * order)
    var integerCount = Int32(wanted ? 3 + 5 * order : 1)
    var work = [Double](repeating: 0, count: Int(workCount))
    var integers = [Int32](repeating: 0, count: Int(integerCount))
    dsyevd_(
        &job, &triangle, &extent, &vectors, &extent, &values, &work, &workCount, &integers,
        &integerCount, &info)
    guard info == 0 else {
        return (empty, wanted ? [Double](repeating: .nan, count: order * order) : [])
    }
    return (values, wanted ? vectors : [])
}
