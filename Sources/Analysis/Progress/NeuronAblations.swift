internal import ArrayMath

/// Losses after parts of a cyclic network's hidden layer are replaced (Nanda and others 2023, 4.4).
///
/// The logits of a replaced hidden layer H' are the network's own: where they are linear in H, they
/// change by (H' − H) W_L with the neuron–logit map W_L, else H' goes through the norms. The attention
/// path stays. On train, test and all pairs:
///
/// - `neurons_by_quadratics`: each neuron of a cluster (FVE above 0.85) becomes its projection on
///   {1, cos k, sin k} of x times {1, cos k, sin k} of y for its own frequency k.
/// - `map_directions`: H becomes its projection on the directions of W_L that belong to the keys
///   (two for each, the cosine and sine along the logit axis) plus its mean over pairs;
///   `map_null_space` is H without these directions.
/// - `answer_directions`: H becomes its mean plus its projection on cos(w_k s), sin(w_k s) of the
///   answer s for the keys; `without_answer_directions` is H without that projection.
/// - `blocks3x3`: H becomes its projection on the keys' products of {1, cos k, sin k} of x times
///   {1, cos k, sin k} of y.
/// - `without_frequency/k`: every neuron loses its part in the 3 × 3 block of k, but for the constant.
package func neuronAblations(
    _ view: NetworkView, keys: [Int], clusters: NeuronFrequencies
) -> [MeasuredValue] {
    let grid = view.grid
    let order = grid.order
    let width = view.hidden.count / max(order * order, 1)
    let valid = keys.filter { $0 >= 1 && 2 * $0 <= order }
    func losses(_ change: [Double], _ variant: String) -> [MeasuredValue] {
        guard view.readout.isLinear else {
            let replaced = zip(view.hidden, change).map { $0 + $1 }
            return grid.losses(of: view.readout.logits(ofHidden: replaced))
                .measurements("ablated_loss", variant: variant)
        }
        let shift = matrixProduct(
            change, view.neuronLogitMap, rows: order * order, columns: order, inner: width)
        return grid.losses(of: zip(view.logits, shift).map { $0 + $1 })
            .measurements("ablated_loss", variant: variant)
    }
    let blocks = NeuronBlocks(hidden: view.hidden, order: order, width: width)
    var change = [Double](repeating: 0, count: view.hidden.count)
    for frequency in Set(clusters.frequency).sorted() where frequency > 0 {
        let members = (0..<width).map {
            clusters.frequency[$0] == frequency
                && clusters.explained[$0] > NeuronFrequencies.clusterBound
        }
        guard members.contains(true) else { continue }
        let projected = blocks.projection(frequency, withConstant: true)
        for index in change.indices where members[index % width] {
            change[index] = projected[index] - view.hidden[index]
        }
    }
    var rows = losses(change, "neurons_by_quadratics")
    let directions = mapDirections(view, keys: valid, width: width)
    let along = projectRows(view.hidden, on: directions, width: width)
    let means = columnMeans(view.hidden, width: width)
    let meanAlong = projectRows(means, on: directions, width: width)
    rows += losses(
        along.indices.map {
            along[$0] + means[$0 % width] - meanAlong[$0 % width] - view.hidden[$0]
        }, "map_directions")
    rows += losses(along.map { -$0 }, "map_null_space")
    let answer = answerProjection(view, keys: valid, width: width)
    rows += losses(
        answer.indices.map { answer[$0] + means[$0 % width] - view.hidden[$0] },
        "answer_directions")
    rows += losses(answer.map { -$0 }, "without_answer_directions")
    // The blocks of two keys share the constant alone.
    var kept = view.hidden.indices.map { means[$0 % width] - view.hidden[$0] }
    for key in valid {
        let projected = blocks.projection(key, withConstant: false)
        for index in kept.indices { kept[index] += projected[index] }
        rows += losses(projected.map { -$0 }, "without_frequency/\(key)")
    }
    return rows + losses(kept, "blocks3x3")
}

/// The projection of the hidden layer on the keys' functions of the answer, [n², m].
private func answerProjection(_ view: NetworkView, keys: [Int], width: Int) -> [Double] {
    let (grid, order) = (view.grid, view.grid.order)
    let basis = orthonormalFourierBasis(order)
    let waves = keys.flatMap { key in
        basisRows(ofFrequency: key, count: order).flatMap {
            Array(basis[$0 * order..<($0 + 1) * order])
        }
    }
    guard !waves.isEmpty else { return [Double](repeating: 0, count: view.hidden.count) }
    let count = waves.count / order
    let sums = grid.sums(view.hidden, columns: width, by: .answer)
    let coefficients = matrixProduct(waves, sums, rows: count, columns: width, inner: order)
    // Each answer occurs n times, so that a function of it is √n times as long on all pairs.
    let byAnswer = matrixProduct(
        waves, transposed: true, coefficients, transposed: false, rows: order, columns: width,
        inner: count)
    return grid.answers.flatMap { answer in
        byAnswer[answer * width..<(answer + 1) * width].map { $0 / Double(order) }
    }
}

/// An orthonormal basis of the span of W_L cos_k and W_L sin_k in neuron space, rows [≤ 2 keys, m].
private func mapDirections(_ view: NetworkView, keys: [Int], width: Int) -> [Double] {
    let order = view.grid.order
    let basis = orthonormalFourierBasis(order)
    let waves = keys.flatMap { key in
        basisRows(ofFrequency: key, count: order).flatMap {
            Array(basis[$0 * order..<($0 + 1) * order])
        }
    }
    let count = waves.count / order
    let raw = matrixProduct(
        waves, transposed: false, view.neuronLogitMap, transposed: true, rows: count,
        columns: width, inner: order)
    var rows: [[Double]] = []
    for index in 0..<count {
        var row = Array(raw[index * width..<(index + 1) * width])
        let before = vectorNorm(row)
        for _ in 0..<2 {
            for other in rows {
                let along = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
                for place in 0..<width { row[place] -= along * other[place] }
            }
        }
        let norm = vectorNorm(row)
        if norm > 1e-12 * before { rows.append(row.map { $0 / norm }) }
    }
    return rows.flatMap { $0 }
}

private func projectRows(_ values: [Double], on directions: [Double], width: Int) -> [Double] {
    let (rows, count) = (values.count / width, directions.count / width)
    guard count > 0 else { return [Double](repeating: 0, count: values.count) }
    let coefficients = matrixProduct(
        values, transposed: false, directions, transposed: true, rows: rows, columns: count,
        inner: width)
    return matrixProduct(coefficients, directions, rows: rows, columns: width, inner: count)
}

private func columnMeans(_ values: [Double], width: Int) -> [Double] {
    var means = [Double](repeating: 0, count: width)
    for (index, value) in values.enumerated() { means[index % width] += value }
    return means.map { $0 * Double(width) / Double(values.count) }
}

/// Projections of a hidden layer [n², m] on the 3 × 3 blocks of single frequencies.
private struct NeuronBlocks {
    let order: Int
    let width: Int
    private let basis: [Double]
    /// T[i, y, j] = Σ_x f_i(x) H[x, y, j].
    private let byLeft: [Double]

    init(hidden: [Double], order: Int, width: Int) {
        self.order = order
        self.width = width
        basis = orthonormalFourierBasis(order)
        byLeft = matrixProduct(basis, hidden, rows: order, columns: order * width, inner: order)
    }

    /// The projection of all neurons on one frequency's block, [n², m].
    func projection(_ frequency: Int, withConstant: Bool) -> [Double] {
        let rows = [0] + basisRows(ofFrequency: frequency, count: order)
        let waves = rows.flatMap { Array(basis[$0 * order..<($0 + 1) * order]) }
        var back: [Double] = []
        for row in rows {
            let slab = Array(byLeft[row * order * width..<(row + 1) * order * width])
            var coefficients = matrixProduct(
                waves, slab, rows: rows.count, columns: width, inner: order)
            if row == 0, !withConstant {
                for column in 0..<width { coefficients[column] = 0 }
            }
            back += matrixProduct(
                waves, transposed: true, coefficients, transposed: false, rows: order,
                columns: width, inner: rows.count)
        }
        return matrixProduct(
            waves, transposed: true, back, transposed: false, rows: order,
            columns: order * width, inner: rows.count)
    }
}
