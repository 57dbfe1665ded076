internal import ArrayMath

/// How alike two representations of the same rows are: [rows, columns] each, columns centred.
///
/// All are 1, or 0 for the distance, for representations that differ by a rotation, a reflection, a
/// scale and a shift.
package struct RepresentationSimilarity: Sendable, Equatable {
    /// Linear CKA, ‖Yᵀ X‖² / (‖Xᵀ X‖ ‖Yᵀ Y‖) (Kornblith and others 2019): for few rows and many columns
    /// near 1 whatever the representations; nil where one of them does not vary.
    package let alignment: Double?
    /// The same with the unbiased estimate of each of the three (Song and others 2012; Nguyen and others
    /// 2021): near 0 for independent ones, and it may be below; nil also for fewer than four rows.
    package let unbiasedAlignment: Double?
    /// 2 − 2 ‖X̂ᵀ Ŷ‖_* of representations scaled to norm 1: the squared distance after the best rotation.
    package let procrustesDistance: Double?

    /// Compares representations with the same number of rows; nil where a number is not finite.
    package init?(
        _ first: [Double], columns: Int, and second: [Double], columns otherColumns: Int, rows: Int
    ) {
        precondition(
            first.count == rows * columns && second.count == rows * otherColumns,
            "a row of each for each example")
        guard first.allSatisfy(\.isFinite), second.allSatisfy(\.isFinite) else { return nil }
        let one = CentredRows(first, columns: columns, rows: rows)
        let other = CentredRows(second, columns: otherColumns, rows: rows)
        let (cross, left, right) = (
            one.product(with: other), one.product(with: one), other.product(with: other)
        )
        let scale = (squares(left) * squares(right)).squareRoot()
        alignment = scale > 0 ? squares(cross) / scale : nil
        let norms = (one.total * other.total).squareRoot()
        procrustesDistance =
            norms > 0
            ? max(
                0,
                2 - 2
                    * singularValues(
                        cross, rows: columns, columns: otherColumns, method: .direct
                    ).reduce(0, +) / norms) : nil
        let unbiased =
            [(squares(cross), one, other), (squares(left), one, one)]
            + [(squares(right), other, other)]
        let estimates = unbiased.map { product, one, other in
            RepresentationSimilarity.unbiased(product, one, other)
        }
        let product = estimates[1] * estimates[2]
        unbiasedAlignment =
            rows >= 4 && product > 0 && estimates[1] > 0
            ? estimates[0] / product.squareRoot() : nil
    }

    /// The unbiased estimate of ‖Yᵀ X‖² up to a factor that drops out of the ratio:
    /// ‖Yᵀ X‖² − n/(n − 2) Σ_i ‖x_i‖² ‖y_i‖² + ‖X‖² ‖Y‖² / ((n − 1)(n − 2)).
    private static func unbiased(
        _ product: Double, _ one: CentredRows, _ other: CentredRows
    ) -> Double {
        let n = Double(one.rows)
        let together = zip(one.squares, other.squares).reduce(0) { $0 + $1.0 * $1.1 }
        return product - n / (n - 2) * together + one.total * other.total / ((n - 1) * (n - 2))
    }
}

private func squares(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }

/// Rows [rows, columns] less the mean of each column.
private struct CentredRows {
    let values: [Double]
    let rows: Int
    let columns: Int
    /// ‖x_i‖² of each row.
    let squares: [Double]
    var total: Double { squares.reduce(0, +) }

    init(_ raw: [Double], columns: Int, rows: Int) {
        var values = raw
        for column in 0..<columns {
            var mean = 0.0
            for row in 0..<rows { mean += raw[row * columns + column] }
            mean /= Double(max(rows, 1))
            for row in 0..<rows { values[row * columns + column] -= mean }
        }
        self.values = values
        self.rows = rows
        self.columns = columns
        squares = (0..<rows).map { row in
            values[row * columns..<(row + 1) * columns].reduce(0) { $0 + $1 * $1 }
        }
    }

    /// Xᵀ Y, [columns, other columns].
    func product(with other: CentredRows) -> [Double] {
        matrixProduct(
            values, transposed: true, other.values, transposed: false, rows: columns,
            columns: other.columns, inner: rows)
    }
}
