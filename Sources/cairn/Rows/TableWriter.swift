internal import Checkpoints
internal import Foundation

/// Rows as a table for people: aligned columns, numbers to the right and with six significant digits,
/// nothing cut.
///
/// The widths come from the first rows (up to 200 of them, or those that arrive within a quarter of
/// a second); later rows that are wider simply push their line. On a terminal that is narrower than
/// the table, the least important columns are left out and named at the end; where not even two of them
/// fit, the table is turned: one line for each column, the rows beside one another if they fit and else
/// below one another.
final class TableWriter: RowWriter {
    enum Style {
        case plain
        case markdown
    }

    private static let sampleRowCount = 200
    private static let sampleTime = Duration.milliseconds(250)

    private let output: Output
    private let terminal: Terminal
    private let style: Style
    /// The columns that go last where there is no room, the most important first; all others before
    /// them, from the right.
    private let importance: [String]
    /// Whether lines may be longer than the terminal.
    private let isWide: Bool
    private var columns: [String] = []
    /// The columns that are printed, by their position.
    private var shown: [Int] = []
    private var widths: [Int] = []
    private var rightAligned: [Bool] = []
    private var waiting: [[ScalarValue]] = []
    private var started: ContinuousClock.Instant?
    private var isRunning = false
    private var isTurned = false
    private var rowCount = 0

    init(
        output: Output, terminal: Terminal, style: Style, importance: [String] = [],
        isWide: Bool = false
    ) {
        self.output = output
        self.terminal = terminal
        self.style = style
        self.importance = importance
        self.isWide = isWide
    }

    func begin(columns: [String]) throws { self.columns = columns.map(text) }

    func row(_ cells: [ScalarValue]) throws {
        guard !isRunning else { return try output.write(text(of: cells)) }
        waiting.append(cells)
        let now = ContinuousClock.now
        let first = started ?? now
        started = first
        if waiting.count >= TableWriter.sampleRowCount || now - first > TableWriter.sampleTime {
            try startPrinting()
        }
    }

    func end() throws {
        if !isRunning { try startPrinting() }
        guard shown.count < columns.count else { return }
        try output.flush()
        let names = columns.indices.filter { !shown.contains($0) }.map { columns[$0] }
        Output.error.remark(
            "Left out for want of room: \(names.joined(separator: ", ")) "
                + "(--columns NAMES chooses, --wide shows all).")
    }

    private func startPrinting() throws {
        isRunning = true
        let texts = waiting.map { $0.map(text) }
        widths = columns.indices.map { column in
            max(
                // A Markdown rule with its colon takes three characters.
                style == .markdown ? 3 : 0, DisplayWidth.of(columns[column]),
                texts.map { column < $0.count ? DisplayWidth.of($0[column]) : 0 }.max() ?? 0)
        }
        rightAligned = columns.indices.map { column in
            let cells = waiting.compactMap { column < $0.count ? $0[column] : nil }
            return cells.contains(where: \.isNumber)
                && cells.allSatisfy { $0.isNumber || $0 == .null }
        }
        chooseColumns()
        // In one piece, so that it is known at once whether it fits the screen.
        let sample =
            isTurned && fitsTurned(texts)
            ? turned(texts)
            : (isTurned ? "" : header) + waiting.map(text(of:)).joined()
        waiting = []
        try output.write(sample)
    }

    /// Leaves out columns until the rest fits the terminal, or turns the table.
    private func chooseColumns() {
        shown = Array(columns.indices)
        guard style == .plain, terminal.isInteractive, !isWide, columns.count > 1 else { return }
        let ranks = columns.map { importance.firstIndex(of: $0) ?? Int.max }
        // The first column tells rows apart and always stays.
        var candidates = columns.indices.dropFirst().sorted {
            (ranks[$0], $0) < (ranks[$1], $1)
        }
        while width(of: shown) > terminal.columnCount, let last = candidates.popLast() {
            shown.removeAll { $0 == last }
        }
        let fewest = columns.count == 2 ? 2 : min(columns.count - 1, 3)
        if shown.count < fewest {
            shown = Array(columns.indices)
            // Names with long values read best as they are, on lines that the terminal breaks.
            isTurned = columns.count > 2 || waiting.count == 1
        }
    }

    private func width(of positions: [Int]) -> Int {
        positions.reduce(0) { $0 + widths[$1] } + 2 * max(positions.count - 1, 0)
    }

    /// Whether all rows fit beside the names of the columns; more rows may not come any more.
    private func fitsTurned(_ texts: [[String]]) -> Bool {
        guard texts.count < TableWriter.sampleRowCount, texts.count > 1 else { return false }
        let names = columns.map(DisplayWidth.of).max() ?? 0
        let rows = texts.map { 2 + ($0.map(DisplayWidth.of).max() ?? 0) }
        return names + rows.reduce(0, +) <= terminal.columnCount
    }

    private func turned(_ texts: [[String]]) -> String {
        var result = ""
        let names = columns.map(DisplayWidth.of).max() ?? 0
        let rows = texts.map { $0.map(DisplayWidth.of).max() ?? 0 }
        for (position, name) in columns.enumerated() {
            var line = padded(name, to: names, right: false)
            for (row, width) in zip(texts, rows) {
                line +=
                    "  "
                    + padded(position < row.count ? row[position] : "", to: width, right: false)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            result += line + "\n"
        }
        return result
    }

    private var header: String {
        switch style {
        case .plain:
            let rules = shown.map { String(repeating: "-", count: widths[$0]) }
            return line(columns) + "\n" + rules.joined(separator: "  ") + "\n"
        case .markdown:
            let rules = zip(widths, rightAligned).map { width, isRight in
                String(repeating: "-", count: width - (isRight ? 1 : 0))
                    + (isRight ? ":" : "")
            }
            return line(columns) + "\n| " + rules.joined(separator: " | ") + " |\n"
        }
    }

    private func text(of cells: [ScalarValue]) -> String {
        rowCount += 1
        guard isTurned else { return line(cells.map(text)) + "\n" }
        let nameWidth = columns.map(DisplayWidth.of).max() ?? 0
        var result = rowCount > 1 ? "\n" : ""
        for (name, cell) in zip(columns, cells) {
            let value = text(cell)
            let separator = value.isEmpty ? "" : "  "
            result += padded(name, to: nameWidth, right: false) + separator + value + "\n"
        }
        return result
    }

    private func line(_ texts: [String]) -> String {
        let positions = texts.indices.filter { $0 >= columns.count || shown.contains($0) }
        let parts = positions.map { column in
            padded(
                texts[column], to: column < widths.count ? widths[column] : 0,
                right: column < rightAligned.count && rightAligned[column])
        }
        switch style {
        case .plain:
            var line = parts.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        case .markdown: return "| " + parts.joined(separator: " | ") + " |"
        }
    }

    private func padded(_ text: String, to width: Int, right: Bool) -> String {
        let space = String(repeating: " ", count: max(width - DisplayWidth.of(text), 0))
        return right ? space + text : text + space
    }

    private func text(_ cell: ScalarValue) -> String {
        switch cell {
        case .null, .boolean, .integer: cell.written
        case .real: cell.rounded.written
        case .text(let value): text(value)
        case .blob(let bytes): "BLOB of \(bytes.count) bytes"
        }
    }

    /// Control characters are shown, so that no cell can break the table or drive the terminal.
    private func text(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\n": result += style == .markdown ? "<br>" : "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case "|" where style == .markdown: result += "\\|"
            case _ where TerminalText.isCommand(scalar): result += TerminalText.spelled(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
