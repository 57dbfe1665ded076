/// A stochastic estimate of a trace with its standard error.
package struct TraceEstimate: Sendable, Equatable {
    package let trace: Double
    /// The standard deviation of the mean over the probes; 0 when the trace is exact, nil when a
    /// single probe tells nothing about the spread.
    package let standardError: Double?
    /// Products with the operator that were spent.
    package let productCount: Int

    init(trace: Double, standardError: Double?, productCount: Int) {
        self.trace = trace
        self.standardError = standardError
        self.productCount = productCount
    }

    /// The mean of independent estimates, each of which took one product.
    package init(samples: [Double]) {
        self.init(
            trace: mean(samples), standardError: ArrayMath.standardError(samples),
            productCount: samples.count)
    }
}

/// Hutchinson's estimate of the trace: the mean of zᵀAz over random sign vectors z.
///
/// Unbiased; one probe has the variance 2 (‖A‖_F² − Σ a_ii²), so that a diagonal matrix is exact.
/// Throws `NonFiniteProduct` for a product that is not finite.
package func hutchinsonTrace(
    of linearOperator: LinearOperator, probeCount: Int, seed: UInt64
) throws -> TraceEstimate {
    precondition(probeCount > 0, "an estimate needs a probe")
    var generator = ProbeGenerator(seed: seed)
    var samples: [Double] = []
    for probe in 0..<probeCount {
        let signs = generator.signs(linearOperator.dimension)
        let image = try linearOperator.product(with: signs)
        let sample = zip(signs, image).reduce(0) { $0 + $1.0 * $1.1 }
        guard sample.isFinite else { throw NonFiniteProduct(product: probe + 1) }
        samples.append(sample)
    }
    return TraceEstimate(samples: samples)
}

/// The Hutch++ estimate (Meyer, Musco, Musco and Woodruff 2021): exact on a sketched subspace,
/// Hutchinson on the rest.
///
/// A third of the products each for the sketch, its exact trace and the remainder. Much smaller
/// error than Hutchinson's where few eigenvalues dominate; the standard error is that of the
/// remainder. With at least three times as many products as dimensions the trace is exact.
package func hutchPlusPlusTrace(
    of linearOperator: LinearOperator, productCount: Int, seed: UInt64
) throws -> TraceEstimate {
    precondition(productCount >= 3, "a sketch, its trace and a remainder need three products")
    let dimension = linearOperator.dimension
    let sketchCount = min(productCount / 3, dimension)
    var generator = ProbeGenerator(seed: seed)
    var basis = KrylovBasis(dimension: dimension, capacity: sketchCount + 1)
    var spent = 0
    for _ in 0..<sketchCount {
        let image = try linearOperator.product(with: generator.signs(dimension))
        spent += 1
        basis.append(image)
        guard basis.lastIsFinite else { throw NonFiniteProduct(product: spent) }
        let before = basis.lastNorm
        _ = basis.orthogonalizeLast()
        // A dependent direction adds nothing to the subspace.
        if basis.lastNorm <= 1e-12 * before || !basis.normalizeLast() { basis.removeLast() }
    }
    var exact = 0.0
    for index in 0..<basis.count {
        let vector = basis.row(index)
        let image = try linearOperator.product(with: vector)
        spent += 1
        exact += zip(vector, image).reduce(0) { $0 + $1.0 * $1.1 }
    }
    guard exact.isFinite else { throw NonFiniteProduct(product: spent) }
    guard basis.count < dimension else {
        return TraceEstimate(trace: exact, standardError: 0, productCount: spent)
    }
    var samples: [Double] = []
    for _ in 0..<max(1, productCount - spent) {
        basis.append(generator.signs(dimension))
        _ = basis.orthogonalizeLast()
        let probe = basis.row(basis.count - 1)
        basis.removeLast()
        let image = try linearOperator.product(with: probe)
        spent += 1
        let sample = zip(probe, image).reduce(0) { $0 + $1.0 * $1.1 }
        guard sample.isFinite else { throw NonFiniteProduct(product: spent) }
        samples.append(sample)
    }
    return TraceEstimate(
        trace: exact + mean(samples), standardError: standardError(samples), productCount: spent)
}

/// The arithmetic mean; NaN for no values.
package func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
}

/// The standard error of the mean, s / √n with the sample deviation s; nil below two values.
package func standardError(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let centre = mean(values)
    let squares = values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
    return (squares / Double(values.count - 1) / Double(values.count)).squareRoot()
}
