/// Row numbers of another domain for each row: `[rows, length]` and the position of each row.
@usableFromInline
package struct SourceTable {
    @usableFromInline package let sources: UnsafePointer<Int32>
    @usableFromInline package let positions: UnsafePointer<Int32>
    @usableFromInline package let length: Int

    package init(
        sources: UnsafePointer<Int32>, positions: UnsafePointer<Int32>, length: Int
    ) {
        self.sources = sources
        self.positions = positions
        self.length = length
    }

    /// The source row at the row's own position.
    @inlinable @inline(__always)
    package func own(_ row: Int) -> Int { Int(sources[row * length + Int(positions[row])]) }
}
