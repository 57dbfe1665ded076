/// A matrix of real inputs, one row for each example, kept as small as its values allow.
///
/// Where `scaling` is there, a value x stands for (x − mean) / deviation of its column.
package final class FeatureMatrix: Sendable {
    /// Means and deviations: one for all columns, or one for each.
    package struct Scaling: Sendable, Equatable {
        package var means: [Double]
        package var deviations: [Double]

        package init(means: [Double], deviations: [Double]) {
            self.means = means
            self.deviations = deviations
        }
    }

    private enum Values: Sendable {
        case single([Float])
        case double([Double])
    }

    package let rowCount: Int
    package let columnCount: Int
    private let values: Values
    private let scaling: Scaling?

    /// Values row by row; they are kept as `Float` where that loses nothing.
    package init(
        _ values: [Double], rowCount: Int, columnCount: Int, scaling: Scaling? = nil
    ) {
        precondition(values.count == rowCount * columnCount, "the values do not fill the rows")
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.scaling = scaling
        let fits = values.allSatisfy { Double(Float($0)) == $0 }
        self.values = fits ? .single(values.map { Float($0) }) : .double(values)
    }

    /// The same values seen through another scaling.
    package init(_ other: FeatureMatrix, scaling: Scaling?) {
        rowCount = other.rowCount
        columnCount = other.columnCount
        values = other.values
        self.scaling = scaling
    }

    /// The value as it is used.
    package func value(_ row: Int, _ column: Int) -> Double {
        let place = row * columnCount + column
        let value =
            switch values {
            case .single(let values): Double(values[place])
            case .double(let values): values[place]
            }
        guard let scaling else { return value }
        let index = scaling.means.count == 1 ? 0 : column
        return (value - scaling.means[index]) / scaling.deviations[index]
    }

    /// The first row that holds NaN or an infinity.
    package var firstRowWithoutNumbers: Int? {
        func first(_ isFinite: (Int) -> Bool) -> Int? {
            (0..<rowCount * columnCount).first { !isFinite($0) }.map { $0 / columnCount }
        }
        return switch values {
        case .single(let values): first { values[$0].isFinite }
        case .double(let values): first { values[$0].isFinite }
        }
    }
}

/// Some rows of a matrix of real inputs, in an order of their own.
package struct FeatureRows: Sendable, Equatable {
    package let matrix: FeatureMatrix
    package let rows: [Int]

    package init(_ matrix: FeatureMatrix, rows: [Int]? = nil) {
        self.matrix = matrix
        self.rows = rows ?? Array(0..<matrix.rowCount)
    }

    package var count: Int { rows.count }
    package var columnCount: Int { matrix.columnCount }

    package func subset(_ places: some Collection<Int>) -> FeatureRows {
        FeatureRows(matrix, rows: places.map { rows[$0] })
    }

    /// Writes the rows one after the other.
    func copy<Scalar: NetworkScalar>(into target: UnsafeMutablePointer<Scalar>) {
        let columns = columnCount
        for (place, row) in rows.enumerated() {
            for column in 0..<columns {
                target[place * columns + column] = Scalar(matrix.value(row, column))
            }
        }
    }

    package static func == (first: FeatureRows, second: FeatureRows) -> Bool {
        first.matrix === second.matrix && first.rows == second.rows
    }
}
