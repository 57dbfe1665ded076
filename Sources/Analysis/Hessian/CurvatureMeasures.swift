package import ArrayMath
internal import Checkpoints
package import Networks

func curvatureIsNotFinite(_ error: NonFiniteProduct) -> UserError {
    .missing(
        subject: "the Hessian",
        cause: "its product number \(error.product) is not finite, so it has no spectrum",
        advice: "choose a checkpoint with finite weights and loss")
}

/// Runs an estimator and says in words when a product is not finite.
private func estimating<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as NonFiniteProduct {
        throw curvatureIsNotFinite(error)
    }
}

/// The trace of a curvature operator by Hutch++, in nats per squared unit of weight, with the
/// standard error of its random part.
///
/// Throws `UserError` where products are not finite.
package func curvatureTrace(
    of linearOperator: LinearOperator, productCount: Int, seed: UInt64
) throws -> TraceEstimate {
    try estimating {
        try hutchPlusPlusTrace(
            of: linearOperator, productCount: max(3, productCount), seed: seed)
    }
}

/// The spectral density of a curvature operator by stochastic Lanczos quadrature; nodes and weights
/// are kept, so that any smoothing can be drawn later.
///
/// Throws `UserError` where products are not finite.
package func curvatureDensity(
    of linearOperator: LinearOperator, stepCount: Int, probeCount: Int, seed: UInt64
) throws -> SpectralDensity {
    try estimating {
        try spectralDensity(
            of: linearOperator, stepCount: stepCount, probeCount: probeCount, seed: seed)
    }
}

/// One tensor's diagonal block of a curvature operator.
package struct BlockCurvature: Sendable {
    package let tensor: String
    /// The largest eigenvalues of the block, falling.
    package let eigenvalues: [CurvatureEigenvalue]
    package let trace: TraceEstimate
}

/// The traces of all diagonal blocks from common probes, in the order of the layout's tensors.
///
/// Hutchinson's estimate for the whole operator, of which z_Bᵀ (A z)_B is each block's share:
/// unbiased, since signs of different tensors are independent. What couples a block to the others
/// adds to its variance and is part of its standard error.
package func blockTraces(
    of linearOperator: LinearOperator, layout: ParameterLayout, probeCount: Int, seed: UInt64
) throws -> [TraceEstimate] {
    precondition(probeCount > 0, "an estimate needs a probe")
    return try estimating {
        var generator = ProbeGenerator(seed: seed)
        var samples = [[Double]](repeating: [], count: layout.entries.count)
        for probe in 0..<probeCount {
            let signs = generator.signs(linearOperator.dimension)
            let image = try linearOperator.product(with: signs)
            for (index, entry) in layout.entries.enumerated() {
                let sample = entry.range.reduce(0) { $0 + signs[$1] * image[$1] }
                guard sample.isFinite else { throw NonFiniteProduct(product: probe + 1) }
                samples[index].append(sample)
            }
        }
        return samples.map { TraceEstimate(samples: $0) }
    }
}

extension NetworkCurvature {
    /// The largest eigenvalues and the trace of every tensor's diagonal block.
    ///
    /// Tensors without elements have no block. Throws `UserError` where products are not finite.
    package func blocks(
        top: Int, tolerance: Double, probeCount: Int, seed: UInt64
    ) throws -> [BlockCurvature] {
        let traces = try blockTraces(
            of: exact, layout: layout, probeCount: probeCount, seed: seed)
        return try zip(layout.entries, traces).filter { $0.0.count > 0 }.map { entry, trace in
            let spectrum = try curvatureSpectrum(
                of: exact.block(entry.range), draft: { try self.draft().block(entry.range) },
                options: LanczosOptions(
                    top: min(top, entry.count), tolerance: tolerance, seed: seed))
            return BlockCurvature(
                tensor: entry.name, eigenvalues: spectrum.eigenvalues, trace: trace)
        }
    }
}
