/// What to compute of a symmetric operator's spectrum and how exactly.
package struct LanczosOptions: Sendable {
    /// How many of the largest eigenvalues.
    package var top: Int
    /// How many of the smallest (most negative) eigenvalues.
    package var bottom: Int
    /// An eigenvalue has converged when its error bound is at most `tolerance` times the largest
    /// magnitude among the wanted eigenvalues of its side.
    package var tolerance: Double
    /// Vectors kept at once; nil for max(2 (top + bottom) + 20, 40).
    package var basisCount: Int?
    /// The products after which the search stops, converged or not.
    package var maximumProducts: Int
    /// Seed of the start vector.
    package var seed: UInt64
    /// A start vector, for example the sum of the eigenvectors of a nearby operator (a warm start).
    package var start: [Double]?

    package init(
        top: Int = 5, bottom: Int = 0, tolerance: Double = 1e-6, basisCount: Int? = nil,
        maximumProducts: Int = 1000, seed: UInt64 = 0, start: [Double]? = nil
    ) {
        precondition(top >= 0 && bottom >= 0 && top + bottom > 0, "ask for an eigenvalue")
        self.top = top
        self.bottom = bottom
        self.tolerance = tolerance
        self.basisCount = basisCount
        self.maximumProducts = maximumProducts
        self.seed = seed
        self.start = start
    }
}

/// One approximate eigenpair.
package struct RitzPair: Sendable, Equatable {
    package let eigenvalue: Double
    /// ‖A v − λ v‖ for the unit Ritz vector v: an eigenvalue lies within this distance of λ.
    package let residual: Double
    /// The error bound used for convergence, quadratic in the residual where the spectrum has a gap
    /// around the value or its cluster (`RitzBounds`).
    package let errorBound: Double
    package let converged: Bool
    /// The unit Ritz vector; its sign, and its direction inside a repeated eigenvalue, are arbitrary.
    package let vector: [Double]
}

/// What the Lanczos iteration found.
package struct LanczosResult: Sendable {
    /// The largest eigenvalues, falling.
    package let top: [RitzPair]
    /// The smallest eigenvalues, rising.
    package let bottom: [RitzPair]
    /// Products with the operator that were spent.
    package let productCount: Int
    /// Products with a draft of the operator, of which nothing is in the numbers above.
    package var draftProductCount = 0
    /// How near the next eigenvalues may come to the wanted ones of each end; unknown ones are
    /// taken to touch them.
    var next: (belowTop: Double, aboveBottom: Double) = (.infinity, -.infinity)

    /// The sum of the wanted Ritz vectors: a start vector for a nearby operator.
    package var warmStart: [Double]? {
        let pairs = top + bottom
        guard var sum = pairs.first?.vector else { return nil }
        for pair in pairs.dropFirst() {
            for index in sum.indices { sum[index] += pair.vector[index] }
        }
        return sum
    }
}

/// Raised by an operator whose product holds a NaN or an infinity.
package struct NonFiniteProduct: Error, Equatable {
    /// The product that failed, counted from 1.
    package let product: Int

    package init(product: Int) { self.product = product }
}

/// The extreme eigenvalues of a symmetric operator by Lanczos with full re-orthogonalisation.
///
/// Krylov–Schur form of the thick restart (Wu and Simon 2000; Stewart 2001): the basis is
/// orthogonalised against all its vectors, the projected matrix is formed explicitly, and at
/// each restart the wanted Ritz vectors and some neighbours are kept. A repeated eigenvalue is found
/// as often as the iteration's invariant subspaces reveal it, which for exact copies may be once.
/// "Not converged" is a normal answer for the ends of a dense cluster; the eigenvalue is then a
/// bound from inside the spectrum, with its residual. When the whole space is smaller than the basis
/// the result is complete and exact to rounding.
///
/// Throws `NonFiniteProduct` when a product is not finite, and what the operator throws.
package func extremeEigenvalues(
    of linearOperator: LinearOperator, options: LanczosOptions
) throws -> LanczosResult {
    var iteration = LanczosIteration(linearOperator, options)
    return try iteration.run()
}

/// The state of one iteration: an orthonormal basis and the operator projected on it.
private struct LanczosIteration {
    private let linearOperator: LinearOperator
    private let options: LanczosOptions
    private let dimension: Int
    private let top: Int
    private let bottom: Int
    private let capacity: Int
    private var basis: KrylovBasis
    /// Row-major `capacity` × `capacity`; entries of the first `size` rows and columns are valid.
    private var projected: [Double]
    private var size = 0
    private var remainder = 0.0
    private var productCount = 0
    private var generator: ProbeGenerator

    init(_ linearOperator: LinearOperator, _ options: LanczosOptions) {
        self.linearOperator = linearOperator
        self.options = options
        dimension = linearOperator.dimension
        top = min(options.top, dimension)
        bottom = min(options.bottom, dimension)
        let wanted = top + bottom
        capacity = min(
            dimension, max(options.basisCount ?? max(2 * wanted + 20, 40), wanted + 3))
        basis = KrylovBasis(dimension: dimension, capacity: capacity + 1)
        projected = [Double](repeating: 0, count: capacity * capacity)
        generator = ProbeGenerator(seed: options.seed)
    }

    mutating func run() throws -> LanczosResult {
        basis.append(startVector())
        if !basis.normalizeLast() { appendRandomDirection() }
        while true {
            while size < capacity {
                try expand()
                // Looking costs a thousandth of a large network's product.
                if size >= top + bottom + 2, size < capacity, isWorthLooking {
                    let eigen = projectedEigen()
                    if isSettled(eigen) { return result(eigen) }
                }
                if productCount >= options.maximumProducts { return result(projectedEigen()) }
            }
            let eigen = projectedEigen()
            if isSettled(eigen) || capacity == dimension { return result(eigen) }
            restart(eigen)
        }
    }

    /// The given start with a hundredth of noise: a start inside an invariant subspace, such as a sum
    /// of exact eigenvectors, would hide the rest of the spectrum.
    private mutating func startVector() -> [Double] {
        let noise = generator.normals(dimension)
        guard let start = options.start, start.count == dimension else { return noise }
        let norm = vectorNorm(start)
        guard norm > 0, norm.isFinite else { return noise }
        let share = 0.01 / Double(dimension).squareRoot()
        return zip(start, noise).map { $0 / norm + share * $1 }
    }

    /// One product, projected out of the basis; the remainder becomes the next basis vector.
    private mutating func expand() throws {
        basis.extend()
        try basis.withLastTwo { try linearOperator.apply($0, $1) }
        productCount += 1
        guard basis.lastIsFinite else { throw NonFiniteProduct(product: productCount) }
        let scale = basis.lastNorm
        let coefficients = basis.orthogonalizeLast()
        for index in 0...size {
            projected[size * capacity + index] = coefficients[index]
            projected[index * capacity + size] = coefficients[index]
        }
        size += 1
        remainder = basis.lastNorm
        // The basis spans an invariant subspace: go on in a fresh direction.
        if remainder <= 4 * Double.ulpOfOne * max(scale, .leastNormalMagnitude) {
            remainder = 0
            if size < dimension {
                appendRandomDirection()
            } else {
                basis.clearLast()
            }
        } else {
            _ = basis.normalizeLast()
        }
    }

    private mutating func appendRandomDirection() {
        for _ in 0..<8 {
            basis.replaceLast(generator.normals(dimension))
            _ = basis.orthogonalizeLast()
            if basis.lastNorm > 1e-8, basis.normalizeLast() { return }
        }
        basis.clearLast()
    }

    private func projectedEigen() -> SymmetricEigen {
        var compact = [Double](repeating: 0, count: size * size)
        for row in 0..<size {
            for column in 0..<size {
                compact[row * size + column] = projected[row * capacity + column]
            }
        }
        return SymmetricEigen(of: compact, order: size)
    }

    /// Small operators multiply faster than their projections are decomposed.
    private var isWorthLooking: Bool { dimension > 10_000 || size % 4 == 0 }

    /// The recurrence's residual, which cannot fall below the rounding of the products.
    private func bounds(_ eigen: SymmetricEigen) -> RitzBounds {
        let rounding = Double.ulpOfOne * (eigen.values.map(abs).max() ?? 0)
        return RitzBounds(
            values: eigen.values,
            residuals: (0..<size).map {
                remainder == 0
                    ? rounding : max(abs(remainder * eigen.vectors[$0 * size + size - 1]), rounding)
            })
    }

    private func errors(
        _ bounds: RitzBounds, _ side: [Int]
    ) -> [(bound: Double, isMet: Bool)] {
        let scale = side.map { abs(bounds.values[$0]) }.max() ?? 0
        let floor = 4 * Double.ulpOfOne * (bounds.values.map(abs).max() ?? 0)
        return side.map { index in
            let bound = bounds[index]
            return (bound, bound <= max(options.tolerance * scale, floor))
        }
    }

    private var topIndices: [Int] { (0..<min(top, size)).map { size - 1 - $0 } }
    private var bottomIndices: [Int] { Array(0..<min(bottom, size)) }

    private func isSettled(_ eigen: SymmetricEigen) -> Bool {
        guard size == dimension || size >= top + bottom else { return false }
        // An invariant subspace shows exact pairs, but perhaps not the extreme ones: go on.
        guard remainder > 0 || size == capacity else { return false }
        let bounds = bounds(eigen)
        return errors(bounds, topIndices).allSatisfy(\.isMet)
            && errors(bounds, bottomIndices).allSatisfy(\.isMet)
    }

    private mutating func restart(_ eigen: SymmetricEigen) {
        // Neighbours of the wanted pairs are kept too: they speed up the next cycle most.
        let spare = max(0, capacity - 3 - top - bottom) / 2
        let keepTop = top == 0 ? 0 : top + spare * top / (top + bottom)
        let keepBottom = bottom == 0 ? 0 : bottom + spare * bottom / (top + bottom)
        let kept = Array(0..<keepBottom) + Array(size - keepTop..<size)
        basis.rotate(kept.flatMap { Array(eigen.vector($0)) }, from: size, to: kept.count)
        for index in projected.indices { projected[index] = 0 }
        for (position, index) in kept.enumerated() {
            projected[position * capacity + position] = eigen.values[index]
        }
        size = kept.count
    }

    private func result(_ eigen: SymmetricEigen) -> LanczosResult {
        let bounds = bounds(eigen)
        func pairs(_ indices: [Int]) -> [RitzPair] {
            zip(indices, errors(bounds, indices)).map { index, error in
                RitzPair(
                    eigenvalue: eigen.values[index], residual: bounds.residuals[index],
                    errorBound: error.bound, converged: error.isMet,
                    vector: basis.combination(Array(eigen.vector(index))))
            }
        }
        var result = LanczosResult(
            top: pairs(topIndices), bottom: pairs(bottomIndices), productCount: productCount)
        if size > top + bottom {
            let (inner, outer) = (size - 1 - top, bottom)
            result.next = (
                eigen.values[inner] + bounds.residuals[inner],
                eigen.values[outer] - bounds.residuals[outer]
            )
        }
        return result
    }
}
