internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints

/// An analysis with a progress bar that Ctrl-C stops; what was stored stays.
struct WatchedAnalysis {
    let archive: Archive
    let common: CommonOptions

    /// Computes what is missing or stale.
    func run(_ request: AnalysisRequest) throws -> AnalysisReport {
        var bar: ProgressBar?
        defer { bar?.end() }
        return try Analyzer(archive, interruption: StopSignals.interruption).run(request) { state in
            let shown =
                bar
                ?? ProgressBar(
                    request.kind.rawValue,
                    unit: request.kind.definition.answersCheckpoints ? "checkpoints" : "runs",
                    total: state.total, isQuiet: common.quiet)
            bar = shown
            shown.update(state.done)
        }
    }

    /// Says on standard error what was computed and what could not be.
    func tell(_ report: AnalysisReport) {
        let seconds = NumberText.rounded(report.elapsed.seconds, digits: 2)
        common.note(
            "\(report.computed) computed in \(seconds) s, \(report.current) were up to date.")
        // Runs that lack the same thing are told once.
        let causes = Dictionary(grouping: report.impossible, by: \.cause)
        for (cause, cases) in causes.sorted(by: { $0.key < $1.key }) {
            common.note(
                "Not possible: \(cause)" + (cases.count > 1 ? " (\(cases.count) times)" : ""))
        }
    }
}
