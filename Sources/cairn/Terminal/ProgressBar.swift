internal import Checkpoints

/// Shows how far long work has come, on standard error.
///
/// On a terminal one line is redrawn ten times a second; elsewhere a line appears every ten
/// seconds; with `--quiet` nothing does.
final class ProgressBar {
    private let label: String
    private let unit: String
    private let total: Int
    private let terminal: Terminal
    private let isQuiet: Bool
    private let output: Output
    private let start = ContinuousClock.now
    private var firstDone: Int?
    private var lastShown: ContinuousClock.Instant
    private var isDrawn = false

    /// A bar for `total` units of work, for example steps.
    init(
        _ label: String, unit: String, total: Int, isQuiet: Bool, terminal: Terminal = .error,
        output: Output = .error
    ) {
        self.label = label
        self.unit = unit
        self.total = total
        self.isQuiet = isQuiet
        self.terminal = terminal
        self.output = output
        lastShown = start
    }

    /// Tells that `done` units are complete; `detail` is shown behind the numbers.
    func update(_ done: Int, detail: @autoclosure () -> String = "") {
        guard !isQuiet else { return }
        let first = firstDone ?? done
        firstDone = first
        let now = ContinuousClock.now
        let pause: Duration = terminal.canRedraw ? .milliseconds(100) : .seconds(10)
        guard now - lastShown >= pause else { return }
        lastShown = now
        let elapsed = (now - start).seconds
        let rate = elapsed > 0 ? Double(done - first) / elapsed : 0
        if terminal.canRedraw {
            let line = barLine(done: done, rate: rate, detail: detail())
            output.draw("\r\(TerminalText.plain(line))\u{1b}[K")
            isDrawn = true
        } else {
            output.note(plainLine(done: done, rate: rate, detail: detail()))
        }
    }

    /// Removes the bar, so that what follows starts on a clean line.
    func end() {
        guard isDrawn else { return }
        output.draw("\r\u{1b}[K")
        isDrawn = false
    }

    /// The bar that fits the terminal: the detail goes first where there is little room, then the
    /// bar itself.
    func barLine(done: Int, rate: Double, detail: String) -> String {
        let numbers = "\(percentage(done)) %  \(counts(done))\(speed(done: done, rate: rate))"
        let room = max(terminal.columnCount - 1, 10)
        let barWidth = min(24, room - label.count - numbers.count - 3)
        let bar = barWidth >= 6 ? " " + drawnBar(done, width: barWidth) + " " : " "
        var line = label + bar + numbers
        if !detail.isEmpty, DisplayWidth.of(line) + 2 + detail.count <= room {
            line += "  " + detail
        }
        return String(line.prefix(room))
    }

    private func plainLine(done: Int, rate: Double, detail: String) -> String {
        "\(label): \(counts(done)) (\(percentage(done)) %)\(speed(done: done, rate: rate))"
            + (detail.isEmpty ? "" : "  " + detail)
    }

    private func drawnBar(_ done: Int, width: Int) -> String {
        let filled = min(width, max(0, width * done / max(total, 1)))
        let (full, empty) = terminal.isUnicode ? ("█", "░") : ("#", ".")
        return String(repeating: full, count: filled)
            + String(repeating: empty, count: width - filled)
    }

    private func percentage(_ done: Int) -> String {
        let value = String(100 * done / max(total, 1))
        return String(repeating: " ", count: max(0, 3 - value.count)) + value
    }

    private func counts(_ done: Int) -> String {
        "\(NumberText.grouped(done))/\(NumberText.grouped(total)) \(unit)"
    }

    private func speed(done: Int, rate: Double) -> String {
        guard rate > 0 else { return "" }
        let left = NumberText.clock(seconds: Double(total - done) / rate)
        return "  \(NumberText.rounded(rate, digits: 3)) \(unit)/s  \(left) left"
    }
}
