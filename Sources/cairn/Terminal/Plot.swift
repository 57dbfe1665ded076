internal import Foundation

/// A curve to draw.
struct Curve {
    let name: String
    /// Steps (updates done), rising.
    let points: [(step: Int, value: Double)]
}

/// One coordinate system over log-steps, drawn with characters.
///
/// The horizontal place of a step is log10(step + 1), so that step 0 has a place. Curves are lines
/// of braille dots where the terminal shows them, else marks `o`, `x`, `+`. Points that are not
/// finite leave a gap.
struct Plot {
    var title: String
    var curves: [Curve]
    /// The range of the vertical axis; nil takes it from the curves.
    var range: ClosedRange<Double>?
    var height = 10

    private static let colors = [33, 36, 35, 32]
    private static let marks: [Character] = ["o", "x", "+", "*"]
    private static let axisWidth = 8

    /// The lines of the drawing, without line ends.
    func lines(terminal: Terminal) -> [String] {
        let width = max(20, min(terminal.columnCount, 100) - Plot.axisWidth - 2)
        let finite = curves.flatMap(\.points).filter { $0.value.isFinite }
        guard let lastStep = finite.map(\.step).max() else { return [title + ": no points"] }
        let bounds = range ?? Plot.bounds(of: finite.map(\.value))
        let scale = Scale(
            firstLog: Plot.logarithm(finite.map(\.step).min() ?? 0),
            lastLog: Plot.logarithm(lastStep), bounds: bounds, width: width, height: height)
        var canvas = Canvas(width: width, height: height, isBraille: terminal.isUnicode)
        for (index, curve) in curves.enumerated() {
            draw(curve, index: index, scale: scale, on: &canvas)
        }
        for (index, curve) in curves.enumerated() where curves.count > 1 {
            label(curve, index: index, scale: scale, on: &canvas)
        }
        let rows = canvas.rows(colors: terminal.hasColor ? Plot.colors : nil)
        return [legend(terminal)] + framed(rows, scale: scale, terminal: terminal)
    }

    private func legend(_ terminal: Terminal) -> String {
        guard curves.count > 1, !terminal.isUnicode else { return title }
        let keys = curves.enumerated().map { "\(Plot.marks[$0 % Plot.marks.count]) \($1.name)" }
        return title + "  (" + keys.joined(separator: ", ") + ")"
    }

    /// The smallest range that holds all values; a constant curve gets room on both sides.
    private static func bounds(of values: [Double]) -> ClosedRange<Double> {
        guard let low = values.min(), let high = values.max() else { return 0...1 }
        guard low < high else { return (low - 0.5)...(high + 0.5) }
        return low...high
    }

    static func logarithm(_ step: Int) -> Double { log10(Double(step) + 1) }

    private func draw(_ curve: Curve, index: Int, scale: Scale, on canvas: inout Canvas) {
        var previous: (x: Int, y: Int)?
        for point in curve.points {
            guard point.value.isFinite else {
                previous = nil
                continue
            }
            let place = canvas.isBraille ? scale.dot(point) : scale.cell(point)
            canvas.line(
                from: previous ?? place, to: place, series: index,
                mark: Plot.marks[index % Plot.marks.count])
            previous = place
        }
    }

    /// Writes the name beside the place where the curve crosses the middle of the range, or at its
    /// end where it never does.
    private func label(_ curve: Curve, index: Int, scale: Scale, on canvas: inout Canvas) {
        let middle = (scale.bounds.lowerBound + scale.bounds.upperBound) / 2
        let finite = curve.points.filter { $0.value.isFinite }
        guard let last = finite.last else { return }
        let crossing = finite.first { $0.value >= middle } ?? last
        let place = scale.cell(crossing)
        canvas.place(curve.name, beside: place.x, row: height / 2 - index % 2, series: index)
    }

    private func framed(_ rows: [String], scale: Scale, terminal: Terminal) -> [String] {
        let (bar, corner, rule) = terminal.isUnicode ? ("│", "└", "─") : ("|", "+", "-")
        var result = rows.enumerated().map { row, text in
            let label =
                row == 0
                ? scale.bounds.upperBound
                : row == rows.count - 1
                    ? scale.bounds.lowerBound
                    : row == rows.count / 2
                        ? (scale.bounds.lowerBound + scale.bounds.upperBound) / 2 : nil
            let number = label.map { NumberText.rounded($0, digits: 3) } ?? ""
            let space = String(repeating: " ", count: max(0, Plot.axisWidth - number.count))
            return space + number + " " + bar + text
        }
        let indent = String(repeating: " ", count: Plot.axisWidth + 1)
        result.append(indent + corner + String(repeating: rule, count: scale.width))
        result.append(indent + " " + tickLine(scale))
        return result
    }

    /// Names the powers of ten and the last step where they have room.
    private func tickLine(_ scale: Scale) -> String {
        var line = [Character](repeating: " ", count: scale.width)
        var ticks: [Int] = [0]
        var power = 10
        while Plot.logarithm(power) <= scale.lastLog {
            ticks.append(power)
            power *= 10
        }
        let lastStep = Int((pow(10, scale.lastLog) - 1).rounded())
        for step in [lastStep] + ticks where Plot.logarithm(step) >= scale.firstLog {
            let text = Array((step == lastStep ? "step " : "") + NumberText.grouped(step))
            let center = scale.column(step) - text.count / 2
            let start = max(0, min(center, scale.width - text.count))
            guard start >= 0, start + text.count <= scale.width else { continue }
            let neighbours = max(0, start - 2)..<min(scale.width, start + text.count + 2)
            guard line[neighbours].allSatisfy({ $0 == " " }) else { continue }
            line.replaceSubrange(start..<(start + text.count), with: text)
        }
        return String(line)
    }
}

/// From steps and values to places on the canvas.
private struct Scale {
    let firstLog: Double
    let lastLog: Double
    let bounds: ClosedRange<Double>
    let width: Int
    let height: Int

    func column(_ step: Int) -> Int { place(Plot.logarithm(step), columns: width) }

    func cell(_ point: (step: Int, value: Double)) -> (x: Int, y: Int) {
        (column(point.step), row(point.value, rows: height))
    }

    /// Braille cells are two dots wide and four high.
    func dot(_ point: (step: Int, value: Double)) -> (x: Int, y: Int) {
        (place(Plot.logarithm(point.step), columns: 2 * width), row(point.value, rows: 4 * height))
    }

    private func place(_ logarithm: Double, columns: Int) -> Int {
        let span = lastLog - firstLog
        let share = span > 0 ? (logarithm - firstLog) / span : 0
        return Int((share * Double(columns - 1)).rounded())
    }

    private func row(_ value: Double, rows: Int) -> Int {
        let span = bounds.upperBound - bounds.lowerBound
        let share = min(max((bounds.upperBound - value) / span, 0), 1)
        return Int((share * Double(rows - 1)).rounded())
    }
}

/// A grid of characters that lines are drawn on.
private struct Canvas {
    let width: Int
    let height: Int
    let isBraille: Bool
    private var dots: [UInt8]
    private var characters: [Character?]
    private var series: [Int?]

    init(width: Int, height: Int, isBraille: Bool) {
        self.width = width
        self.height = height
        self.isBraille = isBraille
        dots = [UInt8](repeating: 0, count: width * height)
        characters = [Character?](repeating: nil, count: width * height)
        series = [Int?](repeating: nil, count: width * height)
    }

    /// The bits of a braille pattern by dot row, left and right column (Unicode 2800 to 28FF).
    private static let bits: [[UInt8]] = [
        [0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80],
    ]

    /// A straight line between two places (Bresenham).
    mutating func line(
        from start: (x: Int, y: Int), to end: (x: Int, y: Int), series: Int, mark: Character
    ) {
        var (x, y) = start
        let (dx, dy) = (abs(end.x - x), -abs(end.y - y))
        let (stepX, stepY) = (x < end.x ? 1 : -1, y < end.y ? 1 : -1)
        var error = dx + dy
        while true {
            set(x, y, series: series, mark: mark)
            if x == end.x && y == end.y { return }
            let doubled = 2 * error
            if doubled >= dy {
                error += dy
                x += stepX
            }
            if doubled <= dx {
                error += dx
                y += stepY
            }
        }
    }

    private mutating func set(_ x: Int, _ y: Int, series index: Int, mark: Character) {
        let cell = isBraille ? (y / 4) * width + x / 2 : y * width + x
        if isBraille {
            dots[cell] |= Canvas.bits[y % 4][x % 2]
        } else {
            characters[cell] = mark
        }
        series[cell] = index
    }

    /// Writes text to the left of a column, or to its right, wherever the cells are free.
    mutating func place(_ text: String, beside column: Int, row: Int, series index: Int) {
        let letters = Array(text)
        for start in [column + 2, column - letters.count - 1]
        where start >= 0 && start + letters.count <= width {
            let cells = (row * width + start)..<(row * width + start + letters.count)
            guard cells.allSatisfy({ dots[$0] == 0 && characters[$0] == nil }) else { continue }
            for (cell, letter) in zip(cells, letters) {
                characters[cell] = letter
                series[cell] = index
            }
            return
        }
    }

    /// The rows as text, coloured by series where colours are given.
    func rows(colors: [Int]?) -> [String] {
        (0..<height).map { row in
            var text = ""
            var current: Int?
            for cell in (row * width)..<((row + 1) * width) {
                let color = colors.flatMap { colors in
                    series[cell].map { colors[$0 % colors.count] }
                }
                if color != current {
                    text += color.map { "\u{1b}[\($0)m" } ?? "\u{1b}[0m"
                    current = color
                }
                text.append(character(cell))
            }
            return current == nil ? trimmed(text) : text + "\u{1b}[0m"
        }
    }

    private func character(_ cell: Int) -> Character {
        if let character = characters[cell] { return character }
        guard dots[cell] != 0, let scalar = Unicode.Scalar(0x2800 + UInt32(dots[cell])) else {
            return " "
        }
        return Character(scalar)
    }

    private func trimmed(_ text: String) -> String {
        var text = text
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}
