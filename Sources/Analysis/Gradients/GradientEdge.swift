internal import ArrayMath
internal import Foundation

/// The spectral edge of loss gradients at consecutive checkpoints: the window's gradients as rows.
///
/// `gradient_singular_value` by place, `gradient_gap` σ₂² − σ₃², and `gradient_edge_rank` and
/// `gradient_edge_ratio` at the largest σ_j / σ_{j+1}. Fewer than three gradients, or gradients that are
/// zero or not finite: no value, and a text that says why.
package func gradientEdge(_ gradients: [[Double]], split: String = "") -> [MeasuredValue] {
    guard gradients.count >= 3 else {
        return [
            MeasuredValue(
                "gradient_edge_rank", split: split, value: nil,
                text: "it needs \(spectralEdgeWindow + 1) evenly spaced checkpoints up to here")
        ]
    }
    guard let spectrum = UpdateSpectrum(rows: gradients), (spectrum.values.first ?? 0) > 0 else {
        return [
            MeasuredValue(
                "gradient_edge_rank", split: split, value: nil,
                text: "the gradients are zero, or not finite")
        ]
    }
    return spectrum.values.enumerated().map {
        MeasuredValue("gradient_singular_value", split: split, position: $0, value: $1)
    } + [
        MeasuredValue("gradient_gap", split: split, value: spectrum.secondGap),
        MeasuredValue(
            "gradient_edge_rank", split: split, value: spectrum.edge.map { Double($0.rank) }),
        MeasuredValue("gradient_edge_ratio", split: split, value: spectrum.edge?.ratio),
    ]
}

/// Factors from 1/10 to 10, evenly spaced in their logarithm; 1 is among an odd number of them.
package func landscapeFactors(_ count: Int) -> [Double] {
    guard count > 1 else { return [1] }
    return (0..<count).map { pow(10, -1 + 2 * Double($0) / Double(count - 1)) }
}
