/// A figure as SVG 1.1 with real text; the same figure gives the same bytes.
///
/// One unit of the file is a hundredth of a millimetre. Only what LaTeX, Inkscape and librsvg take
/// is used: paths, rectangles, text, clip paths.
package struct SVGDrawing: Sendable {
    /// Where a panel's data lie, so that a program can turn places back into numbers.
    package struct Panel: Sendable, Equatable {
        package let frame: Frame
        package let x: Scale
        package let y: Scale
    }

    package let text: String
    /// In hundredths of a millimetre.
    package let width: Int
    package let height: Int
    package let panels: [Panel]

    package init(_ figure: Figure, style: SVGStyle = SVGStyle()) {
        let prepared = PreparedFigure(figure)
        let layout = SVGLayout(prepared, style)
        var painter = SVGPainter(prepared, layout, style)
        text = painter.paint()
        width = layout.width
        height = layout.height
        panels = layout.panels.map {
            Panel(frame: $0.projection.frame, x: $0.projection.x, y: $0.projection.y)
        }
    }
}

/// Writes the file from back to front.
struct SVGPainter {
    let prepared: PreparedFigure
    let layout: SVGLayout
    let palette: Palette
    let prefix: String
    var out = SVGText()
    /// Points of all curves that may be written: more would weigh more than they show.
    private static let pointBudget = 128_000
    let columnCount: Int

    init(_ prepared: PreparedFigure, _ layout: SVGLayout, _ style: SVGStyle) {
        self.prepared = prepared
        self.layout = layout
        palette = style.isDark ? .dark : .light
        prefix = style.prefix
        let curves = prepared.panels.reduce(0) { $0 + $1.marks.count }
        let visible = (layout.panels.first?.projection.frame.width ?? 1000) / 8
        columnCount = max(32, min(visible, Self.pointBudget / (4 * max(1, curves))))
    }

    mutating func paint() -> String {
        let (width, height) = (layout.width, layout.height)
        out.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
        out.raw("<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\"")
        out.raw(" width=\"\(Self.millimetres(width))\" height=\"\(Self.millimetres(height))\"")
        out.raw(" viewBox=\"0 0 \(width) \(height)\" role=\"img\"")
        out.line(" aria-labelledby=\"\(prefix)t\">")
        out.line("<title id=\"\(prefix)t\">\(SVGText.escaped(prepared.figure.title))</title>")
        if !prepared.caption.isEmpty {
            out.line("<desc>\(SVGText.escaped(prepared.caption.joined(separator: " ")))</desc>")
        }
        out.rectangle(
            Frame(left: 0, top: 0, width: width, height: height), fill: palette.background.hex)
        out.line(
            "<g font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\">")
        for line in layout.titleLines {
            out.text(
                line.text, x: 150, y: line.baseline, size: SVGLayout.titleSize,
                color: palette.text, isBold: true)
        }
        for entry in layout.legend { paint(entry) }
        for index in prepared.panels.indices { paintPanel(index) }
        paintAxisLabels()
        if let bar = layout.colorBar, let colors = prepared.figure.colors { paint(colors, in: bar) }
        for line in layout.captionLines {
            out.text(
                line.text, x: 150, y: line.baseline, size: SVGLayout.captionSize,
                color: palette.quiet)
        }
        out.line("</g>")
        out.line("</svg>")
        return String(decoding: out.bytes, as: UTF8.self)
    }

    private static func millimetres(_ length: Int) -> String {
        let (whole, part) = (length / 100, length % 100)
        return part == 0 ? "\(whole)mm" : "\(whole).\(part < 10 ? "0" : "")\(part)mm"
    }

    // MARK: Panels

    private mutating func paintPanel(_ index: Int) {
        let panel = prepared.panels[index]
        let place = layout.panels[index]
        let frame = place.projection.frame
        out.line(
            "<clipPath id=\"\(prefix)c\(index)\"><rect x=\"\(frame.left)\" y=\"\(frame.top)\""
                + " width=\"\(frame.width)\" height=\"\(frame.height)\"/></clipPath>")
        if !panel.title.isEmpty {
            let flagTop = place.flags.map(\.row).min() ?? frame.top + 100
            out.text(
                TextMetrics.shortened(
                    TextMetrics.harmless(panel.title), width: Double(frame.width),
                    size: SVGLayout.labelSize), x: frame.left,
                y: min(frame.top, flagTop - 200) - 90,
                size: SVGLayout.labelSize, color: palette.text, isBold: true)
        }
        out.line("<g clip-path=\"url(#\(prefix)c\(index))\">")
        let marks = panel.marks.enumerated().sorted {
            ($0.element.shape.depth, $0.offset) < ($1.element.shape.depth, $1.offset)
        }.map(\.element)
        for mark in marks where mark.shape.depth == 0 { paint(mark, on: place.projection) }
        if !marks.contains(where: { $0.shape == .heat }) { paintGrid(place) }
        for mark in marks where mark.shape.depth > 0 { paint(mark, on: place.projection) }
        out.line("</g>")
        for flag in place.flags {
            out.text(
                flag.text, x: flag.center, y: flag.row, size: SVGLayout.captionSize,
                anchor: "middle", color: palette.quiet)
        }
        paintAxes(place)
        if prepared.namesDirectly { paintNames(of: panel, on: place.projection) }
    }

    private mutating func paintGrid(_ place: SVGLayout.PanelLayout) {
        let frame = place.projection.frame
        let lines = place.yTicks.filter { !$0.label.isEmpty }
        guard !lines.isEmpty, prepared.figure.y.names.isEmpty else { return }
        out.raw("<path fill=\"none\" stroke=\"\(palette.grid.hex)\" stroke-width=\"12\" d=\"")
        for tick in lines {
            out.raw("M\(frame.left) \(place.projection.vertical(tick.value))h\(frame.width)")
        }
        out.line("\"/>")
    }

    private mutating func paintAxes(_ place: SVGLayout.PanelLayout) {
        let frame = place.projection.frame
        out.raw("<path fill=\"none\" stroke=\"\(palette.quiet.hex)\" stroke-width=\"18\" d=\"")
        out.raw("M\(frame.left) \(frame.top)v\(frame.height)h\(frame.width)")
        for tick in place.xTicks where (0...1).contains(place.projection.x.position(tick.value)) {
            let x = place.projection.horizontal(tick.value)
            out.raw("M\(x) \(frame.bottom)v\(tick.label.isEmpty ? 45 : 80)")
        }
        for tick in place.yTicks where (0...1).contains(place.projection.y.position(tick.value)) {
            let y = place.projection.vertical(tick.value)
            out.raw("M\(frame.left) \(y)h-\(tick.label.isEmpty ? 45 : 80)")
        }
        out.line("\"/>")
        if place.showsXLabels {
            for tick in place.xTicks where !tick.label.isEmpty {
                out.text(
                    tick.label, x: place.projection.horizontal(tick.value), y: frame.bottom + 310,
                    size: SVGLayout.tickSize, anchor: "middle", color: palette.text)
            }
        }
        guard place.showsYLabels else { return }
        for tick in place.yTicks where !tick.label.isEmpty {
            out.text(
                tick.label, x: frame.left - 130, y: place.projection.vertical(tick.value) + 85,
                size: SVGLayout.tickSize, anchor: "end", color: palette.text)
        }
    }

    private mutating func paintAxisLabels() {
        let frames = layout.panels.map(\.projection.frame)
        guard let left = frames.map(\.left).min(), let right = frames.map(\.right).max(),
            let top = frames.map(\.top).min(), let bottom = frames.map(\.bottom).max()
        else { return }
        if !prepared.figure.x.label.isEmpty {
            out.text(
                TextMetrics.shortened(
                    TextMetrics.harmless(prepared.figure.x.label), width: Double(right - left),
                    size: SVGLayout.labelSize),
                x: (left + right) / 2, y: layout.xLabelBaseline, size: SVGLayout.labelSize,
                anchor: "middle", color: palette.text)
        }
        for (index, line) in layout.yLabelLines.enumerated() {
            out.text(
                TextMetrics.shortened(
                    line, width: Double(bottom - top), size: SVGLayout.labelSize),
                x: 150 + 210 + index * SVGLayout.yLabelHeight, y: layout.yLabelCenter,
                size: SVGLayout.labelSize, anchor: "middle", color: palette.text, rotated: true)
        }
    }

    // MARK: Names

    private mutating func paint(_ entry: SVGLayout.LegendEntry) {
        if let mark = entry.mark {
            paintSwatch(mark, left: entry.left, middle: entry.baseline - 85)
        }
        out.text(
            entry.text, x: entry.left + SVGLayout.swatch + 80, y: entry.baseline,
            size: SVGLayout.tickSize, color: palette.text)
    }

    private mutating func paintSwatch(_ mark: Mark, left: Int, middle: Int) {
        let color = palette.color(mark.color).hex
        switch mark.shape {
        case .points:
            paintSymbols(mark, at: [Place(left + SVGLayout.swatch / 2, middle)], radius: 80)
        case .bars, .heat, .span:
            out.rectangle(
                Frame(left: left + 120, top: middle - 100, width: 240, height: 200), fill: color)
        case .band, .line, .step, .rule, .text:
            if mark.shape == .band {
                out.raw("<g fill-opacity=\"0.22\">")
                out.rectangle(
                    Frame(left: left, top: middle - 100, width: SVGLayout.swatch, height: 200),
                    fill: color)
                out.line("</g>")
            }
            beginStroke(mark)
            out.line("M\(left) \(middle)h\(SVGLayout.swatch)\"/>")
        }
    }

    /// Names at the right of the curves' ends, pushed apart, each tied to its curve by a line.
    private mutating func paintNames(of panel: PreparedFigure.Panel, on projection: Projection) {
        let frame = projection.frame
        var ends: [(mark: Mark, y: Int)] = []
        var seen: Set<String> = []
        for mark in panel.marks {
            guard let name = mark.name, seen.insert(name).inserted else { continue }
            let last = Array(zip(mark.x, mark.y)).last { x, y in
                y.isFinite && Scale.hasPlace(y, on: projection.y.kind)
                    && (0...1).contains(projection.x.position(x))
            }
            guard let last else { continue }
            ends.append((mark, min(max(projection.vertical(last.1), frame.top), frame.bottom)))
        }
        let order = ends.indices.sorted { (ends[$0].y, $0) < (ends[$1].y, $1) }
        ends = order.map { ends[$0] }
        let spread = Self.spread(
            ends.map(\.y), apart: 300, from: frame.top + 60, to: frame.bottom - 60)
        for ((mark, y), labelY) in zip(ends, spread) {
            beginStroke(mark)
            out.line(
                "M\(frame.right) \(y)L\(frame.right + 180) \(labelY)h\(SVGLayout.swatch - 230)\"/>")
            out.text(
                TextMetrics.shortened(
                    TextMetrics.harmless(mark.name ?? ""), width: Double(layout.width) / 3,
                    size: SVGLayout.tickSize),
                x: frame.right + SVGLayout.swatch, y: labelY + 85, size: SVGLayout.tickSize,
                color: palette.text)
        }
    }

    /// Rising places moved as little as needed to be `apart` from each other.
    static func spread(_ places: [Int], apart: Int, from low: Int, to high: Int) -> [Int] {
        var result: [Int] = []
        for place in places {
            result.append(max(place, low, (result.last ?? low - apart) + apart))
        }
        var limit = high
        for index in result.indices.reversed() {
            result[index] = min(result[index], limit)
            limit = result[index] - apart
        }
        return result
    }

    private mutating func paint(_ colors: Figure.ColorScale, in bar: Frame) {
        let steps = 48
        let isHeat = prepared.panels.contains { $0.marks.contains { $0.shape == .heat } }
        for step in 0..<steps {
            let share = (Double(step) + 0.5) / Double(steps)
            let color = isHeat ? Palette.scale(share) : palette.legendColor(share)
            let (top, bottom) = (
                bar.bottom - bar.height * (step + 1) / steps, bar.bottom - bar.height * step / steps
            )
            out.rectangle(
                Frame(left: bar.left, top: top, width: bar.width, height: bottom - top + 4),
                fill: color.hex)
        }
        out.rectangle(bar, fill: "none", stroke: palette.quiet.hex)
        let ticks = colors.scale.ticks(length: Double(bar.height), gap: 250) { _ in 210 }
        for tick in ticks where !tick.label.isEmpty {
            let share = colors.scale.position(tick.value)
            guard share >= 0, share <= 1 else { continue }
            let y = bar.bottom - Int(share * Double(bar.height))
            out.text(
                tick.label, x: bar.right + 80, y: y + 85, size: SVGLayout.tickSize,
                color: palette.text)
        }
        out.text(
            TextMetrics.shortened(
                TextMetrics.harmless(colors.label), width: Double(bar.height),
                size: SVGLayout.tickSize),
            x: bar.left - 70, y: bar.top + bar.height / 2, size: SVGLayout.tickSize,
            anchor: "middle", color: palette.text, rotated: true)
    }

    /// Begins a path in a mark's stroke; the caller writes its commands and `"/>`.
    mutating func beginStroke(_ mark: Mark) {
        let color = palette.color(mark.color).hex
        let width = mark.shape == .rule ? 18 : 30
        out.raw("<path class=\"\(mark.shape.rawValue)\" fill=\"none\" stroke=\"\(color)\"")
        out.raw(" stroke-width=\"\(width)\" stroke-linejoin=\"round\"")
        let dash = palette.dash(mark)
        if dash.isEmpty {
            out.raw(" stroke-linecap=\"round\"")
        } else {
            out.raw(" stroke-dasharray=\"\(dash.map(String.init).joined(separator: " "))\"")
        }
        out.raw(" d=\"")
    }
}

extension Mark.Shape {
    /// Deeper marks are painted first.
    var depth: Int {
        switch self {
        case .span, .heat: 0
        case .rule: 1
        case .bars: 2
        case .band: 3
        case .line, .step: 4
        case .points: 5
        case .text: 6
        }
    }
}
