internal import Foundation

/// What the other end of a file descriptor can show.
struct Terminal: Sendable, Equatable {
    /// Whether a person sits at the other end.
    var isInteractive: Bool
    /// Whether lines may be redrawn.
    var canRedraw: Bool
    /// Whether colours are welcome.
    var hasColor: Bool
    /// Whether characters beyond ASCII can be shown.
    var isUnicode: Bool
    var columnCount: Int
    var rowCount = 24

    /// Standard output.
    static var output: Terminal { Terminal(descriptor: 1) }
    /// Standard error.
    static var error: Terminal { Terminal(descriptor: 2) }
    /// A file or a pipe.
    static let plain = Terminal(
        isInteractive: false, canRedraw: false, hasColor: false, isUnicode: true, columnCount: 80)

    init(
        isInteractive: Bool, canRedraw: Bool, hasColor: Bool, isUnicode: Bool, columnCount: Int
    ) {
        self.isInteractive = isInteractive
        self.canRedraw = canRedraw
        self.hasColor = hasColor
        self.isUnicode = isUnicode
        self.columnCount = columnCount
    }

    /// Shows text of standard output in pages where it does not fit this terminal.
    func showPages() {
        guard canRedraw, let command = Pager.command(ProcessInfo.processInfo.environment) else {
            return
        }
        Output.standard.beginPages(
            on: Paging.Screen(
                rowCount: max(rowCount - 1, 1), columnCount: columnCount, command: command))
    }

    init(descriptor: Int32) {
        let environment = ProcessInfo.processInfo.environment
        let kind = environment["TERM"] ?? ""
        let isDumb = kind.isEmpty || kind == "dumb"
        isInteractive = isatty(descriptor) == 1
        canRedraw = isInteractive && !isDumb
        hasColor = canRedraw && (environment["NO_COLOR"] ?? "").isEmpty
        isUnicode = Terminal.isUnicode(environment)
        var size = winsize()
        let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0
        columnCount = Terminal.extent("COLUMNS", environment, isKnown ? size.ws_col : 0) ?? 80
        rowCount = Terminal.extent("LINES", environment, isKnown ? size.ws_row : 0) ?? 24
    }

    /// The first of LC_ALL, LC_CTYPE and LANG that is set decides; none set counts as Unicode, as
    /// in containers, where all terminals of today show it.
    private static func isUnicode(_ environment: [String: String]) -> Bool {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"]
        guard let locale = names.lazy.compactMap({ environment[$0] }).first(where: { !$0.isEmpty })
        else { return true }
        let lowered = locale.lowercased()
        return lowered.contains("utf-8") || lowered.contains("utf8")
    }

    /// What the environment says comes before what the terminal says.
    private static func extent(
        _ name: String, _ environment: [String: String], _ told: UInt16
    ) -> Int? {
        if let number = environment[name].flatMap(Int.init), number > 0 { return number }
        return told > 0 ? Int(told) : nil
    }
}
