internal import ArrayMath

/// The part of what a function of pairs varies that is a function of the answer at one frequency:
/// the `trig ratio`.
///
/// (((F[cos, cos] − F[sin, sin]) / √2)² + ((F[cos, sin] + F[sin, cos]) / √2)²) over the total power
/// centred on all pairs, where F are the coefficients in the orthonormal basis of both operands: the
/// power along cos(w_k (x + y)) and sin(w_k (x + y)). For every answer rule the same holds with the
/// answer in place of x + y. `values` is [n², columns], powers are summed over columns;
/// `answerSums` their sums over the pairs of each answer. One value for each key with the variant
/// `name/k`, and their sum with `name`; none where nothing varies.
func trigRatios(
    _ values: [Double], answerSums: [Double], _ grid: GroupGrid, _ keys: [Int], name: String
) -> [MeasuredValue] {
    let order = grid.order
    let columns = answerSums.count / order
    let pairs = Double(order * order)
    let squares = VectorSizes(of: values).sumOfSquares
    var total = squares
    for column in 0..<columns {
        let sum = (0..<order).reduce(0) { $0 + answerSums[$1 * columns + column] }
        total -= sum * sum / pairs
    }
    // What rounding leaves of a constant is no variation.
    guard total > 1e-13 * squares else { return [] }
    let spectrum = grid.spectrum(answerSums)
    let ratios = keys.map { spectrum.power[$0] / Double(order) / total }
    return zip(keys, ratios).map { key, ratio in
        MeasuredValue("trig_ratio", variant: "\(name)/\(key)", split: "all", value: ratio)
    } + [
        MeasuredValue("trig_ratio", variant: name, split: "all", value: ratios.reduce(0, +))
    ]
}
