/// The extents of one attention over a tile.
package struct AttentionShape {
    package let rows: Range<Int>
    package let heads: Int
    package let headWidth: Int
    package let table: SourceTable

    package init(rows: Range<Int>, heads: Int, headWidth: Int, table: SourceTable) {
        self.rows = rows
        self.heads = heads
        self.headWidth = headWidth
        self.table = table
    }
}

/// One version of all matrices of an attention.
package struct AttentionVersions<Scalar: LaneScalar> {
    package let query: UnsafeMutablePointer<Scalar>
    package let key: UnsafeMutablePointer<Scalar>
    package let value: UnsafeMutablePointer<Scalar>
    package let probabilities: UnsafeMutablePointer<Scalar>
    package let output: UnsafeMutablePointer<Scalar>

    package init(
        query: UnsafeMutablePointer<Scalar>, key: UnsafeMutablePointer<Scalar>,
        value: UnsafeMutablePointer<Scalar>, probabilities: UnsafeMutablePointer<Scalar>,
        output: UnsafeMutablePointer<Scalar>
    ) {
        self.query = query
        self.key = key
        self.value = value
        self.probabilities = probabilities
        self.output = output
    }
}
