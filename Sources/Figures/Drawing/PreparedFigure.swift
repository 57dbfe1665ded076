/// A figure with its axes settled: what any kind of drawing begins with.
struct PreparedFigure {
    struct Panel {
        let title: String
        let marks: [Mark]
        let x: Scale
        let y: Scale
    }

    let figure: Figure
    let panels: [Panel]
    /// The caption with what was left out or lies outside.
    let caption: [String]

    init(_ figure: Figure) {
        self.figure = figure
        let sharedX = Extent(figure.panels.flatMap(\.marks), \.horizontal, figure.x)
        let sharedY = Extent(figure.panels.flatMap(\.marks), \.vertical, figure.y)
        panels = figure.panels.map { panel in
            let x = figure.x.isFree ? Extent(panel.marks, \.horizontal, figure.x) : sharedX
            let y = figure.y.isFree ? Extent(panel.marks, \.vertical, figure.y) : sharedY
            return Panel(
                title: panel.title, marks: panel.marks, x: x.scale(figure.x),
                y: y.scale(figure.y))
        }
        caption = figure.caption + PreparedFigure.notes(figure, panels)
    }

    /// The entries of the legend, each name once, in the order of the marks.
    var legend: [Mark] {
        var seen: Set<String> = []
        return figure.panels.flatMap(\.marks).filter { mark in
            // The bar of the colour scale names these.
            if figure.colors != nil, case .share = mark.color { return false }
            return mark.name.map { seen.insert($0).inserted } ?? false
        }
    }

    /// Whether names stand beside the ends of curves.
    var namesDirectly: Bool {
        switch figure.naming {
        case .direct: return true
        case .legend, .none: return false
        case .automatic:
            let curves: Set<Mark.Shape> = [.line, .step, .band]
            return panels.count == 1 && (1...6).contains(legend.count)
                && legend.allSatisfy { curves.contains($0.shape) }
        }
    }

    /// Says what the picture does not show.
    private static func notes(_ figure: Figure, _ panels: [Panel]) -> [String] {
        var total = 0
        var withoutPlace = 0
        var infinite = 0
        var outside = 0
        for panel in panels {
            for mark in panel.marks where mark.shape.hasPoints {
                let ys = mark.y.isEmpty ? mark.high : mark.y
                for index in 0..<min(mark.x.count, ys.count) {
                    let (x, y) = (mark.x[index], ys[index])
                    guard !x.isNaN, !y.isNaN else { continue }
                    total += 1
                    if !Scale.hasPlace(x, on: panel.x.kind) || !Scale.hasPlace(y, on: panel.y.kind)
                    {
                        withoutPlace += 1
                    } else if x.isInfinite || y.isInfinite {
                        infinite += 1
                    } else if x < panel.x.lower || x > panel.x.upper || y < panel.y.lower
                        || y > panel.y.upper
                    {
                        outside += 1
                    }
                }
            }
        }
        var notes: [String] = []
        func count(_ count: Int) -> String {
            "\(NumberLabel.rounded(Double(count), digits: 6)) of "
                + "\(NumberLabel.rounded(Double(total), digits: 6)) points"
        }
        if withoutPlace > 0 {
            notes.append(
                "Not shown: \(count(withoutPlace)) are not above 0 and have no place on a "
                    + "logarithmic axis.")
        }
        if infinite > 0 { notes.append("\(count(infinite)) are infinite (marked at the edge).") }
        if outside > 0 && figure.countsClipped {
            notes.append("\(count(outside)) lie outside of the axes.")
        }
        return notes
    }
}

extension Mark.Shape {
    /// Whether each number of the mark is a point that a reader looks for.
    var hasPoints: Bool {
        switch self {
        case .line, .step, .points, .band, .bars: true
        case .heat, .rule, .span, .text: false
        }
    }
}

/// The range of what marks show along one axis.
private struct Extent {
    private var low = Double.infinity
    private var high = -Double.infinity

    init(_ marks: [Mark], _ numbers: KeyPath<Mark, [[Double]]>, _ axis: Figure.Axis) {
        for mark in marks {
            for list in mark[keyPath: numbers] { add(list, axis.kind) }
        }
    }

    private mutating func add(_ numbers: [Double], _ kind: Scale.Kind) {
        for number in numbers where number.isFinite && Scale.hasPlace(number, on: kind) {
            if number < low { low = number }
            if number > high { high = number }
        }
    }

    func scale(_ axis: Figure.Axis) -> Scale {
        if !axis.names.isEmpty {
            return Scale(.linear, from: -0.6, to: Double(axis.names.count) - 0.4)
        }
        // An end that is given counts in the place of the data's.
        var found = Scale(axis.kind, holding: axis.lower ?? low, axis.upper ?? high)
        let (lower, upper) = (axis.lower ?? found.lower, axis.upper ?? found.upper)
        if lower < upper { found = Scale(axis.kind, from: lower, to: upper) }
        return found
    }
}

extension Mark {
    /// The numbers that the horizontal axis has to hold.
    fileprivate var horizontal: [[Double]] {
        switch shape {
        case .span: []
        case .heat: [HeatCells.edges(x)]
        case .line, .step, .points, .band, .bars, .rule, .text: [x]
        }
    }

    /// The numbers that the vertical axis has to hold.
    fileprivate var vertical: [[Double]] {
        switch shape {
        case .span: []
        case .heat: [HeatCells.edges(y)]
        case .bars: [y, [0]]
        case .band: [y, low, high]
        case .points: [y, low, high]
        case .line, .step, .rule, .text: [y]
        }
    }
}

/// The cells of a heat map: each reaches half-way to its neighbours.
enum HeatCells {
    /// The outermost edges of the cells around these places, on a linear axis.
    static func edges(_ places: [Double]) -> [Double] {
        let sorted = Array(Set(places.filter(\.isFinite))).sorted()
        guard let first = sorted.first, let last = sorted.last else { return [] }
        guard sorted.count > 1 else { return [first - 0.5, first + 0.5] }
        // On an axis of steps nothing lies below step 0, so the first cell begins at its place.
        let below = first == 0 && sorted[1] >= 2 ? 0 : (sorted[1] - first) / 2
        return [first - below, last + (last - sorted[sorted.count - 2]) / 2]
    }
}
