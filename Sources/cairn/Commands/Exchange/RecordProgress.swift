internal import Foundation
internal import Interchange
internal import Synchronization

/// One line on a terminal that says how far a recorded run has come, below what the trainer prints.
final class RecordProgress: Sendable {
    private struct State {
        var isDrawn = false
        /// Whether the trainer's output stands at the beginning of a line.
        var isAtStart = true
        var lastDrawn: ContinuousClock.Instant?
    }

    private let name: String
    private let isShown: Bool
    private let columnCount: Int
    private let sharesTerminal: Bool
    private let state = Mutex(State())

    private static let pause = Duration.milliseconds(200)

    init(_ name: String, isQuiet: Bool, terminal: Terminal = .error) {
        self.name = name
        isShown = !isQuiet && terminal.canRedraw
        columnCount = terminal.columnCount
        sharesTerminal = Terminal.output.isInteractive
    }

    /// Shows what is stored so far.
    func update(_ account: RecordAccount) {
        guard isShown else { return }
        state.withLock { state in
            let now = ContinuousClock.now
            // The trainer's own line is not to be cut by this one.
            guard state.isAtStart, state.lastDrawn.map({ now - $0 >= Self.pause }) ?? true else {
                return
            }
            state.lastDrawn = now
            state.isDrawn = true
            let line = Self.line(name, account).prefix(max(columnCount - 1, 10))
            Output.error.draw("\r\(line)\u{1b}[K")
        }
    }

    static func line(_ name: String, _ account: RecordAccount) -> String {
        let leftOut = account.leftOut.reduce(0) { $0 + $1.count }
        return "\(name): step \(NumberText.grouped(account.lastStep))  "
            + "\(NumberText.grouped(account.valueCount)) values  "
            + "\(NumberText.grouped(account.checkpointCount)) checkpoints"
            + (leftOut > 0 ? "  \(NumberText.grouped(leftOut)) not stored" : "")
    }

    /// Passes on what the trainer prints, in place of the line.
    func passOn(_ bytes: ArraySlice<UInt8>) throws {
        state.withLock { state in
            clear(&state)
            if sharesTerminal { state.isAtStart = bytes.last == UInt8(ascii: "\n") }
        }
        try Output.standard.write(bytes: bytes)
        try Output.standard.flush()
    }

    /// Says something on a line of its own.
    func note(_ text: String) {
        state.withLock { clear(&$0) }
        Output.error.note(text)
    }

    /// Removes the line.
    func end() { state.withLock { clear(&$0) } }

    private func clear(_ state: inout State) {
        guard state.isDrawn else { return }
        Output.error.draw("\r\u{1b}[K")
        state.isDrawn = false
    }
}
