internal import ArchiveQueries
internal import CheckpointArchive
internal import Foundation
internal import Page

extension BenchCommand {
    private static let runCount = 10_000
    private static let pointCount = 10_000_000

    /// The page on 10,000 runs with curves of 1,000 points, in a temporary folder, and a figure of
    /// ten million points.
    func benchFigures() throws -> [Measure] {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try Archive.create(at: folder.path)
        StopSignals.listen()
        let filling = ProgressBar(
            "fill", unit: "runs", total: Self.runCount, isQuiet: common.quiet)
        let points = rowCount.map { max(1, $0 / (4 * Self.runCount)) } ?? 1_000
        try StatementBenchmark.fill(archive, runs: Self.runCount, points: points) {
            filling.update($0)
            try StopSignals.check()
        }
        filling.end()
        return try PageBenchmark.measure(
            archive, points: Self.pointCount, repetitions: repetitions
        ).map { ($0.name, $0.value, $0.unit) }
    }
}
