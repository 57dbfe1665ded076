internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints
internal import Figures
internal import Foundation

/// `cairn watch`: curves in a terminal while runs train.
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Watch the curves of runs in the terminal, live.",
        discussion: """
            Left and right choose the curve, up and down one run or all, l a logarithmic vertical \
            axis; q leaves. Without a run, the newest one is watched.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(
        help: "Runs, by the start of their ids or by their names.", completion: NameCompletion.runs)
    var runs: [String] = []

    func run() throws {
        let terminal = Terminal.output
        guard terminal.canRedraw, isatty(0) == 1 else {
            throw UserError.usage(
                subject: "watch", cause: "it needs a terminal",
                advice: "cairn plot draws into files and pipes")
        }
        StopSignals.listen()
        let session = try ArchiveAccess(common).session()
        var ids = try runs.map { try session.runID(matching: $0) }
        if ids.isEmpty {
            let newest = try session.rows(
                """
                SELECT run FROM runs ORDER BY status = 'running' DESC, created_at DESC LIMIT 1
                """)
            guard case .text(let run)?? = newest.first?.first else {
                throw UserError.missing(
                    subject: "archive \(common.archivePath)", cause: "it has no run to watch",
                    advice: "cairn train makes one")
            }
            ids = [run]
        }
        guard let mode = KeyMode() else {
            throw UserError.missing(subject: "watch", cause: "the terminal passes no keys on")
        }
        // The other screen, so that leaving gives back what was there.
        Output.standard.draw("\u{1b}[?1049h\u{1b}[?25l")
        defer {
            Output.standard.draw("\u{1b}[?25h\u{1b}[?1049l")
            mode.leave()
        }
        try loop(WatchedCurves(session: session, runs: ids))
    }

    private func loop(_ curves: WatchedCurves) throws {
        var curves = curves
        var view = WatchView()
        var drawn = ""
        while !StopSignals.isRequested {
            try curves.update()
            // The terminal may have another size by now.
            let text = view.text(curves, terminal: .output, rowCount: Self.rowCount)
            if text != drawn {
                Output.standard.draw(text)
                drawn = text
            }
            for key in KeyMode.keys(within: .milliseconds(500)) where !view.take(key, curves) {
                return
            }
        }
    }

    /// The rows of the terminal.
    private static var rowCount: Int {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 24 }
        return Int(size.ws_row)
    }
}

/// The points of the watched runs; only those that are new are asked for.
struct WatchedCurves {
    let session: SQLSession
    let runs: [String]
    private(set) var names: [String] = []
    private(set) var labels: [String] = []
    private var marks: [String: [String: Mark]] = [:]
    private var last: [String: Int] = [:]

    init(session: SQLSession, runs: [String]) {
        self.session = session
        self.runs = runs
    }

    func mark(_ run: String, _ metric: String) -> Mark? { marks[run]?[metric] }

    mutating func update() throws {
        labels = try runs.map { run in
            let rows = try session.rows(
                "SELECT name, status, last_step FROM runs WHERE run = :run",
                parameters: ["run": .text(run)])
            guard let row = rows.first else { return run }
            let step = row[2].integer.map { ", step " + NumberText.grouped($0) } ?? ""
            return "\(row[0].string ?? run) (\(row[1].string ?? "?")\(step))"
        }
        for run in runs {
            let rows = try session.rows(
                """
                SELECT name, step, value FROM metrics
                WHERE run = :run AND step > :after
                    AND name IN (SELECT name FROM metric_summaries WHERE run = :run)
                ORDER BY step
                """,
                parameters: ["run": .text(run), "after": .integer(last[run] ?? -1)])
            for row in rows {
                guard case .text(let name) = row[0], case .integer(let step) = row[1] else {
                    continue
                }
                last[run] = max(last[run] ?? -1, step)
                marks[run, default: [:]][name, default: Mark(.line)].x.append(Double(step))
                marks[run, default: [:]][name, default: Mark(.line)].y.append(
                    row[2].real ?? .nan)
                if !names.contains(name) { names.append(name) }
            }
        }
        names.sort { ($0.hasSuffix("loss") ? 1 : 0, $0) < ($1.hasSuffix("loss") ? 1 : 0, $1) }
    }
}

/// Which of the curves are looked at.
struct WatchView {
    /// Kinds of curves that are drawn together, such as both accuracies.
    private var kind = 0
    /// The run that is looked at; nil for all.
    private var run: Int?
    private var isLog: Bool?

    enum Key: Equatable {
        case left, right, up, down
        case letter(Character)
    }

    /// Curves that share an axis: those whose names end alike.
    static func kinds(_ names: [String]) -> [(label: String, names: [String])] {
        var kinds: [(label: String, names: [String])] = []
        for name in names {
            let label =
                name.hasSuffix("_accuracy") ? "accuracy" : name.hasSuffix("_loss") ? "loss" : name
            if let index = kinds.firstIndex(where: { $0.label == label }) {
                kinds[index].names.append(name)
            } else {
                kinds.append((label, [name]))
            }
        }
        return kinds
    }

    /// Follows a key; false to leave.
    mutating func take(_ key: Key, _ curves: WatchedCurves) -> Bool {
        let kinds = Self.kinds(curves.names).count
        switch key {
        case .left: kind = (kind + max(1, kinds) - 1) % max(1, kinds)
        case .right: kind = (kind + 1) % max(1, kinds)
        case .down: run = run.map { $0 + 1 < curves.runs.count ? $0 + 1 : nil } ?? 0
        case .up: run = run.map { $0 > 0 ? $0 - 1 : nil } ?? curves.runs.count - 1
        case .letter("l"):
            isLog = !(isLog ?? (kind < kinds && Self.kinds(curves.names)[kind].label == "loss"))
        case .letter("q"), .letter("\u{3}"): return false
        case .letter: break
        }
        if [.left, .right].contains(key) { isLog = nil }
        return true
    }

    func text(_ curves: WatchedCurves, terminal: Terminal, rowCount: Int) -> String {
        var lines: [String] = []
        let kinds = Self.kinds(curves.names)
        if kinds.isEmpty {
            lines = curves.labels.map(TextMetrics.harmless) + ["", "No points yet."]
        } else {
            let chosen = kinds[min(kind, kinds.count - 1)]
            let shown = run.map { [$0] } ?? Array(curves.runs.indices)
            let isLog = isLog ?? (chosen.label == "loss")
            var marks: [Mark] = []
            for index in shown {
                for name in chosen.names {
                    guard var mark = curves.mark(curves.runs[index], name) else { continue }
                    let short = name.replacing("_" + chosen.label, with: "")
                    mark.name =
                        shown.count == 1
                        ? short : "\(curves.labels[index].prefix { $0 != " " }) \(short)"
                    mark.color = .series(marks.count)
                    marks.append(mark)
                }
            }
            let figure = Figure(
                title: shown.map { curves.labels[$0] }.joined(separator: ", "),
                x: .init("step", .symmetricLogarithmic(unit: 1)),
                y: .init(chosen.label, isLog ? .logarithmic : .linear),
                panels: [.init(marks: marks)])
            var style = TerminalStyle(terminal, rowCount: max(4, rowCount - 8))
            style.columnCount = terminal.columnCount
            lines = TerminalDrawing(figure, style: style).lines
        }
        let help = "←→ curve  ↑↓ run  l log  q leaves"
        lines = Array(lines.prefix(max(1, rowCount - 1)))
        lines.append(terminal.isUnicode ? help : "arrows: curve, run  l log  q leaves")
        // Each line is cleared to its end, and what is below is cleared too.
        return "\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J"
    }
}

/// A terminal that passes every key on at once; `leave` restores what it was.
private struct KeyMode {
    private let before: termios

    init?() {
        var mode = termios()
        guard tcgetattr(0, &mode) == 0 else { return nil }
        before = mode
        mode.c_lflag &= ~UInt32(ICANON | ECHO)
        guard tcsetattr(0, TCSADRAIN, &mode) == 0 else { return nil }
    }

    func leave() {
        var mode = before
        tcsetattr(0, TCSADRAIN, &mode)
    }

    /// The keys that were pressed until one was, or until the time was over.
    static func keys(within limit: Duration) -> [WatchView.Key] {
        var events = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(limit.components.attoseconds / 1_000_000_000_000_000)
        guard poll(&events, 1, milliseconds) > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(0, &bytes, bytes.count)
        // The end of input is the end of watching.
        guard count > 0 else { return [.letter("q")] }
        return parsed(Array(bytes.prefix(count)))
    }

    private static func parsed(_ bytes: [UInt8]) -> [WatchView.Key] {
        var keys: [WatchView.Key] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x1b, index + 2 < bytes.count,
                [0x5b, 0x4f].contains(bytes[index + 1])
            {
                let arrows: [UInt8: WatchView.Key] = [
                    0x41: .up, 0x42: .down, 0x43: .right, 0x44: .left,
                ]
                if let key = arrows[bytes[index + 2]] { keys.append(key) }
                index += 3
            } else {
                keys.append(.letter(Character(Unicode.Scalar(bytes[index]))))
                index += 1
            }
        }
        return keys
    }
}
