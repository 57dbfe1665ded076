/// The matrix product C ← A·B, or C ← C + A·B, with the columns of B packed in panels.
///
/// A panel is as wide as two vectors and holds B row by row, so that the innermost loop reads it in
/// order: element (k, c) of B stands at `(c/width·inner + k)·width + c%width`, and columns beyond the
/// last are 0. Rows of A may lie in memory either way round.
package struct PanelProduct<Scalar: LaneScalar> {
    /// Columns of one panel.
    package static var width: Int { 2 * Scalar.Wide.scalarCount }

    /// Rows of A and C.
    package var rows: Int
    /// Columns of B and C.
    package var columns: Int
    /// Columns of A and rows of B.
    package var inner: Int
    package var a: UnsafePointer<Scalar>
    /// Elements from one row of A to the next.
    package var rowStride: Int
    /// Elements from one column of A to the next.
    package var innerStride: Int
    package var panels: UnsafePointer<Scalar>
    package var c: UnsafeMutablePointer<Scalar>
    /// Elements from one row of C to the next.
    package var resultStride: Int
    /// True where the product is added to C; false where the old C is not read.
    package var adds: Bool

    package init(
        rows: Int, columns: Int, inner: Int, a: UnsafePointer<Scalar>, rowStride: Int,
        innerStride: Int, panels: UnsafePointer<Scalar>, c: UnsafeMutablePointer<Scalar>,
        resultStride: Int, adds: Bool
    ) {
        self.rows = rows
        self.columns = columns
        self.inner = inner
        self.a = a
        self.rowStride = rowStride
        self.innerStride = innerStride
        self.panels = panels
        self.c = c
        self.resultStride = resultStride
        self.adds = adds
    }

    /// Panels that so many columns take.
    package static func panelCount(_ columns: Int) -> Int { (columns + width - 1) / width }

    /// Elements that the panels of a matrix take.
    package static func elementCount(inner: Int, columns: Int) -> Int {
        panelCount(columns) * width * inner
    }
}
