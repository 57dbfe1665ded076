/// The cells of a heat map on the paper, no finer than can be seen.
struct HeatGrid {
    /// A cell with the share of the colour scale; NaN values have no cell.
    struct Cell {
        let frame: Frame
        let share: Double
    }

    let cells: [Cell]
    /// How many columns of the data at most share a column of the drawing.
    let merged: Int

    /// The cells of a mark; `scale` leads from values to shares of the colour scale.
    ///
    /// Columns narrower than `finest` are drawn as one, each cell with the largest of its values.
    init(_ mark: Mark, on projection: Projection, scale: Scale, finest: Int) {
        let frame = projection.frame
        let columns = Self.bounds(mark.x, frame.left, frame.right, projection.horizontal)
        let rows = Self.bounds(mark.y, frame.top, frame.bottom, projection.vertical)
        var largest: [Int: (frame: Frame, value: Double, count: Int)] = [:]
        for index in 0..<min(mark.x.count, mark.y.count, mark.value.count) {
            let value = mark.value[index]
            guard !value.isNaN, let column = columns[mark.x[index]], let row = rows[mark.y[index]]
            else { continue }
            let isNarrow = column.1 - column.0 < finest
            let place = isNarrow ? (column.0 + column.1) / 2 / finest : column.0
            let key = (place &* 1_000_003 &+ row.0) &* 2 &+ (isNarrow ? 1 : 0)
            let left = isNarrow ? place * finest : column.0
            let width = isNarrow ? finest : column.1 - column.0
            let cell = Frame(left: left, top: row.0, width: width, height: row.1 - row.0)
            let present = largest[key]
            largest[key] = (cell, max(value, present?.value ?? value), (present?.count ?? 0) + 1)
        }
        merged = largest.values.map(\.count).max() ?? 0
        cells = largest.sorted { $0.key < $1.key }.map {
            Cell(frame: $0.value.frame, share: min(max(scale.position($0.value.value), 0), 1))
        }
    }

    /// The two edges of the cell around each number: half-way to its neighbours on the paper.
    private static func bounds(
        _ numbers: [Double], _ first: Int, _ last: Int, _ project: (Double) -> Int
    ) -> [Double: (Int, Int)] {
        let values = Array(Set(numbers.filter(\.isFinite)))
        let places = values.map { (value: $0, place: project($0)) }
            .sorted { ($0.place, $0.value) < ($1.place, $1.value) }
        var result: [Double: (Int, Int)] = [:]
        for (index, item) in places.enumerated() {
            let before = index > 0 ? places[index - 1].place : nil
            let after = index + 1 < places.count ? places[index + 1].place : nil
            let half = (after.map { $0 - item.place } ?? before.map { item.place - $0 } ?? 400) / 2
            let low = before.map { ($0 + item.place) / 2 } ?? item.place - half
            let high = after.map { ($0 + item.place) / 2 } ?? item.place + half
            guard high > first, low < last else { continue }
            result[item.value] = (max(low, first), min(max(high, low + 1), last))
        }
        return result
    }
}

extension SVGPainter {
    mutating func paintHeat(_ mark: Mark, on projection: Projection) {
        guard let scale = prepared.figure.colors?.scale else { return }
        let grid = HeatGrid(mark, on: projection, scale: scale, finest: 25)
        let levels = 96
        var byLevel = [[Frame]](repeating: [], count: levels + 1)
        for cell in grid.cells {
            guard !cell.share.isNaN else { continue }
            byLevel[Int((cell.share * Double(levels)).rounded())].append(cell.frame)
        }
        out.line("<g shape-rendering=\"crispEdges\">")
        for (level, frames) in byLevel.enumerated() where !frames.isEmpty {
            out.raw("<path fill=\"\(Palette.scale(Double(level) / Double(levels)).hex)\" d=\"")
            for frame in frames {
                out.raw(
                    "M\(frame.left) \(frame.top)h\(frame.width)v\(frame.height)h-\(frame.width)z")
            }
            out.line("\"/>")
        }
        out.line("</g>")
    }
}
