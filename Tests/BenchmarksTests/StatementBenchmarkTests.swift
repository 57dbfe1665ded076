import ArchiveQueries
import Benchmarks
import CheckpointArchive
import Checkpoints
import TestSupport
import Testing

/// The benchmark of statements, at a size that takes no time; the real one is `cairn bench sql
/// --rows 40000000`.
struct StatementBenchmarkTests {
    @Test func asksTheSameOfEveryWay() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.create(at: folder.path("archive"))
        try SampleArchive.fill(archive, runs: 120, points: 50) { #expect($0 <= 120) }
        let session = try SQLSession(archive: archive)
        #expect(
            try session.rows(
                """
                SELECT (SELECT count(*) FROM metrics), (SELECT count(*) FROM runs),
                    (SELECT count(*) FROM runs_wide WHERE weight_decay = 1),
                    (SELECT count(DISTINCT value) FROM hyperparameters WHERE name = 'train_fraction')
                """) == [[.integer(24_000), .integer(120), .integer(12), .integer(12)]])
        let run = try SampleArchive.addCheckpoints(archive, count: 12) { _ in }
        // Throws when the loop and the function disagree.
        let measures =
            try StatementBenchmark.measureIndex(archive, repetitions: 1)
            + StatementBenchmark.measureSpectra(archive, run: run, repetitions: 1)
        #expect(measures.count == 15)
        #expect(measures.allSatisfy { $0.value > 0 })
        guard
            case .real(let share)? = try session.rows(
                """
                SELECT sum(f.share) FROM checkpoints AS c, fourier(c.run, c.step, 'embedding') AS f
                WHERE c.run = :run
                """, parameters: ["run": .text(run)]
            ).first?.first
        else {
            Issue.record("no spectra")
            return
        }
        #expect(abs(share - 12) < 1e-9)
    }
}
