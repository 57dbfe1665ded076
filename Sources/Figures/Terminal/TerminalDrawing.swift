/// What a terminal shows, and how much of it a figure may take.
package struct TerminalStyle: Sendable, Equatable {
    package var columnCount: Int
    /// Rows of each panel, without its axis.
    package var rowCount: Int
    package var hasColor: Bool
    package var isUnicode: Bool

    package init(
        columnCount: Int, rowCount: Int = 14, hasColor: Bool = false, isUnicode: Bool = true
    ) {
        self.columnCount = columnCount
        self.rowCount = rowCount
        self.hasColor = hasColor
        self.isUnicode = isUnicode
    }
}

/// A figure as lines of text: curves in braille dots where the terminal has them, else in letters.
package struct TerminalDrawing {
    /// Without line ends; none is wider than the terminal, which counts as 40 columns at least.
    package let lines: [String]

    package init(_ figure: Figure, style: TerminalStyle) {
        let prepared = PreparedFigure(figure)
        var painter = TerminalPainter(prepared, style)
        lines = painter.paint()
    }
}

private struct TerminalPainter {
    private let prepared: PreparedFigure
    private let style: TerminalStyle
    private let width: Int
    private static let colors = [36, 33, 35, 32, 34, 31]
    private static let letters: [Character] = ["o", "x", "+", "*", "#", "%"]

    init(_ prepared: PreparedFigure, _ style: TerminalStyle) {
        self.prepared = prepared
        self.style = style
        width = max(40, style.columnCount)
    }

    mutating func paint() -> [String] {
        let title = shown(prepared.figure.title)
        var lines = title.isEmpty ? [] : wrapped(title)
        lines += legend()
        for panel in prepared.panels {
            if !panel.title.isEmpty { lines += wrapped(shown(panel.title)) }
            lines += paint(panel)
        }
        for sentence in prepared.caption { lines += wrapped(shown(sentence)) }
        return lines
    }

    /// A text without anything that steers the terminal, and in ASCII where it has nothing else.
    private func shown(_ text: String) -> String {
        style.isUnicode ? TextMetrics.harmless(text) : Self.plain(TextMetrics.harmless(text))
    }

    private func wrapped(_ text: String) -> [String] {
        // No line becomes longer than the terminal, even where one word is.
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            let word = String(word.prefix(width))
            if !line.isEmpty && line.count + word.count + 1 > width {
                lines.append(line)
                line = word
            } else {
                line += (line.isEmpty ? "" : " ") + word
            }
        }
        return lines + [line]
    }

    /// Characters beyond ASCII that the drawing itself uses, for terminals without them.
    private static func plain(_ text: String) -> String {
        let marks: [Character: String] = [
            "−": "-", "×": "x", "∞": "inf", "…": "...", "≥": ">=", "≤": "<=", "–": "-",
        ]
        let superscripts: [Character: Character] = [
            "⁻": "-", "⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6",
            "⁷": "7", "⁸": "8", "⁹": "9",
        ]
        var result = ""
        var isRaised = false
        for character in text {
            if let digit = superscripts[character] {
                if !isRaised { result += "^" }
                result.append(digit)
                isRaised = true
                continue
            }
            isRaised = false
            if let mark = marks[character] {
                result += mark
            } else {
                result += character.isASCII ? String(character) : "?"
            }
        }
        return result
    }

    // MARK: Names

    private var showsNamesInside: Bool { (2...6).contains(prepared.legend.count) }

    private func legend() -> [String] {
        if let colors = prepared.figure.colors {
            let (low, high) = (
                shown(NumberLabel.rounded(colors.scale.lower)),
                shown(NumberLabel.rounded(colors.scale.upper))
            )
            let shades = style.isUnicode ? "·░▒▓█" : ".:-=#"
            let isHeat = prepared.panels.contains { $0.marks.contains { $0.shape == .heat } }
            let bar = isHeat ? " \(shades) " : " to "
            return wrapped(shown(colors.label) + ": " + low + bar + high)
        }
        let marks = prepared.legend
        guard prepared.figure.naming != .none, marks.count > 1,
            !style.isUnicode || !showsNamesInside
        else { return [] }
        let entries = marks.prefix(12).map { mark in
            let name = short(shown(mark.name ?? ""), width - 4)
            return (text: style.isUnicode ? name : "\(letter(mark)) \(name)", color: color(mark))
        }
        let more =
            marks.count > entries.count
            ? [(text: "and \(marks.count - entries.count) more", color: Int?.none)] : []
        var lines = [""]
        var length = 0
        for entry in entries + more {
            if length > 0 && length + entry.text.count + 2 > width {
                lines.append("")
                length = 0
            }
            let text =
                style.hasColor && entry.color != nil
                ? "\u{1b}[\(entry.color ?? 0)m\(entry.text)\u{1b}[0m" : entry.text
            lines[lines.count - 1] += (length > 0 ? ", " : "") + text
            length += entry.text.count + (length > 0 ? 2 : 0)
        }
        return lines
    }

    private func short(_ text: String, _ count: Int) -> String {
        text.count <= count
            ? text : String(text.prefix(max(1, count - 1))) + (style.isUnicode ? "…" : "~")
    }

    private func color(_ mark: Mark) -> Int? {
        switch mark.color {
        case .series(let index): Self.colors[index % Self.colors.count]
        case .share(let share): Self.colors[min(Int(share * 6), 5)]
        case .neutral: 90
        }
    }

    private func letter(_ mark: Mark) -> Character {
        switch mark.color {
        case .series(let index): Self.letters[index % Self.letters.count]
        case .share(let share): Self.letters[min(Int(share * 6), 5)]
        case .neutral: "."
        }
    }

    // MARK: Panels

    private func paint(_ panel: PreparedFigure.Panel) -> [String] {
        let height = max(4, style.rowCount)
        let yTicks = ticks(panel.y, prepared.figure.y, length: Double(height - 1), gap: 0.5) { _ in
            1
        }
        let labels = yTicks.filter { !$0.label.isEmpty }
        let axisWidth = min(max(labels.map(\.label.count).max() ?? 1, 3), width / 3)
        let plotWidth = width - axisWidth - 3
        var canvas = DotCanvas(width: plotWidth, height: height, isBraille: style.isUnicode)
        let projection = Projection(
            x: panel.x, y: panel.y,
            frame: Frame(
                left: 0, top: 0, width: canvas.dotWidth - 1, height: canvas.dotHeight - 1))
        let marks = panel.marks.enumerated().sorted {
            ($0.element.shape.depth, $0.offset) < ($1.element.shape.depth, $1.offset)
        }.map(\.element)
        for mark in marks { paint(mark, on: projection, &canvas) }
        if showsNamesInside && style.isUnicode { name(panel.marks, on: projection, &canvas) }

        let (bar, corner, rule) = style.isUnicode ? ("│", "└", "─") : ("|", "+", "-")
        var byRow: [Int: String] = [:]
        for tick in labels {
            let row = projection.vertical(tick.value) / (style.isUnicode ? 4 : 1)
            if (0..<height).contains(row) { byRow[row] = short(tick.label, axisWidth) }
        }
        var lines: [String] = []
        if !prepared.figure.y.label.isEmpty {
            lines.append(
                short(
                    String(repeating: " ", count: axisWidth + 1)
                        + shown(prepared.figure.y.label), width))
        }
        lines += flags(panel, width: plotWidth, indent: axisWidth + 2)
        lines += canvas.rows(hasColor: style.hasColor).enumerated().map { row, text in
            let label = byRow[row] ?? ""
            return String(repeating: " ", count: axisWidth - label.count) + label + " " + bar + text
        }
        lines.append(
            String(repeating: " ", count: axisWidth + 1) + corner
                + String(repeating: rule, count: plotWidth))
        let indent = String(repeating: " ", count: axisWidth + 2)
        let xTicks = ticks(panel.x, prepared.figure.x, length: Double(plotWidth - 1), gap: 2) {
            Double($0.count)
        }
        lines.append(indent + tickLine(xTicks, panel.x, width: plotWidth))
        if !prepared.figure.x.label.isEmpty {
            let label = short(shown(prepared.figure.x.label), plotWidth)
            lines.append(
                indent + String(repeating: " ", count: max(0, (plotWidth - label.count) / 2))
                    + label)
        }
        return lines
    }

    private func ticks(
        _ scale: Scale, _ axis: Figure.Axis, length: Double, gap: Double,
        extent: (String) -> Double
    ) -> [Tick] {
        if axis.names.isEmpty {
            return scale.ticks(length: length, gap: gap) { extent(shown($0)) }
                .map { Tick($0.value, shown($0.label)) }
        }
        return axis.names.enumerated().map {
            Tick(Double($0.offset), short(shown($0.element), 12))
        }
    }

    private func tickLine(_ ticks: [Tick], _ scale: Scale, width: Int) -> String {
        var line = [Character](repeating: " ", count: width)
        for tick in ticks where !tick.label.isEmpty {
            let share = scale.position(tick.value)
            guard share >= 0, share <= 1 else { continue }
            let text = Array(tick.label)
            let center = Int((share * Double(width - 1)).rounded())
            let start = max(0, min(center - text.count / 2, width - text.count))
            guard start >= 0, start + text.count <= width else { continue }
            let around = max(0, start - 1)..<min(width, start + text.count + 1)
            guard line[around].allSatisfy({ $0 == " " }) else { continue }
            line.replaceSubrange(start..<(start + text.count), with: text)
        }
        var text = String(line)
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }

    /// The words of upright rules and of spans above the panel.
    private func flags(_ panel: PreparedFigure.Panel, width: Int, indent: Int) -> [String] {
        var rows: [[Character]] = []
        var wanted: [(text: String, center: Double)] = []
        for mark in panel.marks where mark.shape == .rule || mark.shape == .span {
            for (index, label) in mark.labels.enumerated() where !label.isEmpty {
                if mark.shape == .rule, index < mark.x.count {
                    wanted.append((label, panel.x.position(mark.x[index])))
                } else if mark.shape == .span, index < mark.low.count, index < mark.high.count {
                    let ends = [mark.low[index], mark.high[index]].map {
                        min(max(panel.x.position($0), 0), 1)
                    }
                    if ends[1] > ends[0] { wanted.append((label, (ends[0] + ends[1]) / 2)) }
                }
            }
        }
        for (label, center) in wanted.sorted(by: { $0.center < $1.center })
        where center >= 0 && center <= 1 {
            let text = Array(short(shown(label), width))
            let start = max(
                0, min(Int(center * Double(width - 1)) - text.count / 2, width - text.count))
            let cells = max(0, start - 1)..<min(width, start + text.count + 1)
            var row = rows.firstIndex { $0[cells].allSatisfy { $0 == " " } } ?? rows.count
            if row == rows.count {
                rows.append([Character](repeating: " ", count: width))
                row = rows.count - 1
            }
            rows[row].replaceSubrange(start..<(start + text.count), with: text)
        }
        return rows.reversed().map { row in
            var text = String(repeating: " ", count: indent) + String(row)
            while text.hasSuffix(" ") { text.removeLast() }
            return text
        }
    }

    // MARK: Marks

    private func paint(_ mark: Mark, on projection: Projection, _ canvas: inout DotCanvas) {
        let (color, letter) = (color(mark), letter(mark))
        switch mark.shape {
        case .line, .step: curve(mark, mark.y, on: projection, &canvas)
        case .band:
            shade(mark, on: projection, &canvas)
            curve(mark, mark.y, on: projection, &canvas)
        case .points:
            for (x, y) in zip(mark.x, mark.y)
            where projection.x.position(x).isFinite && projection.y.position(y).isFinite {
                let place = projection.place(x, y)
                for dx in 0...1 {
                    for dy in 0...1 {
                        canvas.set(place.x + dx, place.y + dy, color: color, letter: letter)
                    }
                }
            }
        case .bars:
            let zero =
                projection.y.kind == .logarithmic
                ? projection.frame.bottom : projection.vertical(0)
            for (x, y) in zip(mark.x, mark.y)
            where projection.x.position(x).isFinite && projection.y.position(y).isFinite {
                let place = projection.place(x, y)
                for dx in 0...1 {
                    canvas.line(
                        from: Place(place.x + dx, zero), to: Place(place.x + dx, place.y),
                        color: color, letter: letter)
                }
            }
        case .rule: rules(mark, on: projection, &canvas)
        case .span: break
        case .heat: heat(mark, on: projection, &canvas)
        case .text:
            for (index, label) in mark.labels.enumerated()
            where index < mark.x.count && index < mark.y.count {
                let place = projection.place(mark.x[index], mark.y[index])
                canvas.name(
                    shown(label), beside: place.x / (canvas.isBraille ? 2 : 1),
                    row: place.y / (canvas.isBraille ? 4 : 1), color: nil)
            }
        }
    }

    private func curve(
        _ mark: Mark, _ y: [Double], on projection: Projection, _ canvas: inout DotCanvas
    ) {
        let (color, letter) = (color(mark), letter(mark))
        let outline = projection.outline(x: mark.x, y: y, columns: canvas.dotWidth)
        for piece in outline.pieces {
            guard var last = piece.first else { continue }
            canvas.set(last.x, last.y, color: color, letter: letter)
            for place in piece.dropFirst() {
                if mark.shape == .step {
                    let corner = Place(place.x, last.y)
                    canvas.line(from: last, to: corner, color: color, letter: letter)
                    last = corner
                }
                canvas.line(from: last, to: place, color: color, letter: letter)
                last = place
            }
        }
        for infinity in outline.infinities {
            let mark: Character =
                canvas.isBraille ? (infinity.isTop ? "▲" : "▼") : (infinity.isTop ? "^" : "v")
            canvas.put(
                mark, column: infinity.x / (canvas.isBraille ? 2 : 1),
                row: infinity.isTop ? 0 : canvas.height - 1, color: color)
        }
    }

    private func shade(_ mark: Mark, on projection: Projection, _ canvas: inout DotCanvas) {
        for bound in [mark.low, mark.high] {
            let outline = projection.outline(x: mark.x, y: bound, columns: canvas.dotWidth)
            for piece in outline.pieces {
                for (number, place) in piece.enumerated() where number % 2 == 0 {
                    canvas.set(place.x, place.y, color: color(mark), letter: ".")
                }
            }
        }
    }

    private func rules(_ mark: Mark, on projection: Projection, _ canvas: inout DotCanvas) {
        for index in 0..<max(mark.x.count, mark.y.count) {
            let x = index < mark.x.count ? mark.x[index] : .nan
            let y = index < mark.y.count ? mark.y[index] : .nan
            if projection.x.position(x).isFinite {
                let column = projection.horizontal(x)
                for row in stride(from: 0, to: canvas.dotHeight, by: canvas.isBraille ? 3 : 1) {
                    canvas.set(column, row, color: color(mark), letter: ":")
                }
            } else if x.isNaN && projection.y.position(y).isFinite {
                let row = projection.vertical(y)
                for column in stride(from: 0, to: canvas.dotWidth, by: canvas.isBraille ? 3 : 1) {
                    canvas.set(column, row, color: color(mark), letter: ".")
                }
                if index < mark.labels.count {
                    canvas.name(
                        shown(mark.labels[index]), beside: canvas.width,
                        row: row / (canvas.isBraille ? 4 : 1) - 1, color: nil)
                }
            }
        }
    }

    private func heat(_ mark: Mark, on projection: Projection, _ canvas: inout DotCanvas) {
        guard let scale = prepared.figure.colors?.scale else { return }
        let shades = Array(style.isUnicode ? " ·░▒▓█" : " .:-=#")
        let (across, down) = canvas.isBraille ? (2, 4) : (1, 1)
        let grid = HeatGrid(mark, on: projection, scale: scale, finest: across)
        var largest: [Int: Double] = [:]
        for cell in grid.cells where !cell.share.isNaN {
            for row in (cell.frame.top / down)...max(cell.frame.top, cell.frame.bottom - 1) / down {
                let columns =
                    (cell.frame.left / across)...max(cell.frame.left, cell.frame.right - 1) / across
                for column in columns where column < canvas.width && row < canvas.height {
                    let key = row * canvas.width + column
                    largest[key] = max(largest[key] ?? 0, cell.share)
                }
            }
        }
        for (key, share) in largest {
            canvas.fill(
                shades[min(Int(share * 6), 5)], column: key % canvas.width, row: key / canvas.width,
                color: nil)
        }
    }

    /// Writes each name beside the place where its curve crosses the middle, or at its end where it
    /// never does.
    private func name(_ marks: [Mark], on projection: Projection, _ canvas: inout DotCanvas) {
        var seen: Set<String> = []
        for mark in marks {
            guard let name = mark.name, seen.insert(name).inserted, !mark.y.isEmpty else {
                continue
            }
            let visible = zip(mark.x, mark.y).filter { x, y in
                (0...1).contains(projection.x.position(x)) && projection.y.position(y).isFinite
            }
            guard let last = visible.last else { continue }
            let crossing = visible.first { projection.y.position($0.1) >= 0.5 } ?? last
            let place = projection.place(crossing.0, crossing.1)
            canvas.name(
                short(shown(name), 24),
                beside: place.x / (canvas.isBraille ? 2 : 1),
                row: canvas.height / 2 - seen.count % 2, color: color(mark))
        }
    }
}
