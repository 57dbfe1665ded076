/// A place on the paper, in hundredths of a millimetre from the top left.
package struct Place: Sendable, Equatable {
    package var x: Int
    package var y: Int

    package init(_ x: Int, _ y: Int) {
        self.x = x
        self.y = y
    }
}

/// A rectangle on the paper.
package struct Frame: Sendable, Equatable {
    package var left: Int
    package var top: Int
    package var width: Int
    package var height: Int

    package init(left: Int, top: Int, width: Int, height: Int) {
        self.left = left
        self.top = top
        self.width = width
        self.height = height
    }

    package var right: Int { left + width }
    package var bottom: Int { top + height }
}

/// A curve as it is drawn: no more points than can be seen, and none of its peaks lost.
package struct Outline: Sendable, Equatable {
    /// Unbroken pieces; a piece of one point is a dot.
    package var pieces: [[Place]] = []
    /// Infinite values as marks on the edge: where along the axis, and whether at the top.
    package var infinities: [(x: Int, isTop: Bool)] = []

    package static func == (left: Outline, right: Outline) -> Bool {
        left.pieces == right.pieces
            && left.infinities.map(\.x) == right.infinities.map(\.x)
            && left.infinities.map(\.isTop) == right.infinities.map(\.isTop)
    }
}

/// Where numbers fall on the paper.
package struct Projection: Sendable {
    package let x: Scale
    package let y: Scale
    package let frame: Frame

    package init(x: Scale, y: Scale, frame: Frame) {
        self.x = x
        self.y = y
        self.frame = frame
    }

    /// Far outside is as good as just outside, and has no overflow.
    private static func limited(_ share: Double) -> Double { min(max(share, -2), 3) }

    package func horizontal(_ value: Double) -> Int {
        frame.left + Int((Self.limited(x.position(value)) * Double(frame.width)).rounded())
    }

    package func vertical(_ value: Double) -> Int {
        frame.bottom - Int((Self.limited(y.position(value)) * Double(frame.height)).rounded())
    }

    package func place(_ x: Double, _ y: Double) -> Place { Place(horizontal(x), vertical(y)) }

    /// The drawn form of a curve over `columns` columns of the frame.
    ///
    /// Of the successive points in one column the first, the last, the smallest and the largest are
    /// kept, so that a spike of one step is there at any size. Points without a place (NaN, or not
    /// above 0 on a logarithmic axis) are gaps; infinities are gaps with a mark at the edge.
    package func outline(x xs: [Double], y ys: [Double], columns: Int) -> Outline {
        var outline = Outline()
        var piece: [Place] = []
        var column = Column()
        func flush() {
            for index in column.kept { piece.append(place(xs[index], ys[index])) }
            column.isEmpty = true
        }
        func breakOff() {
            flush()
            if !piece.isEmpty { outline.pieces.append(Self.straightened(piece)) }
            piece.removeAll(keepingCapacity: true)
        }
        let limit = Double(columns) + 1
        for index in 0..<min(xs.count, ys.count) {
            let share = x.position(xs[index])
            let value = ys[index]
            guard share.isFinite, value.isFinite, Scale.hasPlace(value, on: y.kind) else {
                breakOff()
                if value.isInfinite, share >= 0, share <= 1, value > 0 || y.kind != .logarithmic {
                    outline.infinities.append((horizontal(xs[index]), value > 0))
                }
                continue
            }
            let number = Int(min(max((share * Double(columns)).rounded(.down), -1), limit))
            if column.isEmpty || number != column.number {
                flush()
                column = Column(number: number, index: index, value: value)
            } else {
                column.add(index, value, smallest: ys[column.smallest], largest: ys[column.largest])
            }
        }
        breakOff()
        return outline
    }

    /// What is kept of the successive points of one column, by their indices.
    private struct Column {
        var number = 0
        var first = 0
        var last = 0
        var smallest = 0
        var largest = 0
        var isEmpty = true

        init() {}

        init(number: Int, index: Int, value: Double) {
            self.number = number
            (first, last, smallest, largest) = (index, index, index, index)
            isEmpty = false
        }

        @inline(__always)
        mutating func add(_ index: Int, _ value: Double, smallest low: Double, largest high: Double)
        {
            last = index
            if value < low { smallest = index }
            if value > high { largest = index }
        }

        var kept: [Int] {
            if isEmpty { return [] }
            var kept = [first]
            for index in [min(smallest, largest), max(smallest, largest), last]
            where index != kept[kept.count - 1] && index > first {
                kept.append(index)
            }
            return kept
        }
    }

    /// Leaves out points on the straight way between their neighbours.
    private static func straightened(_ places: [Place]) -> [Place] {
        guard places.count > 2 else { return places }
        var result = [places[0]]
        for index in 1..<(places.count - 1) {
            let (a, b, c) = (result[result.count - 1], places[index], places[index + 1])
            let (dx, dy, ex, ey) = (b.x - a.x, b.y - a.y, c.x - b.x, c.y - b.y)
            if b == a || (dx * ey == dy * ex && dx * ex + dy * ey > 0) { continue }
            result.append(b)
        }
        result.append(places[places.count - 1])
        return result
    }
}
