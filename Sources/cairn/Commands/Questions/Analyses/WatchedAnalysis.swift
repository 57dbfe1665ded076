internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// An analysis with a progress bar that Ctrl-C stops; what was stored stays.
struct WatchedAnalysis {
    let archive: Archive
    let common: CommonOptions
    var trustsNetwork = false

    /// An analyzer of any step of trained runs; `opened` is told of each run that is recomputed.
    static func analyzer(
        _ archive: Archive, trustsNetwork: Bool = false,
        opened: @escaping (ReplayedRun) -> Void = { _ in },
        note: @escaping (String) -> Void = { _ in }
    ) -> Analyzer {
        Analyzer(
            archive, interruption: StopSignals.interruption, trustsNetwork: trustsNetwork
        ) { source in
            var told: Int?
            let run = try ReplayedRun(
                source, threadCount: ProcessInfo.processInfo.activeProcessorCount,
                watch: StopSignals.check
            ) { step, target in
                guard target != told else { return }
                told = target
                note(ReplayDisplay.notice(target - step, from: step, to: target))
            }
            opened(run)
            return run
        }
    }

    /// Computes what is missing or stale.
    func run(_ request: AnalysisRequest) throws -> AnalysisReport {
        var bar: ProgressBar?
        var replayed: [ReplayedRun] = []
        defer {
            bar?.end()
            for run in replayed { tellProofs(of: run) }
        }
        let analyzer = WatchedAnalysis.analyzer(archive, trustsNetwork: trustsNetwork) {
            replayed.append($0)
        } note: {
            common.note($0)
        }
        return try analyzer.run(request) { state in
            let shown =
                bar
                ?? ProgressBar(
                    request.analysis.title,
                    unit: request.analysis is any CheckpointAnalysis ? "checkpoints" : "runs",
                    total: state.total, isQuiet: common.quiet)
            bar = shown
            shown.update(state.done)
        } stating: {
            common.note($0)
        }
    }

    /// Says which recomputed steps are not proved to be what training had.
    private func tellProofs(of run: ReplayedRun) {
        guard let id = try? run.run.id else { return }
        for (step, proof) in run.proofs.sorted(by: { $0.key < $1.key }) {
            switch proof {
            case .identical: break
            case .notRecorded:
                common.note("Step \(step) was recomputed; no digest of it was recorded.")
            case .different(let first):
                common.note(
                    "Step \(step) was recomputed with other bits than training had, from step "
                        + "\(first) on; cairn replay \(id)@\(step) says by how much.")
            }
        }
    }

    /// Says on standard error what was computed and what could not be.
    func tell(_ report: AnalysisReport) {
        let seconds = NumberText.rounded(report.elapsed.seconds, digits: 2)
        common.note(
            "\(report.computed) computed in \(seconds) s, \(report.current) were up to date.")
        for failure in report.failures.dropFirst() { common.note("Failed: \(failure)") }
        // Runs that lack the same thing are told once.
        let causes = Dictionary(grouping: report.impossible, by: \.cause)
        for (cause, cases) in causes.sorted(by: { $0.key < $1.key }) {
            common.note(
                "Not possible: \(cause)" + (cases.count > 1 ? " (\(cases.count) times)" : ""))
        }
    }
}
