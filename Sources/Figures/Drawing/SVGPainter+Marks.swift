extension SVGPainter {
    mutating func paint(_ mark: Mark, on projection: Projection) {
        switch mark.shape {
        case .line: paintCurve(mark, mark.y, on: projection)
        case .step: paintCurve(mark, mark.y, on: projection)
        case .band: paintBand(mark, on: projection)
        case .points: paintPoints(mark, on: projection)
        case .bars: paintBars(mark, on: projection)
        case .heat: paintHeat(mark, on: projection)
        case .rule: paintRules(mark, on: projection)
        case .span: paintSpans(mark, on: projection)
        case .text: paintWords(mark, on: projection)
        }
    }

    private mutating func paintCurve(_ mark: Mark, _ y: [Double], on projection: Projection) {
        let outline = projection.outline(x: mark.x, y: y, columns: columnCount)
        beginCurve(mark)
        out.path(mark.shape == .step ? outline.pieces.map(Self.steps) : outline.pieces)
        endCurve(mark)
        paintInfinities(outline, mark, on: projection)
    }

    private mutating func beginCurve(_ mark: Mark) { beginStroke(mark) }

    /// Ends a curve; its name, for pointers and screen readers, is the title of the path.
    private mutating func endCurve(_ mark: Mark) {
        if let name = mark.name {
            out.line("\"><title>\(SVGText.escaped(name))</title></path>")
        } else {
            out.line("\"/>")
        }
    }

    /// A stair through the places: each height is held until the next place.
    private static func steps(_ piece: [Place]) -> [Place] {
        var result: [Place] = []
        for place in piece {
            if let last = result.last, last.y != place.y, last.x != place.x {
                result.append(Place(place.x, last.y))
            }
            result.append(place)
        }
        return result
    }

    private mutating func paintInfinities(
        _ outline: Outline, _ mark: Mark, on projection: Projection
    ) {
        guard !outline.infinities.isEmpty else { return }
        let frame = projection.frame
        var triangles: [[Place]] = []
        var last: (x: Int, isTop: Bool)?
        for infinity in outline.infinities {
            if let last, last.isTop == infinity.isTop, infinity.x - last.x < 60 { continue }
            last = infinity
            let edge = infinity.isTop ? frame.top + 10 : frame.bottom - 10
            let base = infinity.isTop ? edge + 150 : edge - 150
            triangles.append([
                Place(infinity.x, edge), Place(infinity.x - 85, base), Place(infinity.x + 85, base),
            ])
        }
        out.raw("<path fill=\"\(palette.color(mark.color).hex)\" d=\"")
        out.path(triangles, isClosed: true)
        out.line("\"/>")
    }

    private mutating func paintBand(_ mark: Mark, on projection: Projection) {
        var pieces: [[Place]] = []
        var start: Int?
        let count = min(mark.x.count, mark.low.count, mark.high.count)
        func isThere(_ index: Int) -> Bool {
            [mark.low[index], mark.high[index]].allSatisfy {
                $0.isFinite && Scale.hasPlace($0, on: projection.y.kind)
            } && projection.x.position(mark.x[index]).isFinite
        }
        for index in 0...count {
            if index < count && isThere(index) {
                if start == nil { start = index }
                continue
            }
            guard let first = start else { continue }
            start = nil
            let x = Array(mark.x[first..<index])
            let upper = projection.outline(
                x: x, y: Array(mark.high[first..<index]), columns: columnCount)
            let lower = projection.outline(
                x: x, y: Array(mark.low[first..<index]), columns: columnCount)
            let under = Array(lower.pieces.joined())
            pieces.append(Array(upper.pieces.joined()) + Array(under.reversed()))
        }
        out.raw("<path fill=\"\(palette.color(mark.color).hex)\" fill-opacity=\"0.22\" d=\"")
        out.path(pieces, isClosed: true)
        out.line("\"/>")
        if mark.y.contains(where: \.isFinite) { paintCurve(mark, mark.y, on: projection) }
    }

    private mutating func paintPoints(_ mark: Mark, on projection: Projection) {
        let radius = mark.x.count > 400 ? 45 : 70
        var seen: Set<Int> = []
        var filled: [Place] = []
        var hollow: [Place] = []
        var bars: [[Place]] = []
        for index in 0..<min(mark.x.count, mark.y.count) {
            guard projection.x.position(mark.x[index]).isFinite,
                projection.y.position(mark.y[index]).isFinite
            else { continue }
            let place = projection.place(mark.x[index], mark.y[index])
            let isOpen = index < mark.isOpen.count && mark.isOpen[index]
            // One symbol for all points that would lie within a tenth of a millimetre.
            let cell = (place.x / 10 * 100_003 + place.y / 10) * 2 + (isOpen ? 1 : 0)
            guard mark.x.count <= 400 || seen.insert(cell).inserted else { continue }
            if isOpen { hollow.append(place) } else { filled.append(place) }
            if index < mark.low.count, index < mark.high.count, mark.low[index].isFinite,
                mark.high[index].isFinite
            {
                bars.append([
                    Place(place.x, projection.vertical(mark.low[index])),
                    Place(place.x, projection.vertical(mark.high[index])),
                ])
            }
        }
        if !bars.isEmpty {
            beginStroke(Mark(.line, color: mark.color))
            out.path(bars)
            out.line("\"/>")
        }
        paintSymbols(mark, at: filled, radius: radius)
        paintSymbols(mark, at: hollow, radius: radius, isHollow: true)
        paintInfinities(
            projection.outline(x: mark.x, y: mark.y.map { $0.isInfinite ? $0 : .nan }, columns: 1),
            mark, on: projection)
    }

    /// Circles, squares, triangles and diamonds, by the number of the series.
    mutating func paintSymbols(
        _ mark: Mark, at places: [Place], radius r: Int, isHollow: Bool = false
    ) {
        guard !places.isEmpty else { return }
        let color = palette.color(mark.color).hex
        out.raw("<path class=\"points\" fill=\"\(isHollow ? palette.background.hex : color)\"")
        out.raw(" stroke=\"\(isHollow ? color : palette.background.hex)\"")
        out.raw(" stroke-width=\"\(isHollow ? 26 : 10)\" d=\"")
        var kind = 0
        if case .series(let index) = mark.color { kind = index % 4 }
        for place in places {
            let (x, y) = (place.x, place.y)
            switch kind {
            case 0:
                out.raw("M\(x - r) \(y)a\(r) \(r) 0 1 0 \(2 * r) 0a\(r) \(r) 0 1 0 \(-2 * r) 0z")
            case 1: out.raw("M\(x - r) \(y - r)h\(2 * r)v\(2 * r)h\(-2 * r)z")
            case 2: out.raw("M\(x) \(y - r - r / 4)l\(r + r / 4) \(2 * r)h\(-2 * (r + r / 4))z")
            default:
                out.raw(
                    "M\(x) \(y - r - r / 3)l\(r) \(r + r / 3)l\(-r) \(r + r / 3)l\(-r) \(-r - r / 3)z"
                )
            }
        }
        if let name = mark.name {
            out.line("\"><title>\(SVGText.escaped(name))</title></path>")
        } else {
            out.line("\"/>")
        }
    }

    private mutating func paintBars(_ mark: Mark, on projection: Projection) {
        let places = mark.x.filter { projection.x.position($0).isFinite }
            .map(projection.horizontal).sorted()
        let gaps = zip(places.dropFirst(), places).map { $0 - $1 }.filter { $0 > 0 }
        let width = max(12, min((gaps.min() ?? 900) * 7 / 10, 900))
        let zero =
            projection.y.kind == .logarithmic
            ? projection.frame.bottom : projection.vertical(0)
        out.raw("<path class=\"bars\" fill=\"\(palette.color(mark.color).hex)\" d=\"")
        for (x, y) in zip(mark.x, mark.y)
        where projection.x.position(x).isFinite && projection.y.position(y).isFinite {
            let place = projection.place(x, y)
            out.raw("M\(place.x - width / 2) \(zero)V\(place.y)h\(width)V\(zero)z")
        }
        out.line("\"/>")
    }

    private mutating func paintRules(_ mark: Mark, on projection: Projection) {
        let frame = projection.frame
        beginStroke(mark)
        for index in 0..<max(mark.x.count, mark.y.count) {
            let x = index < mark.x.count ? mark.x[index] : .nan
            let y = index < mark.y.count ? mark.y[index] : .nan
            if projection.x.position(x).isFinite {
                out.raw("M\(projection.horizontal(x)) \(frame.top)v\(frame.height)")
            } else if x.isNaN && projection.y.position(y).isFinite {
                out.raw("M\(frame.left) \(projection.vertical(y))h\(frame.width)")
            }
        }
        out.line("\"/>")
        for (index, label) in mark.labels.enumerated()
        where !label.isEmpty && index < mark.y.count && mark.y[index].isFinite {
            guard index >= mark.x.count || mark.x[index].isNaN else { continue }
            out.text(
                label, x: frame.right - 60, y: Self.baseline(of: mark.y[index], on: projection),
                size: SVGLayout.captionSize, anchor: "end", color: palette.quiet)
        }
    }

    /// Above a level rule, or below it where there is no room above.
    private static func baseline(of value: Double, on projection: Projection) -> Int {
        let y = projection.vertical(value)
        return y - 320 < projection.frame.top ? y + 230 : y - 60
    }

    private mutating func paintSpans(_ mark: Mark, on projection: Projection) {
        for (index, (low, high)) in zip(mark.low, mark.high).enumerated() {
            let frame = projection.frame
            let left = low.isFinite ? max(projection.horizontal(low), frame.left) : frame.left
            let right = high.isFinite ? min(projection.horizontal(high), frame.right) : frame.right
            guard right > left else { continue }
            let isOwn = mark.color != .neutral
            // Neighbouring phases differ: every other one is left blank.
            guard isOwn || mark.low.count == 1 || index % 2 == 0 else { continue }
            let fill = isOwn ? palette.color(mark.color).hex : palette.shade.hex
            if isOwn { out.raw("<g fill-opacity=\"0.14\">") }
            out.rectangle(
                Frame(left: left, top: frame.top, width: right - left, height: frame.height),
                fill: fill)
            if isOwn { out.line("</g>") }
        }
    }

    private mutating func paintWords(_ mark: Mark, on projection: Projection) {
        for (index, label) in mark.labels.enumerated()
        where !label.isEmpty && index < mark.x.count && index < mark.y.count {
            guard projection.x.position(mark.x[index]).isFinite,
                projection.y.position(mark.y[index]).isFinite
            else { continue }
            let place = projection.place(mark.x[index], mark.y[index])
            let extent = Int(TextMetrics.width(label, size: SVGLayout.captionSize))
            let fitsRight = place.x + 110 + extent <= projection.frame.right
            out.text(
                label, x: fitsRight ? place.x + 110 : place.x - 110, y: place.y - 90,
                size: SVGLayout.captionSize, anchor: fitsRight ? "start" : "end",
                color: palette.text)
        }
    }
}
