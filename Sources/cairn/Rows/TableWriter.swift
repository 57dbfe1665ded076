internal import Checkpoints
internal import Foundation

/// Rows as a table for people: aligned columns, numbers to the right, nothing cut.
///
/// The widths come from the first rows (up to 200 of them, or those that arrive within a quarter of
/// a second); later rows that are wider simply push their line. On a terminal that is narrower than
/// the table each row becomes a small list instead, one line per column.
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
    private var columns: [String] = []
    private var widths: [Int] = []
    private var rightAligned: [Bool] = []
    private var waiting: [[ScalarValue]] = []
    private var started: ContinuousClock.Instant?
    private var isRunning = false
    private var isExpanded = false
    private var rowCount = 0

    init(output: Output, terminal: Terminal, style: Style) {
        self.output = output
        self.terminal = terminal
        self.style = style
    }

    func begin(columns: [String]) throws { self.columns = columns.map(text) }

    func row(_ cells: [ScalarValue]) throws {
        guard !isRunning else { return try print(cells) }
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
        let total = widths.reduce(0, +) + 2 * max(widths.count - 1, 0)
        isExpanded = style == .plain && terminal.isInteractive && total > terminal.columnCount
        if !isExpanded { try printHeader() }
        for cells in waiting { try print(cells) }
        waiting = []
    }

    private func printHeader() throws {
        try output.write(line(columns) + "\n")
        switch style {
        case .plain:
            try output.write(
                widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ") + "\n")
        case .markdown:
            let rules = zip(widths, rightAligned).map { width, isRight in
                String(repeating: "-", count: width - (isRight ? 1 : 0))
                    + (isRight ? ":" : "")
            }
            try output.write("| " + rules.joined(separator: " | ") + " |\n")
        }
    }

    private func print(_ cells: [ScalarValue]) throws {
        rowCount += 1
        guard isExpanded else { return try output.write(line(cells.map(text)) + "\n") }
        let nameWidth = columns.map(DisplayWidth.of).max() ?? 0
        if rowCount > 1 { try output.write("\n") }
        for (name, cell) in zip(columns, cells) {
            let value = text(cell)
            let separator = value.isEmpty ? "" : "  "
            try output.write(padded(name, to: nameWidth, right: false) + separator + value + "\n")
        }
    }

    private func line(_ texts: [String]) -> String {
        let parts = texts.indices.map { column in
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
        case .null, .boolean, .integer, .real: cell.written
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
