package import Checkpoints

/// How many updates the spectral edge looks at, as published.
package let spectralEdgeWindow = 10

/// The stored steps of the window of a spectral edge: `spectralEdgeWindow + 1` evenly spaced ones
/// that end at `step`, with the smallest spacing that is stored; nil where there is none.
package func spectralEdgeSteps(endingAt step: Int, among stored: [Int]) -> [Int]? {
    let known = Set(stored)
    guard known.contains(step) else { return nil }
    // Rising spacings: from the newest earlier checkpoint to the oldest that leaves room.
    for earlier in stored.reversed() where earlier < step {
        guard let spacing = difference(step, earlier), let whole = difference(step, stored[0]),
            spacing <= whole / spectralEdgeWindow
        else { return nil }
        let steps = (0...spectralEdgeWindow).map { step - (spectralEdgeWindow - $0) * spacing }
        if steps.allSatisfy(known.contains) { return steps }
    }
    return nil
}

/// The spectral edge of the updates between consecutive checkpoints, of all weights and of the
/// attention's alone (variants `all` and `attention`).
///
/// `update_singular_value` by place; `update_gap` σ₂² − σ₃²; `update_edge_rank` and
/// `update_edge_ratio` at the largest σ_j / σ_{j+1}, and the same weighted by σ_j / Σσ with
/// `weighted_` before; `update_spacing` in steps. Without an evenly spaced window, or where nothing
/// moved, there is no value and the text says why.
package func updateMeasures(_ window: [[Tensor]], spacing: Int) -> [MeasuredValue] {
    let isAttention = { (tensor: Tensor) in tensor.name.contains(".attention.") }
    var rows = [MeasuredValue("update_spacing", value: Double(spacing))]
    for (variant, chosen) in [("all", { _ in true }), ("attention", isAttention)] {
        let vectors = window.map { $0.filter(chosen).flatMap { $0.doubles() ?? [] } }
        guard vectors.first?.isEmpty == false else { continue }
        guard let spectrum = UpdateSpectrum(weights: vectors), (spectrum.values.first ?? 0) > 0
        else {
            rows.append(
                MeasuredValue(
                    "update_edge_rank", variant: variant, value: nil,
                    text: "nothing moved, or the weights are not finite"))
            continue
        }
        rows += spectrum.values.enumerated().map { place, value in
            MeasuredValue("update_singular_value", variant: variant, position: place, value: value)
        }
        let (edge, weighted) = (spectrum.edge, spectrum.weightedEdge)
        rows += [
            ("update_gap", spectrum.secondGap), ("update_edge_rank", edge.map { Double($0.rank) }),
            ("update_edge_ratio", edge?.ratio),
            ("weighted_update_edge_rank", weighted.map { Double($0.rank) }),
            ("weighted_update_edge_ratio", weighted?.ratio),
        ].compactMap { name, value in
            value.map { MeasuredValue(name, variant: variant, value: $0) }
        }
    }
    return rows
}
