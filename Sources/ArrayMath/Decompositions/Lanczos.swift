internal import Foundation

/// What to compute of a symmetric operator's spectrum and how exactly.
package struct LanczosOptions: Sendable {
    /// How many of the largest eigenvalues.
    package var top: Int
    /// How many of the smallest (most negative) eigenvalues.
    package var bottom: Int
    /// An eigenvalue has converged when its error bound is at most `tolerance` times the largest
    /// magnitude among the wanted eigenvalues of its side.
    package var tolerance: Double
    /// Vectors kept at once; nil for max(2 k + 20, 40) with k the wanted eigenvalues of one end.
    package var basisCount: Int?
    /// The products after which the search of one end stops, converged or not.
    package var maximumProducts: Int
    /// Seed of the start vectors.
    package var seed: UInt64
    /// A start vector, for example the sum of the eigenvectors of a nearby operator (a warm start).
    package var start: [Double]?
    /// Operators of at most this order are made explicit, so that every eigenvalue is known.
    package var denseOrder = 512

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

    /// The vectors that a search holds at once, for each wanted eigenvalue of one end and besides:
    /// the basis of the search (2 k + 21), its answers and those set aside (2 k), then the basis and
    /// the images of the refinement (6 k + 25), which together are never more than 9 k + 26.
    package static let vectorsForEach = 9.0
    package static let vectorsBesides = 26.0
}

/// One approximate eigenpair.
package struct RitzPair: Sendable, Equatable {
    package let eigenvalue: Double
    /// ‖A v − λ v‖ for the unit Ritz vector v: an eigenvalue lies within this distance of λ.
    package let residual: Double
    /// The error bound used for convergence, quadratic in the residual where the spectrum has a gap
    /// around the value or its cluster (`RitzBounds`).
    package let errorBound: Double
    /// The error bound is met, and nothing is missing between this value and the end of the spectrum.
    package let converged: Bool
    /// The unit Ritz vector; its sign, and its direction inside a repeated eigenvalue, are arbitrary.
    package let vector: [Double]

    /// The same pair of the operator's negative.
    var negated: RitzPair {
        RitzPair(
            eigenvalue: -eigenvalue, residual: residual, errorBound: errorBound,
            converged: converged, vector: vector)
    }

    func with(residual: Double? = nil, errorBound: Double? = nil, converged: Bool) -> RitzPair {
        RitzPair(
            eigenvalue: eigenvalue, residual: residual ?? self.residual,
            errorBound: errorBound ?? self.errorBound, converged: converged, vector: vector)
    }
}

/// How the eigenvalues of one end were found, and whether some between them can be missing.
package enum EigenvalueMethod: Sendable, Equatable {
    /// From the explicit matrix: every eigenvalue is known.
    case dense
    /// A single largest or smallest value, which a random start cannot miss.
    case single
    /// By Lanczos, then by restarts in the complement of what was found: how many there were, and how
    /// many eigenvalues they added. `isComplete` when the last one showed that none is left.
    case restarted(count: Int, added: Int, isComplete: Bool)

    /// In words, as stored beside the eigenvalue.
    package var description: String {
        switch self {
        case .dense: "dense matrix: all eigenvalues"
        case .single: "Lanczos: one eigenvalue, no search for copies"
        case .restarted(let count, let added, true):
            "Lanczos: \(count) random restart\(count == 1 ? "" : "s") added \(added), the last none"
        case .restarted(0, _, false): "Lanczos: not converged, copies were not looked for"
        case .restarted(let count, let added, false):
            "Lanczos: \(count) random restart\(count == 1 ? "" : "s") added \(added), "
                + "further copies are not excluded"
        }
    }

    var isComplete: Bool {
        if case .restarted(_, _, let isComplete) = self { isComplete } else { true }
    }
}

/// What the Lanczos iteration found.
package struct LanczosResult: Sendable {
    /// The largest eigenvalues, falling.
    package var top: [RitzPair] = []
    /// The smallest eigenvalues, rising.
    package var bottom: [RitzPair] = []
    /// Products with the operator that were spent.
    package var productCount = 0
    /// Products with a draft of the operator, of which nothing is in the numbers above.
    package var draftProductCount = 0
    /// How each end was searched.
    package var topMethod = EigenvalueMethod.dense
    package var bottomMethod = EigenvalueMethod.dense

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

/// The largest eigenvalues of a symmetric operator by Lanczos with full re-orthogonalisation: one
/// search from one start vector.
///
/// Krylov–Schur form of the thick restart (Wu and Simon 2000; Stewart 2001): the basis is
/// orthogonalised against all its vectors, the projected matrix is formed explicitly, and at each
/// restart the wanted Ritz vectors and some neighbours are kept. From one start vector a repeated
/// eigenvalue is found once, or as often as rounding reveals it: `EndSearch` looks for the rest.
struct LanczosIteration {
    /// What a search ended with.
    struct Outcome {
        /// Falling; those that a search above a bound was for, else all wanted.
        var pairs: [RitzPair]
        var productCount: Int
        /// How near the next eigenvalue may come to the wanted ones.
        var nextBelow: Double
        /// The smallest Ritz value seen, less its residual.
        var lowest: Double
        /// For a search above a bound: that nothing lies there.
        var isNothingAbove = false
    }

    private let wanted: Int
    private let tolerance: Double
    private let maximumProducts: Int
    /// Only eigenvalues above this number are looked for, and the tolerance is relative to it.
    private let bound: Double?
    private let start: [Double]?
    private let dimension: Int
    private var projection: KrylovProjection
    private var remainder = 0.0
    private var productCount = 0
    private var lowest = Double.infinity
    private var generator: ProbeGenerator

    init(
        _ linearOperator: LinearOperator, wanted: Int, _ options: LanczosOptions,
        maximumProducts: Int, seed: UInt64, start: [Double]? = nil, above bound: Double? = nil
    ) {
        self.wanted = min(wanted, linearOperator.dimension)
        self.maximumProducts = maximumProducts
        self.bound = bound
        self.start = start
        tolerance = options.tolerance
        dimension = linearOperator.dimension
        projection = KrylovProjection(
            linearOperator,
            capacity: min(
                dimension,
                max(options.basisCount ?? max(2 * self.wanted + 20, 40), self.wanted + 3)))
        generator = ProbeGenerator(seed: seed)
    }

    private var capacity: Int { projection.capacity }
    private var size: Int { projection.size }

    mutating func run() throws -> Outcome {
        projection.basis.append(startVector())
        if !projection.basis.normalizeLast() { appendRandomDirection() }
        while true {
            while size < capacity {
                try expand()
                // Looking costs a thousandth of a large network's product.
                if size >= wanted + 2, size < capacity, isWorthLooking {
                    let eigen = projection.eigen()
                    if isSettled(eigen) { return outcome(eigen) }
                }
                if productCount >= maximumProducts { return outcome(projection.eigen()) }
            }
            let eigen = projection.eigen()
            if isSettled(eigen) || capacity == dimension { return outcome(eigen) }
            restart(eigen)
        }
    }

    /// The given start with a hundredth of noise: a start inside an invariant subspace, such as a sum
    /// of exact eigenvectors, would hide the rest of the spectrum.
    private mutating func startVector() -> [Double] {
        let noise = generator.normals(dimension)
        guard let start, start.count == dimension else { return noise }
        let norm = vectorNorm(start)
        guard norm > 0, norm.isFinite else { return noise }
        let share = 0.01 / Double(dimension).squareRoot()
        return zip(start, noise).map { $0 / norm + share * $1 }
    }

    /// One product, projected out of the basis; the remainder becomes the next basis vector.
    private mutating func expand() throws {
        productCount += 1
        remainder = try projection.expand(product: productCount)
        guard remainder == 0 else { return }
        // The basis spans an invariant subspace: go on in a fresh direction.
        if size < dimension {
            appendRandomDirection()
        } else {
            projection.basis.clearLast()
        }
    }

    private mutating func appendRandomDirection() {
        for _ in 0..<8 {
            projection.basis.replaceLast(generator.normals(dimension))
            _ = projection.basis.orthogonalizeLast()
            if projection.basis.lastNorm > 1e-8, projection.basis.normalizeLast() { return }
        }
        projection.basis.clearLast()
    }

    /// Small operators multiply faster than their projections are decomposed, as do large projections.
    private var isWorthLooking: Bool {
        size % (dimension > 10_000 ? max(1, size / 32) : max(4, size / 16)) == 0
    }

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
        let scale = max(side.map { abs(bounds.values[$0]) }.max() ?? 0, abs(bound ?? 0))
        let floor = 4 * Double.ulpOfOne * (bounds.values.map(abs).max() ?? 0)
        return side.map { index in
            let bound = bounds[index]
            return (bound, bound <= max(tolerance * scale, floor))
        }
    }

    /// The wanted Ritz values, the largest first; above a bound, those that lie there.
    private func wantedIndices(_ eigen: SymmetricEigen) -> [Int] {
        (0..<min(wanted, size)).map { size - 1 - $0 }
            .filter { index in bound.map { eigen.values[index] > $0 } ?? true }
    }

    private mutating func isSettled(_ eigen: SymmetricEigen) -> Bool {
        guard size == dimension || size >= wanted else { return false }
        let bounds = bounds(eigen)
        lowest = min(lowest, eigen.values[0] - bounds.residuals[0])
        // An invariant subspace shows exact pairs, but perhaps not the extreme ones: go on.
        guard remainder > 0 || size == capacity else { return false }
        let indices = wantedIndices(eigen)
        guard bound == nil || !indices.isEmpty else { return isNothingAbove(eigen) }
        return errors(bounds, indices).allSatisfy(\.isMet)
    }

    /// Whether no Ritz value is above the bound although one would be if an eigenvalue were.
    ///
    /// From a random start, m products come within a share ε of the width of the spectrum of the
    /// largest eigenvalue, but for a chance of 1.648 √n exp(−√ε (2m − 1)) (Kuczyński and Woźniakowski
    /// 1992, theorem 4.2); thick restarts keep what the wanted end needs. A chance of 1e-4 is left. Or
    /// the largest Ritz value below the bound has itself converged.
    private func isNothingAbove(_ eigen: SymmetricEigen) -> Bool {
        guard let bound, let largest = eigen.values.last, largest <= bound else { return false }
        if size == dimension { return true }
        let share = (bound - largest) / max(bound - lowest, .leastNormalMagnitude)
        let chance =
            log(1.648 * Double(dimension).squareRoot())
            - share.squareRoot() * Double(2 * productCount - 1)
        return chance < log(1e-4) || errors(bounds(eigen), [size - 1])[0].isMet
    }

    private mutating func restart(_ eigen: SymmetricEigen) {
        // Neighbours of the wanted pairs are kept too: they speed up the next cycle most.
        let keep = min(size - 1, wanted + max(0, capacity - 3 - wanted) / 2)
        projection.keep(Array(size - keep..<size), of: eigen)
    }

    private func outcome(_ eigen: SymmetricEigen) -> Outcome {
        let (bounds, indices) = (bounds(eigen), wantedIndices(eigen))
        let pairs = zip(indices, errors(bounds, indices)).map { index, error in
            RitzPair(
                eigenvalue: eigen.values[index], residual: bounds.residuals[index],
                errorBound: error.bound, converged: error.isMet,
                vector: projection.basis.combination(Array(eigen.vector(index))))
        }
        let inner = size - 1 - pairs.count
        return Outcome(
            pairs: pairs, productCount: productCount,
            nextBelow: inner >= 0 ? eigen.values[inner] + bounds.residuals[inner] : -.infinity,
            lowest: min(lowest, eigen.values.first ?? .infinity),
            isNothingAbove: bound != nil && indices.isEmpty && isNothingAbove(eigen))
    }
}
