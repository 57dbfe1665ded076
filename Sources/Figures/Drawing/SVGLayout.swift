/// The size and the look of a drawing.
package struct SVGStyle: Sendable, Equatable {
    /// Width in millimetres.
    package var width: Double
    /// Height in millimetres; nil takes what the panels and the words need.
    package var height: Double?
    package var isDark = false
    /// What ids in the file begin with, so that several drawings can stand in one document.
    package var prefix = "f"

    package init(width: Double = oneColumn, height: Double? = nil) {
        self.width = width
        self.height = height
    }

    /// The width of one column of a paper, and of two, in millimetres.
    package static let oneColumn = 89.0
    package static let twoColumns = 183.0
}

/// Where everything of a drawing stands, in hundredths of a millimetre.
struct SVGLayout {
    /// A word above a panel, at a rule or over a span.
    struct Flag {
        let text: String
        let center: Int
        let row: Int
    }

    struct PanelLayout {
        let projection: Projection
        let xTicks: [Tick]
        let yTicks: [Tick]
        let flags: [Flag]
        let showsXLabels: Bool
        let showsYLabels: Bool
    }

    struct LegendEntry {
        let mark: Mark?
        let text: String
        let left: Int
        let baseline: Int
    }

    static let titleSize = 300.0
    static let labelSize = 265.0
    static let tickSize = 247.0
    static let captionSize = 229.0
    static let swatch = 480
    /// More names than this are counted instead of listed.
    static let longestLegend = 24
    static let yLabelHeight = 300
    private static let pad = 150
    private static let flagHeight = 285

    let width: Int
    let height: Int
    let titleLines: [(text: String, baseline: Int)]
    let captionLines: [(text: String, baseline: Int)]
    let legend: [LegendEntry]
    let panels: [PanelLayout]
    /// Where the bar of the colour scale stands; nil without one.
    let colorBar: Frame?
    let xLabelBaseline: Int
    let yLabelLines: [String]
    let yLabelCenter: Int

    init(_ prepared: PreparedFigure, _ style: SVGStyle) {
        let figure = prepared.figure
        let pad = Self.pad
        width = max(2000, Int((style.width * 100).rounded()))
        let inner = Double(width - 2 * pad)

        var cursor = pad
        titleLines = TextMetrics.wrapped(
            // Bold letters are wider.
            TextMetrics.harmless(figure.title), width: inner, size: Self.titleSize * 1.1
        ).map { line in
            cursor += 340
            return (line, cursor - 70)
        }
        (legend, cursor) = Self.legend(prepared, below: cursor, width: inner)

        let captions = prepared.caption.flatMap {
            TextMetrics.wrapped(
                TextMetrics.harmless($0), width: inner, size: Self.captionSize)
        }
        let captionHeight = captions.isEmpty ? 0 : captions.count * 285 + 120
        let grid = Grid(prepared, width: width, pad: pad)
        let titleHeight = prepared.panels.contains { !$0.title.isEmpty } ? 390 : 0
        let xLabelHeight = figure.x.label.isEmpty ? 0 : 340
        let tickHeight = 340
        let innerTicks = figure.x.isFree ? (grid.rows - 1) * tickHeight : 0

        func panelHeight(_ flagRows: Int, _ panelWidth: Int) -> Int {
            let fixed =
                cursor + grid.rows * (titleHeight + flagRows * Self.flagHeight + 130)
                + innerTicks + tickHeight + xLabelHeight + captionHeight + pad
            if let height = style.height {
                return max(600, (Int(height * 100) - fixed) / grid.rows)
            }
            guard figure.hasEqualUnits, let panel = prepared.panels.first else {
                return max(1600, Int(Double(panelWidth) * (grid.columns == 1 ? 0.58 : 0.72)))
            }
            let ratio = (panel.y.upper - panel.y.lower) / (panel.x.upper - panel.x.lower)
            return Int(Double(panelWidth) * min(max(ratio, 0.2), 3))
        }
        // The labels of the ticks need the height, and the height the width that they leave.
        let guess = panelHeight(0, grid.panelWidth(left: 1100))
        yLabelLines = TextMetrics.wrapped(
            TextMetrics.harmless(figure.y.label), width: Double(guess * grid.rows) * 0.95,
            size: Self.labelSize)
        let left =
            Self.leftMargin(prepared, height: guess)
            + max(0, yLabelLines.count - 1) * Self.yLabelHeight
        let panelWidth = grid.panelWidth(left: left)
        let flags = prepared.panels.map { Self.flags($0, width: panelWidth) }
        let flagRows = flags.flatMap { $0.map { $0.row + 1 } }.max() ?? 0
        let panelHeight = panelHeight(flagRows, panelWidth)

        var tops: [Int] = []
        for row in 0..<grid.rows {
            cursor += titleHeight + flagRows * Self.flagHeight + 130
            tops.append(cursor)
            cursor += panelHeight
            if figure.x.isFree && row + 1 < grid.rows { cursor += tickHeight }
        }
        let count = prepared.panels.count
        panels = prepared.panels.enumerated().map { index, panel in
            let column = index % grid.columns
            let frame = Frame(
                left: grid.left(of: column, margin: left), top: tops[index / grid.columns],
                width: panelWidth, height: panelHeight)
            return PanelLayout(
                projection: Projection(x: panel.x, y: panel.y, frame: frame),
                xTicks: Self.xTicks(panel.x, figure.x, length: Double(panelWidth)),
                yTicks: Self.yTicks(panel.y, figure.y, length: Double(panelHeight)),
                flags: flags[index].map {
                    Flag(
                        text: $0.text, center: frame.left + $0.center,
                        row: frame.top - 80 - $0.row * Self.flagHeight)
                },
                showsXLabels: figure.x.isFree || index + grid.columns >= count,
                showsYLabels: figure.y.isFree || column == 0)
        }
        xLabelBaseline = cursor + tickHeight + 250
        cursor += tickHeight + xLabelHeight
        yLabelCenter = ((tops.first ?? 0) + (tops.last ?? 0) + panelHeight) / 2
        let allPanels = (tops.last ?? 0) + panelHeight - (tops.first ?? 0)
        colorBar =
            figure.colors == nil
            ? nil
            : Frame(
                left: width - pad - grid.colorWidth + 200, top: tops.first ?? 0, width: 250,
                height: min(allPanels, 4500))
        if !captions.isEmpty { cursor += 120 }
        captionLines = captions.map { line in
            cursor += 285
            return (line, cursor - 70)
        }
        height = max(cursor + pad, style.height.map { Int(($0 * 100).rounded()) } ?? 0)
    }

    // MARK: Parts

    private static func legend(
        _ prepared: PreparedFigure, below top: Int, width: Double
    ) -> ([LegendEntry], Int) {
        let marks = prepared.legend
        guard prepared.figure.naming != .none, !prepared.namesDirectly, !marks.isEmpty,
            prepared.figure.colors == nil || marks.count <= longestLegend
        else { return ([], top) }
        var entries: [LegendEntry] = []
        var (left, baseline) = (pad, top + 240)
        func add(_ mark: Mark?, _ text: String) {
            let text = TextMetrics.shortened(
                TextMetrics.harmless(text), width: width * 0.6, size: tickSize)
            let extent = Int(TextMetrics.width(text, size: tickSize)) + swatch + 120
            if left > pad && left + extent > pad + Int(width) {
                left = pad
                baseline += 310
            }
            entries.append(LegendEntry(mark: mark, text: text, left: left, baseline: baseline))
            left += extent + 200
        }
        for mark in marks.prefix(longestLegend) { add(mark, mark.name ?? "") }
        if marks.count > longestLegend { add(nil, "and \(marks.count - longestLegend) more") }
        return (entries, baseline + 110)
    }

    private static func xTicks(_ scale: Scale, _ axis: Figure.Axis, length: Double) -> [Tick] {
        if !axis.names.isEmpty { return names(scale, axis, length: length) }
        return scale.ticks(length: length, gap: 160) { TextMetrics.width($0, size: tickSize) }
    }

    private static func yTicks(_ scale: Scale, _ axis: Figure.Axis, length: Double) -> [Tick] {
        if !axis.names.isEmpty {
            return axis.names.enumerated().map { index, name in
                Tick(
                    Double(index),
                    TextMetrics.shortened(
                        TextMetrics.harmless(name), width: 2600, size: tickSize))
            }
        }
        return scale.ticks(length: length, gap: 150) { _ in 210 }
    }

    private static func names(_ scale: Scale, _ axis: Figure.Axis, length: Double) -> [Tick] {
        let room = length / Double(max(1, axis.names.count)) - 80
        return axis.names.enumerated().map { index, name in
            Tick(
                Double(index),
                TextMetrics.shortened(
                    TextMetrics.harmless(name), width: max(room, 200), size: tickSize))
        }
    }

    private static func leftMargin(_ prepared: PreparedFigure, height: Int) -> Int {
        let widest =
            prepared.panels.flatMap {
                yTicks($0.y, prepared.figure.y, length: Double(height)).map {
                    TextMetrics.width($0.label, size: tickSize)
                }
            }.max() ?? 0
        return pad + (prepared.figure.y.label.isEmpty ? 0 : 330) + Int(widest) + 130
    }

    /// The words of upright rules and of spans, in rows in which they do not touch.
    private static func flags(
        _ panel: PreparedFigure.Panel, width: Int
    ) -> [(text: String, center: Int, row: Int)] {
        var wanted: [(text: String, center: Int)] = []
        for mark in panel.marks where mark.shape == .rule || mark.shape == .span {
            for (index, label) in mark.labels.enumerated() where !label.isEmpty {
                let center: Double
                if mark.shape == .rule {
                    guard index < mark.x.count else { continue }
                    center = panel.x.position(mark.x[index])
                } else {
                    guard index < mark.low.count, index < mark.high.count else { continue }
                    let ends = [mark.low[index], mark.high[index]].map {
                        min(max(panel.x.position($0), 0), 1)
                    }
                    guard ends[1] > ends[0] else { continue }
                    center = (ends[0] + ends[1]) / 2
                }
                guard center >= 0, center <= 1 else { continue }
                let text = TextMetrics.shortened(
                    TextMetrics.harmless(label), width: Double(width) * 0.8, size: captionSize)
                wanted.append((text, Int(center * Double(width))))
            }
        }
        var ends: [Int] = []
        return wanted.sorted { ($0.center, $0.text) < ($1.center, $1.text) }.map { text, center in
            let half = Int(TextMetrics.width(text, size: captionSize) / 2)
            let kept = min(max(center, half), max(width - half, half))
            let row = ends.firstIndex { $0 + 150 <= kept - half } ?? ends.count
            if row == ends.count { ends.append(0) }
            ends[row] = kept + half
            return (text, kept, row)
        }
    }
}

/// How the panels are spread over rows and columns.
private struct Grid {
    let rows: Int
    let columns: Int
    /// What the names at the ends of curves, or the colour scale, take on the right.
    let right: Int
    let colorWidth: Int
    private let width: Int
    private let between: Int
    private let isFree: Bool

    init(_ prepared: PreparedFigure, width: Int, pad: Int) {
        let count = max(1, prepared.panels.count)
        let most = max(1, width / 4100)
        rows = (count + most - 1) / most
        columns = (count + rows - 1) / rows
        self.width = width
        isFree = prepared.figure.y.isFree
        between = isFree ? 0 : 260
        colorWidth = prepared.figure.colors == nil ? 0 : 1500
        var right = pad + colorWidth
        if prepared.namesDirectly {
            let widest =
                prepared.legend.map {
                    TextMetrics.width($0.name ?? "", size: SVGLayout.tickSize)
                }.max() ?? 0
            right += min(Int(widest), width / 3) + SVGLayout.swatch + 60
        } else {
            // Half of the last label of the axis.
            right += 150
        }
        self.right = right
    }

    func panelWidth(left: Int) -> Int {
        let margins = isFree ? columns * left : left + (columns - 1) * between
        return max(800, (width - margins - right) / columns)
    }

    func left(of column: Int, margin: Int) -> Int {
        let step = panelWidth(left: margin) + (isFree ? margin : between)
        return margin + column * step
    }
}
