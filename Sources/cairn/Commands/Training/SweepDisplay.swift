internal import Checkpoints
internal import Synchronization
internal import Training

/// Shows the workers of a sweep: on a terminal one line for each and a total below, elsewhere a line
/// for each ending and now and then one for each worker.
final class SweepDisplay: Sendable {
    private struct State {
        var ended = 0
        var failed = 0
        /// What each busy worker does, by its number.
        var running: [Int: String] = [:]
        /// When each worker was last told of outside a terminal.
        var lastTold: [Int: ContinuousClock.Instant] = [:]
        var lastDrawn = ContinuousClock.now
        /// Lines on the terminal that the next drawing replaces.
        var lineCount = 0
    }

    private static let redrawInterval = Duration.milliseconds(100)
    private static let plainInterval = Duration.seconds(30)

    private let runCount: Int
    private let isQuiet: Bool
    private let terminal: Terminal
    private let output: Output
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(
        runCount: Int, isQuiet: Bool, terminal: Terminal = .error, output: Output = .error
    ) {
        self.runCount = runCount
        self.isQuiet = isQuiet
        self.terminal = terminal
        self.output = output
    }

    func show(_ event: SweepRunner.Event) {
        guard !isQuiet else { return }
        state.withLock { state in
            switch event {
            case .began(let worker, let run):
                state.running[worker] = run
                state.lastTold[worker] = .now
            case .progress(let worker, let run, let progress):
                tell(worker, run, progress, &state)
            case .ended(let worker, let run, let ending):
                state.running[worker] = nil
                state.ended += 1
                if case .failed(let reason) = ending {
                    state.failed += 1
                    note("\(run) failed: \(reason)", &state)
                } else if !terminal.canRedraw {
                    note("\(state.ended)/\(runCount) \(run): \(words(ending))", &state)
                }
            }
        }
    }

    /// Removes what was drawn, so that what follows starts on a clean line.
    func end() { state.withLock { clear(&$0) } }

    private func tell(
        _ worker: Int, _ run: String, _ progress: TrainingProgress, _ state: inout State
    ) {
        let now = ContinuousClock.now
        if terminal.canRedraw {
            guard now - state.lastDrawn > SweepDisplay.redrawInterval else { return }
            state.running[worker] = line(run, progress)
            draw(&state, now)
        } else if now - (state.lastTold[worker] ?? start) > SweepDisplay.plainInterval {
            state.lastTold[worker] = now
            note("worker \(worker + 1): \(line(run, progress))", &state)
        }
    }

    private func line(_ run: String, _ progress: TrainingProgress) -> String {
        let percent = Int(100 * Double(progress.step) / Double(max(progress.lastStep, 1)))
        let accuracy = progress.testAccuracy ?? progress.trainAccuracy
        return "\(run)  \(percent) %  \(NumberText.grouped(progress.step)) of "
            + "\(NumberText.grouped(progress.lastStep)) steps, "
            + "\(NumberText.rounded(progress.stepsPerSecond, digits: 3)) steps/s"
            + (accuracy.map { ", accuracy \(NumberText.rounded($0, digits: 3))" }
                ?? (progress.testLoss ?? progress.trainLoss).map {
                    ", loss \(NumberText.rounded($0, digits: 3))"
                } ?? "")
    }

    private func total(_ state: State, _ now: ContinuousClock.Instant) -> String {
        let rate = Double(state.ended) / max((now - start).seconds, 1e-9)
        let left = rate > 0 ? Double(runCount - state.ended) / rate : .infinity
        return "\(state.ended)/\(runCount) runs"
            + (state.failed > 0 ? ", \(state.failed) failed" : "")
            + (left.isFinite ? ", \(NumberText.clock(seconds: left)) left" : "")
    }

    private func draw(_ state: inout State, _ now: ContinuousClock.Instant) {
        state.lastDrawn = now
        let room = max(terminal.columnCount - 1, 10)
        let lines =
            state.running.sorted { $0.key < $1.key }.map { "\($0.key + 1): \($0.value)" }
            + [total(state, now)]
        clear(&state)
        output.draw(
            lines.map { TerminalText.plain(String($0.prefix(room))) }.joined(separator: "\n"))
        state.lineCount = lines.count
    }

    private func note(_ line: String, _ state: inout State) {
        clear(&state)
        output.note(line)
    }

    private func clear(_ state: inout State) {
        guard state.lineCount > 0 else { return }
        let up = state.lineCount > 1 ? "\u{1b}[\(state.lineCount - 1)A" : ""
        output.draw("\r\(up)\u{1b}[J")
        state.lineCount = 0
    }

    private func words(_ ending: SweepRunner.Ending) -> String {
        switch ending {
        case .skipped: "finished before"
        case .notBegun: "not begun"
        case .failed: "failed"
        case .left: "left, it failed too often"
        case .elsewhere(let who): who
        case .done(let outcome): "\(outcome.status.rawValue) at step \(outcome.lastStep)"
        }
    }
}
