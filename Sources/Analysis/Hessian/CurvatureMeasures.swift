package import ArrayMath
internal import Checkpoints
internal import Foundation
package import Networks

/// How the trace and the density of a curvature operator are estimated.
package struct CurvatureMeasureOptions: Sendable {
    /// Products of the Hutch++ trace; 0 leaves it out.
    package var traceProducts: Int
    /// Lanczos steps and probes of the density; 0 probes leave it out.
    package var densitySteps: Int
    package var densityProbes: Int
    /// Largest eigenvalues of each tensor's diagonal block; 0 leaves blocks out.
    package var topOfBlocks: Int
    package var seed: UInt64

    package init(
        traceProducts: Int = 30, densitySteps: Int = 64, densityProbes: Int = 5,
        topOfBlocks: Int = 0, seed: UInt64 = 0
    ) {
        self.traceProducts = traceProducts
        self.densitySteps = densitySteps
        self.densityProbes = densityProbes
        self.topOfBlocks = topOfBlocks
        self.seed = seed
    }
}

/// Trace, density and per-tensor blocks of a curvature operator.
///
/// `trace` and `trace_standard_error` (Hutch++, in nats per squared weight); `density_node` and
/// `density_weight` with subject `probe i` and the node's place, so that any smoothing can be drawn
/// later; `block_eigenvalue`, `block_residual` and `block_converged` with the tensor as subject and
/// the rank − 1 as place; `block_trace` by Hutchinson. Throws `UserError` where products are not
/// finite.
package func curvatureMeasures(
    of linearOperator: LinearOperator, layout: ParameterLayout, options: CurvatureMeasureOptions
) throws -> [MeasuredValue] {
    do {
        return try traceRows(linearOperator, options) + densityRows(linearOperator, options)
            + blockRows(linearOperator, layout, options)
    } catch let error as NonFiniteProduct {
        throw curvatureIsNotFinite(error)
    }
}

func curvatureIsNotFinite(_ error: NonFiniteProduct) -> UserError {
    .missing(
        subject: "the Hessian",
        cause: "its product number \(error.product) is not finite, so it has no spectrum",
        advice: "choose a checkpoint with finite weights and loss")
}

private func traceRows(
    _ linearOperator: LinearOperator, _ options: CurvatureMeasureOptions
) throws -> [MeasuredValue] {
    guard options.traceProducts > 0 else { return [] }
    let estimate = try hutchPlusPlusTrace(
        of: linearOperator, productCount: max(3, options.traceProducts), seed: options.seed)
    return [
        MeasuredValue("trace", variant: "hutch++", value: estimate.trace),
        MeasuredValue("trace_standard_error", variant: "hutch++", value: estimate.standardError),
        MeasuredValue("trace_products", variant: "hutch++", value: Double(estimate.productCount)),
    ]
}

private func densityRows(
    _ linearOperator: LinearOperator, _ options: CurvatureMeasureOptions
) throws -> [MeasuredValue] {
    guard options.densityProbes > 0 else { return [] }
    let density = try spectralDensity(
        of: linearOperator, stepCount: options.densitySteps, probeCount: options.densityProbes,
        seed: options.seed)
    return density.probes.enumerated().flatMap { probe, nodes in
        nodes.enumerated().flatMap { place, node in
            [
                MeasuredValue(
                    "density_node", subject: "probe \(probe)", position: place,
                    value: node.eigenvalue),
                MeasuredValue(
                    "density_weight", subject: "probe \(probe)", position: place,
                    value: node.weight),
            ]
        }
    }
}

private func blockRows(
    _ linearOperator: LinearOperator, _ layout: ParameterLayout, _ options: CurvatureMeasureOptions
) throws -> [MeasuredValue] {
    guard options.topOfBlocks > 0 else { return [] }
    return try layout.entries.filter { $0.count > 0 }.flatMap { entry in
        let block = linearOperator.block(entry.range)
        let result = try extremeEigenvalues(
            of: block,
            options: LanczosOptions(top: options.topOfBlocks, seed: options.seed))
        let trace = try hutchinsonTrace(
            of: block, probeCount: max(2, options.traceProducts / 3), seed: options.seed)
        return result.top.enumerated().flatMap { rank, pair in
            [
                MeasuredValue(
                    "block_eigenvalue", subject: entry.name, position: rank, value: pair.eigenvalue),
                MeasuredValue(
                    "block_residual", subject: entry.name, position: rank, value: pair.residual),
                MeasuredValue(
                    "block_converged", subject: entry.name, position: rank,
                    value: pair.converged ? 1 : 0),
            ]
        } + [
            MeasuredValue("block_trace", subject: entry.name, value: trace.trace),
            MeasuredValue(
                "block_trace_standard_error", subject: entry.name, value: trace.standardError),
        ]
    }
}
