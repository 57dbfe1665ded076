import ArchiveQueries
import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Networks
import TestSupport
import Testing

/// The ledger: what is computed, when, and what stays.
struct AnalyzerTests {
    private let fixture: FixtureArchive

    init() throws { fixture = try FixtureArchive() }

    private func rows(_ sql: String) throws -> [[ScalarValue]] { try fixture.session().rows(sql) }

    @Test func aSecondRunComputesNothing() throws {
        let analyzer = Analyzer(fixture.archive)
        for kind in [AnalysisKind.norms, .fourier, .grokking] {
            let first = try analyzer.run(AnalysisRequest(kind.usual))
            #expect(first.computed == (kind == .grokking ? 4 : 20))
            #expect(first.current == 0)
            #expect(first.impossible.isEmpty, "\(first.impossible)")
            let second = try analyzer.run(AnalysisRequest(kind.usual))
            #expect(second.computed == 0)
            #expect(second.current == first.computed)
            #expect(try analyzer.pending(AnalysisRequest(kind.usual)).isEmpty)
        }
        #expect(
            try rows("SELECT count(*), sum(stale) FROM analyses") == [[.integer(44), .integer(0)]])
        #expect(
            try rows(
                "SELECT l2 FROM weight_norms WHERE run = '\(FixtureArchive.slow)' AND step = 400 AND tensor = 'diagonal'"
            )
                == [[.real(5)]])
        #expect(
            try rows(
                """
                SELECT a.kind, a.dtype, a.stale, a.digest = c.digest, a.cost_seconds >= 0
                FROM analyses AS a JOIN checkpoints AS c USING (run, step) GROUP BY 1, 2, 3, 4, 5
                ORDER BY 1
                """) == [
                    [.text("fourier"), .text("float64"), .integer(0), .integer(1), .integer(1)],
                    [.text("norms"), .text("float64"), .integer(0), .integer(1), .integer(1)],
                ])
    }

    @Test func onlyTheSelectedStepsOfTheSelectedRuns() throws {
        let analyzer = Analyzer(fixture.archive)
        let request = AnalysisRequest(
            NormsAnalysis(), runs: [FixtureArchive.slow], steps: .steps([100, 0]))
        #expect(
            try analyzer.pending(request) == [
                PendingAnalysis(run: FixtureArchive.slow, step: 0, reason: .missing),
                PendingAnalysis(run: FixtureArchive.slow, step: 100, reason: .missing),
            ])
        #expect(try analyzer.run(request).computed == 2)
        #expect(
            try analyzer.run(AnalysisRequest(NormsAnalysis(), runs: [FixtureArchive.slow])).computed
                == 3)
        let error = try #require(throws: UserError.self) {
            try analyzer.run(
                AnalysisRequest(NormsAnalysis(), runs: [FixtureArchive.slow], steps: .steps([7])))
        }
        #expect(error.description.contains("no checkpoint is stored there; the nearest is 0"))
    }

    /// Four runs, of which one has no step 150 and one has lost its files.
    @Test func aListGoesOnBehindARunThatCannotBeAnalysed() throws {
        let analyzer = Analyzer(fixture.archive)
        let sink = fixture.archive.writer()
        try sink.begin(RunDescription(id: "5", name: "other", createdAt: 1_700_000_009))
        try sink.save(
            Checkpoint(
                step: 150, weights: [Tensor(name: "w", shape: [1], values: [Float(1)])], metrics: []
            ))
        try sink.finish(.finished, metrics: [])
        let steps = try analyzer.pending(AnalysisRequest(NormsAnalysis(), steps: .steps([150])))
        #expect(steps.count == 5)
        #expect(steps.last?.reason == .missing && steps.last?.run == "5")
        #expect(steps.first?.reason.description.contains("no checkpoint is stored there") == true)
        try FileManager.default.removeItem(
            atPath: fixture.folder.path("archive/runs/\(FixtureArchive.slow)"))
        let kinds = try AnalysisKind.allCases.flatMap {
            try analyzer.pending(AnalysisRequest($0.usual))
        }
        #expect(kinds.contains { $0.run == "5" && $0.reason == .missing })
        #expect(kinds.contains { $0.run == FixtureArchive.slow })
    }

    @Test func olderAnswersAreKeptBesideNewerOnes() throws {
        let analyzer = Analyzer(fixture.archive)
        var request = AnalysisRequest(NormsAnalysis(), runs: [FixtureArchive.slow], steps: .last)
        _ = try analyzer.run(request)
        request.recompute = true
        #expect(try analyzer.pending(request).map(\.reason) == [.requested])
        #expect(try analyzer.run(request).computed == 1)
        #expect(
            try rows("SELECT analysis, superseded_by FROM analyses ORDER BY analysis")
                == [[.integer(1), .integer(2)], [.integer(2), .null]])
        #expect(
            try rows("SELECT count(*), min(analysis) FROM weight_norms WHERE tensor = 'bias'")
                == [[.integer(1), .integer(2)]])
    }

    @Test func eachThresholdIsShownOnceWithItsLabel() throws {
        let analyzer = Analyzer(fixture.archive)
        for threshold in [0.9, 0.99, 0.9] {
            var times = GrokkingTimesAnalysis()
            times.threshold = threshold
            _ = try analyzer.run(AnalysisRequest(times, runs: [FixtureArchive.slow]))
        }
        #expect(
            try rows(
                """
                SELECT threshold, rule, count(*) FROM grokking_times
                GROUP BY threshold, rule HAVING count(*) > 1
                """) == [])
        #expect(
            try rows(
                """
                SELECT threshold FROM grokking_times
                WHERE rule = 'sustained' AND recrossing_count IS NOT NULL ORDER BY threshold
                """) == [[.real(0.9)], [.real(0.99)]])
        #expect(
            try rows(
                "SELECT count(*) FROM measurements WHERE measure = 'chance_source'")
                == [[.integer(1)]])
    }

    @Test func staleAnswersSayWhy() throws {
        let analyzer = Analyzer(fixture.archive)
        let request = AnalysisRequest(
            NormsAnalysis(), runs: [FixtureArchive.slow], steps: .range(0, 200))
        _ = try analyzer.run(request)
        try fixture.archive.write { database in
            try database.execute(
                sql: """
                    UPDATE analysis SET code_version = '0' WHERE step = 0;
                    UPDATE analysis SET digest = 'other' WHERE step = 100;
                    UPDATE analysis SET stale = 1 WHERE step = 200;
                    """)
        }
        let pending = try analyzer.pending(request)
        #expect(pending.map(\.reason) == [.codeChanged(from: "0"), .inputChanged, .markedStale])
        #expect(
            pending.map(\.reason.description) == [
                "computed by version 0 of the code", "computed from other data",
                "the run was described anew since",
            ])
        #expect(try analyzer.run(request).computed == 3)
        #expect(
            try rows("SELECT count(*), sum(superseded_by IS NULL) FROM analyses") == [
                [.integer(6), .integer(3)]
            ])
    }

    @Test func importedValuesStayBesideComputedOnes() throws {
        try fixture.archive.write { database in
            try database.execute(
                sql: """
                    INSERT INTO analysis (run_key, step, digest, kind, code_version, source, computed_at)
                    SELECT run_key, 800, 'x', 'norms', 'author', 'imported', 0 FROM run WHERE name = 'slow';
                    INSERT INTO weight_norm (analysis_key, tensor, l2) VALUES (1, 'bias', 99);
                    """)
        }
        _ = try Analyzer(fixture.archive).run(
            AnalysisRequest(NormsAnalysis(), runs: [FixtureArchive.slow], steps: .last))
        #expect(
            try rows("SELECT source, l2 FROM weight_norms WHERE tensor = 'bias' ORDER BY source")
                == [[.text("computed"), .real(3)], [.text("imported"), .real(99)]])
    }

    @Test func anInterruptionKeepsWhatIsStored() throws {
        let interruption = Interruption()
        let analyzer = Analyzer(fixture.archive, interruption: interruption)
        var request = AnalysisRequest(NormsAnalysis())
        request.workers = 1
        #expect(throws: Interrupted.self) {
            try analyzer.run(request) { progress in
                if progress.done >= 5 { interruption.request() }
            }
        }
        guard case .integer(let stored)? = try rows("SELECT count(*) FROM analyses").first?.first
        else {
            Issue.record("no count")
            return
        }
        #expect(stored >= 5 && stored < 20)
        interruption.reset()
        let rest = try analyzer.run(request)
        #expect(rest.current == Int(stored) && rest.computed == 20 - Int(stored))
    }

    @Test func progressCountsUpAndEstimatesTheRest() throws {
        var seen: [Int] = []
        _ = try Analyzer(fixture.archive).run(AnalysisRequest(NormsAnalysis())) { progress in
            #expect(progress.total == 20)
            #expect(progress.remaining != nil)
            seen.append(progress.done)
        }
        #expect(seen == seen.sorted() && seen.last == 20)
    }

    @Test func grokkingTimesComeFromTheCurves() throws {
        _ = try Analyzer(fixture.archive).run(AnalysisRequest(GrokkingTimesAnalysis()))
        let found = try rows(
            """
            SELECT r.name, g.memorisation_step, g.generalisation_step, g.label IS NOT NULL
            FROM grokking_times AS g JOIN runs AS r USING (run)
            WHERE g.rule = 'sustained' AND g.threshold = 0.99 ORDER BY r.run
            """)
        // 0.1 + 0.9 / (1 + exp(−(s − m) / 20)) passes 0.99 where s − m = 20 ln 89 = 89.8.
        #expect(
            found == [
                [.text("slow"), .integer(40), .integer(500), .integer(1)],
                [.text("fast"), .integer(40), .integer(300), .integer(1)],
                [.text("it's \"never\" é"), .integer(40), .null, .integer(1)],
                [.text("fork"), .integer(40), .integer(500), .integer(1)],
            ])
        // New points make the answer stale.
        try fixture.archive.write { database in
            try database.execute(
                sql: """
                    UPDATE metric SET value = 0.5 WHERE step = 600 AND run_key =
                        (SELECT run_key FROM run WHERE name = 'slow')
                    """)
        }
        #expect(
            try Analyzer(fixture.archive).pending(AnalysisRequest(GrokkingTimesAnalysis()))
                == [PendingAnalysis(run: FixtureArchive.slow, step: nil, reason: .inputChanged)])
    }

    @Test func aRunWithoutWhatIsNeededSaysSo() throws {
        let report = try Analyzer(fixture.archive).run(
            AnalysisRequest(EigenvalueAnalysis(), runs: [FixtureArchive.slow], steps: .last))
        #expect(report.computed == 0)
        #expect(report.impossible.count == 1)
        #expect(report.impossible[0].cause.contains("does not say which task and network"))
    }

    @Test func everyStoppedProcessLeavesAConsistentLedger() throws {
        // A transaction that fails half-way leaves neither the new answer nor a superseded old one.
        _ = try Analyzer(fixture.archive).run(
            AnalysisRequest(NormsAnalysis(), runs: [FixtureArchive.slow], steps: .last))
        try fixture.archive.write { database in
            try database.execute(
                sql: """
                    CREATE TRIGGER stop BEFORE INSERT ON weight_norm WHEN new.tensor = 'total'
                    BEGIN SELECT RAISE(ABORT, 'stopped'); END
                    """)
        }
        #expect(throws: (any Error).self) {
            try Analyzer(fixture.archive).run(
                AnalysisRequest(
                    NormsAnalysis(), runs: [FixtureArchive.slow], steps: .last, recompute: true))
        }
        #expect(
            try rows("SELECT count(*), sum(superseded_by IS NULL) FROM analyses")
                == [[.integer(1), .integer(1)]])
    }
}
