internal import Checkpoints
internal import Training

/// What became of the runs of a sweep.
struct SweepReport {
    private let sweep: Sweep
    private let endings: [SweepRunner.Ending]

    init(_ sweep: Sweep, _ endings: [SweepRunner.Ending]) {
        self.sweep = sweep
        self.endings = endings
    }

    /// Prints one row for each run.
    func write(to rows: RowOptions) throws {
        let lines = zip(sweep.runs, endings).map { run, ending -> [ScalarValue] in
            func line(_ word: String, _ reason: String? = nil) -> [ScalarValue] {
                [
                    .text(run.name), .text(word), .null, .null, .null,
                    reason.map { .text($0) } ?? .null,
                ]
            }
            switch ending {
            case .skipped: return line("skipped")
            case .notBegun: return line("not begun")
            case .failed(let reason): return line("failed", reason)
            case .left(let reason): return line("left", "failed too often: \(reason)")
            case .elsewhere(let who): return line("elsewhere", who)
            case .done(let outcome):
                let accuracy = ScalarValue(outcome.metrics[MetricName.testAccuracy])
                let loss = ScalarValue(outcome.metrics[MetricName.testLoss])
                return [
                    .text(run.name), .text(outcome.status.rawValue), ScalarValue(outcome.lastStep),
                    rows.format == .table ? accuracy.rounded : accuracy,
                    rows.format == .table ? loss.rounded : loss, .null,
                ]
            }
        }
        try rows.writer().write(
            columns: ["run", "ended", "step", "test_accuracy", "test_loss", "reason"], rows: lines)
        try Output.standard.flush()
    }

    /// Throws one sentence where runs failed, now or too often before.
    func throwFailures() throws {
        let failed = endings.count { if case .failed = $0 { true } else { false } }
        let left = endings.count { if case .left = $0 { true } else { false } }
        guard failed + left > 0 else { return }
        throw UserError(
            .failure, subject: "sweep \(sweep.name)",
            cause: "\(failed + left) of \(sweep.runs.count) runs failed",
            advice: failed > 0
                ? "start it again after mending the cause; finished runs are skipped"
                : "mend the cause and start it with --retry-failed")
    }
}
