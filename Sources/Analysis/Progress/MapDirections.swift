internal import ArrayMath

/// How much of the hidden layer along each direction that the logits read at a key is the wave that
/// they need: u_k·MLP and v_k·MLP (Nanda and others 2023, section 4.3).
///
/// The neuron–logit map W_L of a cyclic network is read as Σ_k cos(w_k z) u_k + sin(w_k z) v_k, with
/// u_k and v_k the projections of W_L on the cosine and sine along the logit axis. The fraction of
/// variance explained of u_k is that of the best multiple of cos(w_k s) in the function
/// ⟨u_k, H[x, y]⟩ of all pairs, centred, with s the answer to (x, y); of v_k that of sin(w_k s). The
/// length of a direction does not matter. Behind a layer norm the logits read other directions for
/// each example: there is no value, and a text that says so. One value in [0, 1] for each key with the variants `cos/k`
/// and `sin/k`; none where W_L has no such part or where the function does not vary, and none for
/// the sine of n/2, which is zero.
package func mapDirectionsExplained(
    _ view: NetworkView, keys: [Int]
) -> [MeasuredValue] {
    let (grid, order) = (view.grid, view.grid.order)
    let pairs = order * order
    let width = view.hidden.count / max(pairs, 1)
    let waves = keys.filter { $0 >= 1 && 2 * $0 <= order }.flatMap { key in
        zip(["cos", "sin"], basisRows(ofFrequency: key, count: order)).map {
            (variant: "\($0)/\(key)", row: $1)
        }
    }
    guard !waves.isEmpty else { return [] }
    guard view.readout.isLinear else {
        return [
            MeasuredValue(
                "map_direction_fraction_explained", split: "all", value: nil,
                text: "a layer norm stands between the hidden layer and the logits")
        ]
    }
    let rows = waves.flatMap { grid.fourierBasis[$0.row * order..<($0.row + 1) * order] }
    let directions = matrixProduct(
        rows, transposed: false, view.neuronLogitMap, transposed: true, rows: waves.count,
        columns: width, inner: order)
    // One row of values on all pairs for each direction.
    let values = matrixProduct(
        directions, transposed: false, view.hidden, transposed: true, rows: waves.count,
        columns: pairs, inner: width)
    return waves.enumerated().compactMap { place, wave in
        let own = Array(values[place * pairs..<(place + 1) * pairs])
        let mean = own.reduce(0, +) / Double(pairs)
        var (along, total) = (0.0, 0.0)
        for pair in 0..<pairs {
            along += rows[place * order + grid.answers[pair]] * own[pair]
            total += (own[pair] - mean) * (own[pair] - mean)
        }
        // What rounding leaves of a constant is no variation.
        guard total > 1e-13 * Double(pairs) * mean * mean else { return nil }
        // The wave has norm 1 over the answers, each of which n pairs have.
        return MeasuredValue(
            "map_direction_fraction_explained", variant: wave.variant, split: "all",
            value: along * along / (Double(order) * total))
    }
}
