package import VectorMath

extension Kernels {
    /// Each row of the target ← the sum of its source rows, `columns` wide.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func sumSources<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ table: SourceTable, _ source: UnsafePointer<Scalar>,
        into target: UnsafeMutablePointer<Scalar>
    ) {
        for row in rows {
            let target = target + row * columns
            let sources = table.sources + row * table.length
            let first = source + Int(sources[0]) * columns
            if table.length < 2 {
                for column in 0..<columns { target[column] = first[column] }
            } else {
                let second = source + Int(sources[1]) * columns
                for column in 0..<columns { target[column] = first[column] + second[column] }
                for position in 2..<max(table.length, 2) {
                    inlineAdd(source + Int(sources[position]) * columns, to: target, columns)
                }
            }
        }
    }

    /// Adds each row, `columns` wide, to all of its source rows.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func addToSources<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ table: SourceTable, _ row: UnsafePointer<Scalar>,
        to sources: UnsafeMutablePointer<Scalar>
    ) {
        for index in rows {
            for position in 0..<table.length {
                let place = Int(table.sources[index * table.length + position])
                inlineAdd(row + index * columns, to: sources + place * columns, columns)
            }
        }
    }
}
