/// The extreme eigenvalues of a symmetric operator when a cheap draft of it is at hand, such as the
/// same operator in single precision.
///
/// A search with the draft finds a subspace for each end; Rayleigh–Ritz with products of the operator
/// itself then gives the values, with residuals computed from the vectors. An error of size ε in the
/// vectors costs ε² in the values, so that this usually suffices; where it does not, the residuals of
/// the pairs that are left widen the subspace (block Davidson without a preconditioner) until they have
/// converged or the products are used up. Nothing but the subspace, and that no eigenvalue is missing
/// in it, comes from the draft: values, residuals and error bounds are the operator's. `options.start`
/// starts the draft's search.
///
/// Small operators are made explicit, and those whose draft is not finite are searched without it.
/// Throws as `extremeEigenvalues(of:options:)`.
package func extremeEigenvalues(
    of linearOperator: LinearOperator, draft: () throws -> LinearOperator, options: LanczosOptions
) throws -> LanczosResult {
    let wanted = max(options.top, options.bottom)
    guard linearOperator.dimension > 8 * wanted + 512,
        !linearOperator.isWorthMakingExplicit(options)
    else { return try extremeEigenvalues(of: linearOperator, options: options) }
    do {
        return try draftedEigenvalues(of: linearOperator, try draft(), options)
    } catch is NonFiniteDraft {
        return try extremeEigenvalues(of: linearOperator, options: options)
    }
}

/// Raised where the draft alone has no finite products.
private struct NonFiniteDraft: Error {}

private func draftedEigenvalues(
    of linearOperator: LinearOperator, _ draft: LinearOperator, _ options: LanczosOptions
) throws -> LanczosResult {
    var draftOptions = options
    // Single precision resolves no more, and values are quadratically better than vectors; a
    // quarter leaves room for the draft's own error.
    draftOptions.tolerance = max(options.tolerance / 4, 1e-8)
    func end(
        _ exact: LinearOperator, _ draft: LinearOperator, wanted: Int
    ) throws -> (pairs: [RitzPair], products: Int, found: EndSearch.Outcome) {
        let found: EndSearch.Outcome
        do {
            found = try EndSearch(draft, wanted, draftOptions, slack: 1e-7).run()
        } catch is NonFiniteProduct {
            throw NonFiniteDraft()
        }
        var refinement = RitzRefinement(exact, options, draft: found)
        let refined = try refinement.run()
        return (refined.pairs, refined.productCount, found)
    }
    var result = LanczosResult()
    if options.top > 0 {
        let top = try end(linearOperator, draft, wanted: options.top)
        (result.top, result.topMethod) = (top.pairs, top.found.method)
        result.productCount += top.products
        result.draftProductCount += top.found.productCount
    }
    if options.bottom > 0 {
        let bottom = try end(linearOperator.negated, draft.negated, wanted: options.bottom)
        (result.bottom, result.bottomMethod) = (bottom.pairs.map(\.negated), bottom.found.method)
        result.productCount += bottom.products
        result.draftProductCount += bottom.found.productCount
    }
    return result
}

/// Rayleigh–Ritz for the largest eigenvalues on a growing subspace whose images under the operator are
/// kept.
private struct RitzRefinement {
    private let linearOperator: LinearOperator
    private let options: LanczosOptions
    private let draft: EndSearch.Outcome
    private let capacity: Int
    private var basis: KrylovBasis
    /// The operator's products with the rows of the basis.
    private var images: KrylovBasis
    /// Row i holds the projected matrix's entries up to the diagonal.
    private var projected: [[Double]] = []
    private var productCount = 0

    init(_ linearOperator: LinearOperator, _ options: LanczosOptions, draft: EndSearch.Outcome) {
        self.linearOperator = linearOperator
        self.options = options
        self.draft = draft
        capacity = 3 * draft.pairs.count + 12
        basis = KrylovBasis(dimension: linearOperator.dimension, capacity: capacity + 1)
        images = KrylovBasis(dimension: linearOperator.dimension, capacity: capacity)
    }

    /// A Ritz pair with what is needed to go on from it.
    private struct Candidate {
        let pair: RitzPair
        let image: [Double]
        /// The error bound is met, whether or not something is missing before it.
        let isMet: Bool

        /// A v − θ v.
        var residualVector: [Double] {
            image.indices.map { image[$0] - pair.eigenvalue * pair.vector[$0] }
        }
    }

    mutating func run() throws -> (pairs: [RitzPair], productCount: Int) {
        for pair in draft.pairs { try widen(by: pair.vector) }
        while true {
            let candidates = candidates()
            let rest = candidates.filter { !$0.isMet }
            if rest.isEmpty { return (candidates.map(\.pair), productCount) }
            if basis.count + rest.count > capacity { restart(with: candidates) }
            var isWider = false
            for candidate in rest {
                guard draft.productCount + productCount < options.maximumProducts else { break }
                if try widen(by: candidate.residualVector) { isWider = true }
            }
            if !isWider { return (candidates.map(\.pair), productCount) }
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

    /// The wanted pairs, falling.
    private func candidates() -> [Candidate] {
        let size = basis.count
        var matrix = [Double](repeating: 0, count: size * size)
        for (row, entries) in projected.enumerated() {
            for (column, entry) in entries.enumerated() {
                matrix[row * size + column] = entry
                matrix[column * size + row] = entry
            }
        }
        let eigen = SymmetricEigen(of: matrix, order: size)
        let count = min(draft.pairs.count, size)
        // The next value in the subspace is a bound from inside on the next eigenvalue.
        let inside = size > count ? eigen.values[size - count - 1] : -.infinity
        let indices = Array(size - count..<size)
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
            outside: (max(draft.nextBelow, inside), .infinity))
        let scale = bounds.values.map(abs).max() ?? 0
        return indices.indices.reversed().map { place in
            let bound = bounds[place]
            let isMet = bound <= max(options.tolerance * scale, 4 * rounding)
            return Candidate(
                pair: RitzPair(
                    eigenvalue: bounds.values[place], residual: bounds.residuals[place],
                    errorBound: bound,
                    converged: isMet && indices.count - 1 - place < draft.certainCount,
                    vector: found[place].vector), image: found[place].image, isMet: isMet)
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
}
