internal import Foundation

/// The extreme eigenvalues of a symmetric operator, with copies of repeated ones.
///
/// Small operators are made explicit. Otherwise each end is searched by itself, so that asking for
/// one does not change the other. "Not converged" is a normal answer for the ends of a dense cluster;
/// the eigenvalue is then a bound from inside the spectrum, with its residual.
///
/// Throws `NonFiniteProduct` when a product is not finite, and what the operator throws.
package func extremeEigenvalues(
    of linearOperator: LinearOperator, options: LanczosOptions
) throws -> LanczosResult {
    if linearOperator.isWorthMakingExplicit(options) {
        return try denseEigenvalues(of: linearOperator, options)
    }
    var result = LanczosResult()
    if options.top > 0 {
        let end = try EndSearch(linearOperator, options.top, options).run()
        (result.top, result.topMethod) = (end.pairs, end.method)
        result.productCount += end.productCount
    }
    if options.bottom > 0 {
        let end = try EndSearch(linearOperator.negated, options.bottom, options).run()
        (result.bottom, result.bottomMethod) = (end.pairs.map(\.negated), end.method)
        result.productCount += end.productCount
    }
    return result
}

extension LinearOperator {
    /// Whether all products with unit vectors cost less than a search, or not much more.
    func isWorthMakingExplicit(_ options: LanczosOptions) -> Bool {
        let wanted = max(options.top, options.bottom)
        return dimension <= options.denseOrder
            || options.denseOrder > 0 && dimension <= 4096 && wanted > dimension / 8
    }
}

/// Both ends from the explicit matrix; residuals are computed with it.
func denseEigenvalues(
    of linearOperator: LinearOperator, _ options: LanczosOptions
) throws -> LanczosResult {
    let order = linearOperator.dimension
    let matrix = try linearOperator.denseMatrix()
    if let place = matrix.firstIndex(where: { !$0.isFinite }) {
        throw NonFiniteProduct(product: place / order + 1)
    }
    let eigen = SymmetricEigen(of: matrix, order: order)
    let rounding = Double.ulpOfOne * max(abs(eigen.values[0]), abs(eigen.values[order - 1]))
    func pair(_ index: Int) -> RitzPair {
        let (vector, value) = (Array(eigen.vector(index)), eigen.values[index])
        let image = matrixProduct(matrix, vector, rows: order, columns: 1, inner: order)
        let residual = vectorNorm(image.indices.map { image[$0] - value * vector[$0] })
        return RitzPair(
            eigenvalue: value, residual: max(residual, rounding),
            errorBound: max(residual, rounding),
            converged: true, vector: vector)
    }
    var result = LanczosResult()
    result.top = (0..<min(options.top, order)).map { pair(order - 1 - $0) }
    result.bottom = (0..<min(options.bottom, order)).map { pair($0) }
    result.productCount = order
    return result
}

/// The largest eigenvalues, and proof that none is missing among them.
///
/// A Krylov space holds one vector of each eigenspace, so that a search from one start misses the
/// copies of a repeated eigenvalue and calls the next smaller ones by their rank. After it, searches
/// from random starts in the complement of the vectors found look for eigenvalues above the smallest
/// wanted one; what they find moves in, until one of them shows that nothing is left
/// (`LanczosIteration`).
struct EndSearch {
    struct Outcome {
        /// Falling.
        var pairs: [RitzPair]
        var productCount: Int
        var nextBelow: Double
        var method: EigenvalueMethod
        /// How many of the pairs, from the first, have certainly nothing missing before them.
        var certainCount: Int
    }

    private let linearOperator: LinearOperator
    private let wanted: Int
    private let options: LanczosOptions
    /// An eigenvalue counts as another than the smallest wanted one where it is larger by this part of
    /// the largest, or by the tolerance.
    private let slack: Double

    init(
        _ linearOperator: LinearOperator, _ wanted: Int, _ options: LanczosOptions,
        slack: Double = 0
    ) {
        self.linearOperator = linearOperator
        self.wanted = min(wanted, linearOperator.dimension)
        self.options = options
        self.slack = max(slack, options.tolerance)
    }

    func run() throws -> Outcome {
        var iteration = LanczosIteration(
            linearOperator, wanted: wanted, options, maximumProducts: options.maximumProducts,
            seed: options.seed, start: options.start)
        let first = try iteration.run()
        var found = Outcome(
            pairs: first.pairs, productCount: first.productCount, nextBelow: first.nextBelow,
            method: .single, certainCount: 1)
        // Whatever was missed of the largest is another one of the same size.
        guard wanted > 1 else { return found }
        var (restarts, added, isComplete) = (0, 0, false)
        let scale = abs(first.pairs.first?.eigenvalue ?? 0)
        while !isComplete, found.productCount < options.maximumProducts {
            // Beyond the first value that has not converged nothing can be certain.
            let certain = found.pairs.firstIndex { !$0.converged } ?? found.pairs.count
            guard certain > 0 else { break }
            let bound = found.pairs[certain - 1].eigenvalue + slack * scale
            let (space, start) = complement(
                of: found.pairs, lowest: first.lowest, restart: restarts)
            guard let start else {
                isComplete = true
                break
            }
            var search = LanczosIteration(
                space, wanted: wanted, options,
                maximumProducts: options.maximumProducts - found.productCount,
                seed: options.seed &+ UInt64(restarts), start: start, above: bound)
            let next = try search.run()
            restarts += 1
            found.productCount += next.productCount
            let new = next.pairs.filter(\.converged)
            added += new.count
            found.pairs = merged(found.pairs, new)
            found.nextBelow = max(found.nextBelow, next.nextBelow)
            isComplete = next.isNothingAbove
            if next.pairs.count > new.count { break }
        }
        found.method = .restarted(count: restarts, added: added, isComplete: isComplete)
        // The largest one is certain by itself.
        found.certainCount =
            isComplete ? found.pairs.firstIndex { !$0.converged } ?? found.pairs.count : 1
        found.pairs = found.pairs.enumerated().map { [certain = found.certainCount] place, pair in
            pair.with(converged: pair.converged && place < certain)
        }
        return found
    }

    /// The operator on the complement of the vectors, which themselves go to the lower end of the
    /// spectrum, and a random start there; nil where nothing is left.
    private func complement(
        of pairs: [RitzPair], lowest: Double, restart: Int
    ) -> (LinearOperator, [Double]?) {
        let space = Complement(pairs.map(\.vector), dimension: linearOperator.dimension)
        var generator = ProbeGenerator(seed: options.seed ^ (0x9e37_79b9 &+ UInt64(restart)))
        let inner = linearOperator
        let image = LinearOperator(dimension: inner.dimension) { vector, result in
            let parts = space.parts(of: vector)
            let projected = space.removing(parts, from: vector)
            try projected.withUnsafeBufferPointer { try inner.apply($0, result) }
            let moved = space.parts(of: UnsafeBufferPointer(result))
            space.subtract(zip(moved, parts).map { $0 - lowest * $1 }, from: result)
        }
        guard pairs.count < inner.dimension else { return (image, nil) }
        let noise = generator.normals(inner.dimension)
        return (
            image, noise.withUnsafeBufferPointer { space.removing(space.parts(of: $0), from: $0) }
        )
    }

    /// The largest of two orthogonal sets of pairs.
    ///
    /// A pair of the complement leaves the residuals of the vectors set aside out of its own.
    private func merged(_ old: [RitzPair], _ new: [RitzPair]) -> [RitzPair] {
        let aside = vectorNorm(old.map(\.residual))
        let completed = new.map { pair in
            let residual = vectorNorm([pair.residual, aside])
            return pair.with(residual: residual, converged: pair.converged)
        }
        return Array((old + completed).sorted { $0.eigenvalue > $1.eigenvalue }.prefix(wanted))
    }
}

/// The orthogonal complement of some orthonormal vectors.
private struct Complement {
    private let basis: KrylovBasis

    init(_ vectors: [[Double]], dimension: Int) {
        var basis = KrylovBasis(dimension: dimension, capacity: max(vectors.count, 1))
        for vector in vectors { basis.append(vector) }
        self.basis = basis
    }

    func parts(of vector: UnsafeBufferPointer<Double>) -> [Double] { basis.products(with: vector) }

    func removing(_ parts: [Double], from vector: UnsafeBufferPointer<Double>) -> [Double] {
        var result = Array(vector)
        result.withUnsafeMutableBufferPointer { subtract(parts, from: $0) }
        return result
    }

    func subtract(_ parts: [Double], from vector: UnsafeMutableBufferPointer<Double>) {
        basis.subtractCombination(parts, from: vector)
    }
}
