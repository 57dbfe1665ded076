import Figures
import TestSupport
import Testing

@Suite struct ThinningTests {
    private static func outline(
        _ x: [Double], _ y: [Double], columns: Int, width: Int = 1000, height: Int = 1000
    ) -> (Outline, Projection) {
        let finite = y.filter(\.isFinite)
        let projection = Projection(
            x: Scale(.linear, from: x[0], to: x[x.count - 1]),
            y: Scale(.linear, holding: finite.min() ?? 0, finite.max() ?? 1),
            frame: Frame(left: 0, top: 0, width: width, height: height))
        return (projection.outline(x: x, y: y, columns: columns), projection)
    }

    /// A spike of one step in a million is there at any size, on paper and in a terminal.
    @Test(arguments: [20, 64, 300, 2000]) func aSpikeOfOneStepIsVisibleAtAnySize(columns: Int) {
        var generator = SeededGenerator(seed: 7)
        let x = (0..<1_000_000).map(Double.init)
        var y = x.map { _ in Double.random(in: 0...0.01, using: &generator) }
        y[619_303] = 1
        let (outline, projection) = ThinningTests.outline(x, y, columns: columns)
        let places = outline.pieces.joined()
        #expect(places.contains { $0.y == projection.vertical(1) })
        #expect(places.count <= 4 * (columns + 3))
        var figure = Figure(
            title: "", x: .init(""), y: .init(""), panels: [.init(marks: [Mark(.line)])])
        figure.panels[0].marks[0].x = x
        figure.panels[0].marks[0].y = y
        let terminal = TerminalDrawing(
            figure, style: TerminalStyle(columnCount: columns, rowCount: 8))
        // The upper half holds nothing but the spike.
        #expect(
            terminal.lines.prefix(4).joined().unicodeScalars.contains {
                (0x2801...0x28ff).contains($0.value)
            })
    }

    @Test(arguments: 0..<50) func everyColumnKeepsItsEndsAndExtremes(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let x = (0..<997).map(Double.init)
        let y = x.map { _ in Double.random(in: -5...5, using: &generator) }
        let columns = Int.random(in: 3...60, using: &generator)
        let (outline, projection) = ThinningTests.outline(x, y, columns: columns, width: 900)
        let drawn = Set(outline.pieces.joined().map { "\($0.x) \($0.y)" })
        var byColumn: [Int: [Int]] = [:]
        for index in x.indices {
            byColumn[Int(projection.x.position(x[index]) * Double(columns)), default: []]
                .append(index)
        }
        for indices in byColumn.values {
            let smallest = indices.min { y[$0] < y[$1] } ?? 0
            let largest = indices.max { y[$0] < y[$1] } ?? 0
            for index in [indices[0], indices[indices.count - 1], smallest, largest] {
                let place = projection.place(x[index], y[index])
                #expect(drawn.contains("\(place.x) \(place.y)"), "seed \(seed)")
            }
        }
    }

    @Test func notANumberIsAGapAndInfinityAMarkAtTheEdge() {
        let x = (0..<9).map(Double.init)
        let y: [Double] = [1, 2, .nan, 3, .infinity, 4, -.infinity, 5, .nan]
        let (outline, _) = ThinningTests.outline(x, y, columns: 100)
        #expect(outline.pieces.count == 4)
        #expect(outline.infinities.map(\.isTop) == [true, false])
    }

    @Test func aPathMayGoBack() {
        let x: [Double] = [0, 5, 10, 5, 0, 5, 10]
        let projection = Projection(
            x: Scale(.linear, from: 0, to: 10), y: Scale(.linear, from: 0, to: 6),
            frame: Frame(left: 0, top: 0, width: 100, height: 60))
        let outline = projection.outline(x: x, y: [0, 1, 2, 3, 4, 5, 6], columns: 1000)
        #expect(outline.pieces.count == 1)
        #expect(outline.pieces[0].last == Place(100, 0) && outline.pieces[0].count >= 4)
    }
}
