internal import ArrayMath
package import Checkpoints
internal import Foundation

/// The most points whose homology is computed: of more, a seeded random choice of so many.
package let mostHomologyPoints = 512

/// The persistent homology of embeddings, as they are (`raw`) and centred with rows of length 1
/// (`unit_rows`): `loop_count`, `largest_loop_persistence` and `total_loop_persistence` of degree 1,
/// `total_merge_length` of degree 0, and `intrinsic_dimension_slope`.
///
/// The published curves do not say which of the two they are of. A row that is the mean of all has no
/// direction and stays zero. `operandRows` picks the rows that stand for operands; nil takes all. Not
/// finite or fewer than four rows: no value, and a text that says why.
package func topologyMeasures(
    of weights: [Tensor], seed: UInt64 = 0, operandRows: (Tensor) -> [Int]? = { _ in nil }
) -> [MeasuredValue] {
    weights.filter { GeometryAnalysis.isEmbedding($0) && $0.shape.count == 2 }.flatMap {
        tensor -> [MeasuredValue] in
        guard let values = tensor.doubles() else { return [] }
        let columns = tensor.shape[1]
        var rows = operandRows(tensor) ?? Array(0..<tensor.shape[0])
        if rows.count > mostHomologyPoints {
            var generator = ProbeGenerator(seed: seed)
            generator.shuffle(&rows)
            rows = rows.prefix(mostHomologyPoints).sorted()
        }
        let points = rows.flatMap { values[$0 * columns..<($0 + 1) * columns] }
        return [("raw", points), ("unit_rows", unitRows(points, columns: columns))].flatMap {
            variant, points in
            shape(points, columns, subject: tensor.name, variant: variant)
        } + [
            MeasuredValue("homology_points", subject: tensor.name, value: Double(rows.count))
        ]
    }
}

private func shape(
    _ points: [Double], _ columns: Int, subject: String, variant: String
) -> [MeasuredValue] {
    let isEnough = points.count >= 4 * columns && columns > 0
    let homology = isEnough ? PersistentHomology(points, columns: columns) : nil
    let cause = isEnough ? "not all of its numbers are finite" : "fewer than four rows"
    let numbers: [(String, Double?, String)] = [
        ("loop_count", homology.map { Double($0.bars.count) }, cause),
        ("largest_loop_persistence", homology?.largestPersistence, cause),
        ("total_loop_persistence", homology?.totalPersistence, cause),
        ("total_merge_length", homology?.totalMerges, cause),
        (
            "intrinsic_dimension_slope", twoNeighbourSlope(points, columns: columns),
            "too few different rows"
        ),
    ]
    return numbers.map { name, value, cause in
        MeasuredValue(
            name, variant: variant, subject: subject, value: value, text: value == nil ? cause : nil
        )
    }
}

/// Rows less their mean, each scaled to length 1; a row of zeros stays.
func unitRows(_ values: [Double], columns: Int) -> [Double] {
    let rows = values.count / max(columns, 1)
    var result = values
    for column in 0..<columns {
        var mean = 0.0
        for row in 0..<rows { mean += values[row * columns + column] }
        mean /= Double(max(rows, 1))
        for row in 0..<rows { result[row * columns + column] -= mean }
    }
    for start in stride(from: 0, to: rows * columns, by: max(columns, 1)) {
        let norm = vectorNorm(Array(result[start..<start + columns]))
        if norm > 0 { for place in start..<start + columns { result[place] /= norm } }
    }
    return result
}

/// The intrinsic dimension by two nearest neighbours as a slope (Facco and others 2017): of
/// −ln(1 − i/N) against ln μ_i through the origin, over the lowest nine tenths of μ = r₂ / r₁.
///
/// Points with a duplicate are left out; nil when fewer than three remain, and where a coordinate is
/// not finite.
package func twoNeighbourSlope(_ values: [Double], columns: Int) -> Double? {
    guard let logs = neighbourRatioLogs(values, columns: columns)?.sorted(), logs.count >= 3
    else { return nil }
    let kept = Int(0.9 * Double(logs.count))
    var (products, squares) = (0.0, 0.0)
    for (place, log) in logs.prefix(kept).enumerated() {
        products += log * -log1p(-Double(place + 1) / Double(logs.count))
        squares += log * log
    }
    return squares > 0 ? products / squares : nil
}
