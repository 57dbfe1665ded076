/// The extreme eigenvalues of a symmetric operator when a cheap draft of it is at hand, such as the
/// same operator in single precision.
///
/// Lanczos finds a subspace with the draft; Rayleigh–Ritz with products of the operator itself then
/// gives the values, with residuals computed from the vectors. An error of size ε in the vectors
/// costs ε² in the values, so that this usually suffices; where it does not, the residuals of the
/// pairs that are left widen the subspace (block Davidson without a preconditioner) until they have
/// converged or the products are used up. Nothing but the subspace comes from the draft: values,
/// residuals and convergence are the operator's. `options.start` starts the draft's search.
///
/// Small operators, and those whose draft is not finite, are searched without it. Throws as
/// `extremeEigenvalues(of:options:)`.
package func extremeEigenvalues(
    of linearOperator: LinearOperator, draft: () throws -> LinearOperator, options: LanczosOptions
) throws -> LanczosResult {
    let wanted = options.top + options.bottom
    guard linearOperator.dimension > 8 * wanted + 512 else {
        return try extremeEigenvalues(of: linearOperator, options: options)
    }
    var draftOptions = options
    // Single precision resolves no more, and values are quadratically better than vectors; a
    // quarter leaves room for the draft's own error.
    draftOptions.tolerance = max(options.tolerance / 4, 1e-8)
    let found: LanczosResult
    do {
        found = try extremeEigenvalues(of: try draft(), options: draftOptions)
    } catch is NonFiniteProduct {
        return try extremeEigenvalues(of: linearOperator, options: options)
    }
    var refinement = RitzRefinement(linearOperator, options, draft: found)
    return try refinement.run()
}

/// Rayleigh–Ritz on a growing subspace whose images under the operator are kept.
private struct RitzRefinement {
    private let linearOperator: LinearOperator
    private let options: LanczosOptions
    private let draft: LanczosResult
    private let capacity: Int
    private var basis: KrylovBasis
    /// The operator's products with the rows of the basis.
    private var images: KrylovBasis
    /// Row i holds the projected matrix's entries up to the diagonal.
    private var projected: [[Double]] = []
    private var productCount = 0

    init(_ linearOperator: LinearOperator, _ options: LanczosOptions, draft: LanczosResult) {
        self.linearOperator = linearOperator
        self.options = options
        self.draft = draft
        capacity = 3 * (draft.top.count + draft.bottom.count) + 12
        basis = KrylovBasis(dimension: linearOperator.dimension, capacity: capacity + 1)
        images = KrylovBasis(dimension: linearOperator.dimension, capacity: capacity)
    }

    /// A Ritz pair with what is needed to go on from it.
    private struct Candidate {
        let pair: RitzPair
        let image: [Double]

        /// A v − θ v.
        var residualVector: [Double] {
            image.indices.map { image[$0] - pair.eigenvalue * pair.vector[$0] }
        }
    }

    mutating func run() throws -> LanczosResult {
        for pair in draft.top + draft.bottom { try widen(by: pair.vector) }
        while true {
            let (top, bottom) = candidates()
            let rest = (top + bottom).filter { !$0.pair.converged }
            if rest.isEmpty { return result(top, bottom) }
            if basis.count + rest.count > capacity { restart(with: top + bottom) }
            var isWider = false
            for candidate in rest {
                guard draft.productCount + productCount < options.maximumProducts else { break }
                if try widen(by: candidate.residualVector) { isWider = true }
            }
            if !isWider { return result(top, bottom) }
        }
    }

    /// Adds a direction and its product; false when it lies in the subspace already.
    @discardableResult
    private mutating func widen(by direction: [Double]) throws -> Bool {
        basis.append(direction)
        let before = basis.lastNorm
        _ = basis.orthogonalizeLast()
        guard basis.lastNorm > 1e-12 * before, basis.normalizeLast() else {
            basis.removeLast()
            return false
        }
        let image = try linearOperator.product(with: basis.row(basis.count - 1))
        productCount += 1
        let row = basis.products(with: image)
        guard row.allSatisfy(\.isFinite) else { throw NonFiniteProduct(product: productCount) }
        images.append(image)
        projected.append(row)
        return true
    }

    private func candidates() -> (top: [Candidate], bottom: [Candidate]) {
        let size = basis.count
        var matrix = [Double](repeating: 0, count: size * size)
        for (row, entries) in projected.enumerated() {
            for (column, entry) in entries.enumerated() {
                matrix[row * size + column] = entry
                matrix[column * size + row] = entry
            }
        }
        let eigen = SymmetricEigen(of: matrix, order: size)
        let topCount = min(draft.top.count, size)
        let bottomCount = min(draft.bottom.count, size - topCount)
        // The next value in the subspace is a bound from inside on the next eigenvalue.
        let isMore = size > topCount + bottomCount
        let below = isMore ? eigen.values[size - topCount - 1] : -.infinity
        let above = isMore ? eigen.values[bottomCount] : .infinity
        return (
            side(
                eigen, Array(size - topCount..<size),
                outside: (max(draft.next.belowTop, below), .infinity)
            ).reversed(),
            side(
                eigen, Array(0..<bottomCount),
                outside: (-.infinity, min(draft.next.aboveBottom, above)))
        )
    }

    /// The pairs of one end, rising.
    private func side(
        _ eigen: SymmetricEigen, _ indices: [Int], outside: (below: Double, above: Double)
    ) -> [Candidate] {
        let rounding = Double.ulpOfOne * (eigen.values.map(abs).max() ?? 0)
        let found = indices.map { index -> (vector: [Double], image: [Double], residual: Double) in
            let coefficients = Array(eigen.vector(index))
            let (vector, image) = (
                basis.combination(coefficients), images.combination(coefficients)
            )
            let value = eigen.values[index]
            let miss = vectorNorm(image.indices.map { image[$0] - value * vector[$0] })
            return (vector, image, max(miss, rounding))
        }
        let bounds = RitzBounds(
            values: indices.map { eigen.values[$0] }, residuals: found.map(\.residual),
            outside: outside)
        let scale = bounds.values.map(abs).max() ?? 0
        return indices.indices.map { place in
            let bound = bounds[place]
            return Candidate(
                pair: RitzPair(
                    eigenvalue: bounds.values[place], residual: bounds.residuals[place],
                    errorBound: bound,
                    converged: bound <= max(options.tolerance * scale, 4 * rounding),
                    vector: found[place].vector), image: found[place].image)
        }
    }

    /// Keeps the given pairs alone, which the projected matrix is diagonal in.
    private mutating func restart(with candidates: [Candidate]) {
        basis = KrylovBasis(dimension: linearOperator.dimension, capacity: capacity + 1)
        images = KrylovBasis(dimension: linearOperator.dimension, capacity: capacity)
        projected = []
        for candidate in candidates {
            basis.append(candidate.pair.vector)
            images.append(candidate.image)
            projected.append(basis.products(with: candidate.image))
        }
    }

    private func result(_ top: [Candidate], _ bottom: [Candidate]) -> LanczosResult {
        var result = LanczosResult(
            top: top.map(\.pair), bottom: bottom.map(\.pair), productCount: productCount)
        result.draftProductCount = draft.productCount
        result.next = draft.next
        return result
    }
}
