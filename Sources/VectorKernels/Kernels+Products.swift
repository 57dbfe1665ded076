package import VectorMath

extension Kernels {
    /// C ← A·B, or C ← C + A·B, with each element's sum in order of the inner index, rounded once
    /// per term.
    ///
    /// Six rows by two vectors of C stay in registers down to 256 inner elements at a time, whose
    /// panel stays in the first cache for all rows.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func multiplyPanels<Scalar: LaneScalar>(_ product: PanelProduct<Scalar>) {
        let width = PanelProduct<Scalar>.width
        withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 6 &* width) { edge in
            guard let edge = edge.baseAddress else { return }
            var start = 0
            repeat {
                let depth = min(256, product.inner &- start)
                multiply(product, start: start, depth: depth, edge: edge)
                start &+= depth
            } while start < product.inner
        }
    }

    /// The share of some inner elements; `edge` has room for a block.
    @inline(__always)
    private static func multiply<Scalar: LaneScalar>(
        _ product: PanelProduct<Scalar>, start: Int, depth: Int, edge: UnsafeMutablePointer<Scalar>
    ) {
        let width = PanelProduct<Scalar>.width
        let (rows, columns) = (product.rows, product.columns)
        let adds = product.adds || start > 0
        // Rows of A that lie across memory are used for all panels while they are in cache.
        let panelsFirst = product.rowStride < product.innerStride
        var (row, column) = (0, 0)
        while row < rows && column < columns {
            let left = rows &- row
            // 7 and 8 are better two blocks of four than one of six and a rest.
            let isSix = left > 8 || left == 5 || left == 6
            let usedRows = min(left, isSix ? 6 : 4)
            let usedColumns = min(width, columns &- column)
            let isWhole = usedColumns == width && usedRows == (isSix ? 6 : 4)
            let target = product.c + (row &* product.resultStride &+ column)
            if !isWhole && adds {
                copyBlock(target, product.resultStride, to: edge, width, usedRows, usedColumns)
            }
            let block = Block(
                a: product.a + (row &* product.rowStride &+ start &* product.innerStride),
                rowStride: product.rowStride, innerStride: product.innerStride,
                lastRow: usedRows &- 1,
                panel: product.panels + (column &* product.inner &+ start &* width), depth: depth,
                c: isWhole ? target : edge,
                resultStride: isWhole ? product.resultStride : width, adds: adds)
            switch (isSix, usedColumns <= Scalar.Wide.scalarCount) {
            case (true, false): block.multiply(SixByTwo.self)
            case (true, true): block.multiply(SixByOne.self)
            case (false, false): block.multiply(FourByTwo.self)
            case (false, true): block.multiply(FourByOne.self)
            }
            if !isWhole {
                copyBlock(edge, width, to: target, product.resultStride, usedRows, usedColumns)
            }
            if panelsFirst {
                column &+= width
                if column >= columns { (row, column) = (row &+ usedRows, 0) }
            } else {
                row &+= usedRows
                if row >= rows { (row, column) = (0, column &+ width) }
            }
        }
    }

    /// Packs some panels of B, `[inner, columns]`, whose element (k, c) stands at
    /// `k·innerStride + c·columnStride`.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func packPanels<Scalar: LaneScalar>(
        _ b: UnsafePointer<Scalar>, inner: Int, columns: Int, innerStride: Int, columnStride: Int,
        panels: Range<Int>, into target: UnsafeMutablePointer<Scalar>
    ) {
        let wide = Scalar.Wide.scalarCount
        let width = 2 &* wide
        for panel in panels {
            let first = panel &* width
            var source = b + first &* columnStride
            var place = target + first &* inner
            let used = min(width, columns &- first)
            if columnStride == 1 && used == width {
                for _ in 0..<inner {
                    storeWide(loadWide(source, 0) as Scalar.Wide, place, 0)
                    storeWide(loadWide(source, wide) as Scalar.Wide, place, wide)
                    source += innerStride
                    place += width
                }
            } else {
                for _ in 0..<inner {
                    for column in 0..<used { place[column] = source[column &* columnStride] }
                    for column in used..<width { place[column] = 0 }
                    source += innerStride
                    place += width
                }
            }
        }
    }
}

/// Copies a block of rows and columns between two strides.
private func copyBlock<Scalar: LaneScalar>(
    _ source: UnsafePointer<Scalar>, _ sourceStride: Int, to target: UnsafeMutablePointer<Scalar>,
    _ targetStride: Int, _ rows: Int, _ columns: Int
) {
    for row in 0..<rows {
        let (source, target) = (source + row &* sourceStride, target + row &* targetStride)
        for column in 0..<columns { target[column] = source[column] }
    }
}

/// Up to six rows and two vectors of a product.
private struct Block<Scalar: LaneScalar> {
    let a: UnsafePointer<Scalar>
    let rowStride: Int
    let innerStride: Int
    /// Rows after this one are computed from it again, and not used.
    let lastRow: Int
    let panel: UnsafePointer<Scalar>
    let depth: Int
    let c: UnsafeMutablePointer<Scalar>
    let resultStride: Int
    let adds: Bool
}

/// How much of a block is computed, known when the loops are compiled.
private protocol BlockShape {
    /// Six rows, or four.
    static var isSix: Bool { get }
    /// One vector of columns, or two.
    static var isNarrow: Bool { get }
}

private enum SixByTwo: BlockShape {
    @inline(__always) static var isSix: Bool { true }
    @inline(__always) static var isNarrow: Bool { false }
}

private enum SixByOne: BlockShape {
    @inline(__always) static var isSix: Bool { true }
    @inline(__always) static var isNarrow: Bool { true }
}

private enum FourByTwo: BlockShape {
    @inline(__always) static var isSix: Bool { false }
    @inline(__always) static var isNarrow: Bool { false }
}

private enum FourByOne: BlockShape {
    @inline(__always) static var isSix: Bool { false }
    @inline(__always) static var isNarrow: Bool { true }
}

extension Block {
    @inline(__always)
    func multiply<Shape: BlockShape>(_ shape: Shape.Type) {
        let (isSix, isNarrow) = (Shape.isSix, Shape.isNarrow)
        let wide = Scalar.Wide.scalarCount
        let zero = Scalar.Wide(repeating: 0)
        let (row1, row2, row3) = (resultStride, 2 &* resultStride, 3 &* resultStride)
        let (row4, row5) = (4 &* resultStride, 5 &* resultStride)
        var (l0, l1, l2, l3, l4, l5) = (zero, zero, zero, zero, zero, zero)
        var (r0, r1, r2, r3, r4, r5) = (zero, zero, zero, zero, zero, zero)
        if adds {
            l0 = loadWide(c, 0)
            l1 = loadWide(c, row1)
            l2 = loadWide(c, row2)
            l3 = loadWide(c, row3)
            if isSix {
                l4 = loadWide(c, row4)
                l5 = loadWide(c, row5)
            }
            if !isNarrow {
                r0 = loadWide(c, wide)
                r1 = loadWide(c, row1 &+ wide)
                r2 = loadWide(c, row2 &+ wide)
                r3 = loadWide(c, row3 &+ wide)
                if isSix {
                    r4 = loadWide(c, row4 &+ wide)
                    r5 = loadWide(c, row5 &+ wide)
                }
            }
        }
        let (a1, a2) = (min(1, lastRow) &* rowStride, min(2, lastRow) &* rowStride)
        let (a3, a4) = (min(3, lastRow) &* rowStride, min(4, lastRow) &* rowStride)
        let a5 = min(5, lastRow) &* rowStride
        var (a, panel) = (a, panel)
        for _ in 0..<depth {
            let left: Scalar.Wide = loadWide(panel, 0)
            let right: Scalar.Wide = isNarrow ? zero : loadWide(panel, wide)
            step(a[0], left, right, &l0, &r0, isNarrow)
            step(a[a1], left, right, &l1, &r1, isNarrow)
            step(a[a2], left, right, &l2, &r2, isNarrow)
            step(a[a3], left, right, &l3, &r3, isNarrow)
            if isSix {
                step(a[a4], left, right, &l4, &r4, isNarrow)
                step(a[a5], left, right, &l5, &r5, isNarrow)
            }
            a += innerStride
            panel += 2 &* wide
        }
        storeWide(l0, c, 0)
        storeWide(l1, c, row1)
        storeWide(l2, c, row2)
        storeWide(l3, c, row3)
        if isSix {
            storeWide(l4, c, row4)
            storeWide(l5, c, row5)
        }
        if isNarrow { return }
        storeWide(r0, c, wide)
        storeWide(r1, c, row1 &+ wide)
        storeWide(r2, c, row2 &+ wide)
        storeWide(r3, c, row3 &+ wide)
        if isSix {
            storeWide(r4, c, row4 &+ wide)
            storeWide(r5, c, row5 &+ wide)
        }
    }

    @inline(__always)
    private func step(
        _ a: Scalar, _ left: Scalar.Wide, _ right: Scalar.Wide, _ leftSum: inout Scalar.Wide,
        _ rightSum: inout Scalar.Wide, _ isNarrow: Bool
    ) {
        let factor = Scalar.Wide(repeating: a)
        leftSum = Scalar.multiplyAdd(factor, left, leftSum)
        if !isNarrow { rightSum = Scalar.multiplyAdd(factor, right, rightSum) }
    }
}
