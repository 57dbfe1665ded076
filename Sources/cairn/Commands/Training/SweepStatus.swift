internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// How the runs of a sweep stand, from the archive and its queue alone.
struct SweepStatus {
    private let sweep: Sweep
    private let common: CommonOptions

    init(_ sweep: Sweep, common: CommonOptions) {
        self.sweep = sweep
        self.common = common
    }

    private struct Line {
        let run: String
        var state = "missing"
        var step: Int?
        var reason: String?
        var failureCount = 0
        /// The share of the run that is done.
        var share = 0.0
    }

    /// Prints a row for each run, and what is left on standard error.
    func write(to writer: any RowWriter) throws {
        let (lines, seconds) = try lines()
        try writer.write(
            columns: ["run", "state", "step", "reason"],
            rows: lines.map {
                [
                    .text($0.run), .text($0.state), ScalarValue($0.step),
                    $0.reason.map { .text($0) } ?? .null,
                ]
            })
        try Output.standard.flush()
        let counts = Dictionary(grouping: lines, by: \.state).mapValues(\.count)
        let words = ["finished", "running", "interrupted", "missing", "failed", "waiting"]
            .compactMap { state in counts[state].map { "\($0) \(state)" } }
        common.note("\(lines.count) runs: \(words.joined(separator: ", ")).")
        let open = lines.filter { !["finished", "waiting", "failed"].contains($0.state) }
        guard !open.isEmpty, let seconds else { return }
        let work = open.reduce(0) { $0 + 1 - $1.share } * seconds
        let running = counts["running"] ?? 0
        common.note(
            "A run took \(NumberText.clock(seconds: seconds)) on average; the \(open.count) left take "
                + (running > 0
                    ? "\(NumberText.clock(seconds: work / Double(running))) if \(running) go on at a time."
                    : "\(NumberText.clock(seconds: work)), one after the other; none is running."))
    }

    /// The runs that nobody has done or is doing, and the seconds that those took which have finished.
    ///
    /// A run that has failed too often is not among them.
    func missing(retryingFailed: Bool = false) throws -> (names: Set<String>, seconds: Double?) {
        let (lines, seconds) = try lines()
        let missing = lines.filter { line in
            ["missing", "interrupted"].contains(line.state)
                || line.state == "failed"
                    && (retryingFailed || line.failureCount < RunStanding.largestFailureCount)
        }
        return (Set(missing.map(\.run)), seconds)
    }

    /// The runs, and the seconds that those took which have finished.
    private func lines() throws -> (lines: [Line], seconds: Double?) {
        var lines = sweep.runs.map { Line(run: $0.name) }
        guard Archive.isArchive(common.archivePath) else { return (lines, nil) }
        let archive = try ArchiveAccess(common).openReadOnly()
        let queue = IncomingQueue(common.archivePath)
        let holders = try SharedClaim.holders(in: queue)
        let watch = TaskWatch(queue)
        let waiting = try queue.waitingRuns()
        let standings = Dictionary(
            grouping: try archive.standings(ofSweep: sweep.name), by: \.name)
        var durations: [Double] = []
        for (index, run) in sweep.runs.enumerated() {
            let configuration = try run.configuration.json
            let standing = standings[run.name]?.last { $0.configuration == configuration }
            if let standing {
                let steps = Double(max(run.configuration.training.steps, 1))
                lines[index].step = standing.lastStep
                lines[index].share = min(Double(standing.lastStep ?? 0) / steps, 1)
                switch standing.status {
                case .finished:
                    lines[index].state = "finished"
                    if let end = standing.finishedAt, end > standing.createdAt {
                        durations.append(end - standing.createdAt)
                    }
                case .failed:
                    let failures = try archive.failures(of: standing.id)
                    lines[index].state = "failed"
                    lines[index].failureCount = failures.count
                    lines[index].reason = failures.last.map { last in
                        failures.count > 1 ? "\(failures.count) times: \(last.reason)" : last.reason
                    }
                default: lines[index].state = "interrupted"
                }
            }
            if waiting.contains(run.name), lines[index].state != "finished" {
                lines[index].state = "waiting"
                lines[index].reason = "it is handed over and not taken in yet"
            } else if let holder = holders[Handover.claimName(run.name, configuration)],
                watch.isAlive(holder), lines[index].state != "finished"
            {
                lines[index].state = "running"
                lines[index].reason = Handover.words(holder)
            }
        }
        return (
            lines, durations.isEmpty ? nil : durations.reduce(0, +) / Double(durations.count)
        )
    }
}
