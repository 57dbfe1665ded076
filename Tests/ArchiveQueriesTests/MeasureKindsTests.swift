import Analysis
import ArchiveQueries
import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Networks
import TestSupport
import Testing

/// The kinds of analysis that need the network, through the ledger to SQL.
struct MeasureKindsTests {
    private let folder: TemporaryFolder
    private let archive: Archive
    private static let steps = Array(0...11).map { 300 * $0 }

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
    }

    private static func configuration(_ task: String) -> String {
        """
        {"network":{"embedding_width":3,"hidden_width":4,"kind":"mlp"},"task":\(task)}
        """
    }

    private static let addition = #"{"modulus":7,"operation":"add","train_fraction":0.5}"#

    /// Stores a run whose weights grow from step to step.
    @discardableResult
    private func store(
        _ id: String, task: String = addition, steps: [Int] = steps, broken: Set<Int> = [],
        metrics: Bool = true, listsRows: Bool = true
    ) throws -> String {
        let configuration = Self.configuration(task)
        var description = RunDescription(
            id: id, name: id, createdAt: 0, configuration: configuration)
        let model = try ModelConfiguration(configurationOf: description)
        let built = try model.makeTask()
        if listsRows {
            description.trainIndices = built.trainIndices
            description.testIndices = built.testIndices
        }
        let layout = try model.layout(for: built)
        var generator = SeededGenerator(seed: 3)
        let start = (0..<layout.count).map { _ in Double.random(in: -1...1, using: &generator) }
        let drift = (0..<layout.count).map { _ in Double.random(in: -1...1, using: &generator) }
        let sink = archive.writer()
        try sink.begin(description)
        for step in steps {
            let growth = 1 + Double(step) / 1000
            let values = zip(start, drift).map {
                broken.contains(step) ? .nan : $0 * growth + $1 * growth * growth / 10
            }
            let points =
                metrics
                ? [
                    MetricPoint(name: MetricName.testLoss, step: step, value: 3 / growth),
                    MetricPoint(name: MetricName.trainLoss, step: step, value: 1 / growth),
                    MetricPoint(
                        name: MetricName.testAccuracy, step: step, value: step < 900 ? 0.2 : 1),
                ] : []
            try sink.save(
                Checkpoint(step: step, weights: layout.unpack(values), metrics: points))
        }
        try sink.finish(.finished, metrics: [])
        return id
    }

    private func rows(_ sql: String) throws -> [[ScalarValue]] {
        try SQLSession(archive: archive).rows(sql)
    }

    private func integer(_ sql: String) throws -> Int? {
        guard case .integer(let value)? = try rows(sql).first?.first else { return nil }
        return value
    }

    private func real(_ sql: String) throws -> Double? {
        guard case .real(let value)? = try rows(sql).first?.first else { return nil }
        return value
    }

    private static let measuring: [AnalysisKind] = [.norms, .fourier, .progress, .geometry]

    @Test func aSecondRunComputesNothing() throws {
        try store("a")
        let analyzer = Analyzer(archive)
        for kind in Self.measuring {
            let expected = 12 + (kind.usual is any RunAnalysis ? 1 : 0)
            #expect(try analyzer.pending(AnalysisRequest(kind.usual)).count == expected, "\(kind)")
            let first = try analyzer.run(AnalysisRequest(kind.usual))
            #expect(first.impossible.isEmpty, "\(kind) \(first.impossible)")
            #expect(first.computed == expected, "\(kind)")
            let second = try analyzer.run(AnalysisRequest(kind.usual))
            #expect(second.computed == 0 && second.current == expected, "\(kind)")
            #expect(try analyzer.pending(AnalysisRequest(kind.usual)).isEmpty, "\(kind)")
        }
        #expect(try integer("SELECT sum(stale) FROM analyses") == 0)
    }

    @Test func withoutAKnownSplitThereAreNoTrainAndTestNumbers() throws {
        try store("a", task: #"{"modulus":7,"operation":"add"}"#, listsRows: false)
        let analyzer = Analyzer(archive)
        _ = try analyzer.run(AnalysisRequest(ProgressMeasuresAnalysis()))
        #expect(try integer("SELECT count(*) FROM progress_measures WHERE split = 'all'") ?? 0 > 0)
        #expect(
            try integer(
                "SELECT count(*) FROM progress_measures WHERE split NOT IN ('', 'all')") == 0)
        #expect(
            try integer("SELECT count(*) FROM measurements WHERE measure = 'split_missing'") == 12)
        var eigenvalues = EigenvalueAnalysis()
        let refused = try analyzer.run(AnalysisRequest(eigenvalues))
        #expect(refused.computed == 0 && refused.impossible.count == 1, "\(refused.impossible)")
        eigenvalues.settings.split = .all
        let allowed = try analyzer.run(AnalysisRequest(eigenvalues))
        #expect(allowed.computed > 0 && allowed.impossible.isEmpty)
        // The counts behind a value, where the split is known.
        try store("b")
        _ = try analyzer.run(AnalysisRequest(ProgressMeasuresAnalysis()))
        #expect(
            try rows(
                """
                SELECT DISTINCT split, row_count, class_count FROM progress_measures
                WHERE run = 'b' AND measure = 'loss' ORDER BY split
                """)
                == [
                    [.text("all"), .integer(49), .integer(7)],
                    [.text("test"), .integer(25), .integer(7)],
                    [.text("train"), .integer(24), .integer(7)],
                ])
    }

    @Test func movementIsTheLengthOfDifferences() throws {
        let run = try store("a")
        _ = try Analyzer(archive).run(AnalysisRequest(NormsAnalysis(), workers: 3))
        let source = try archive.run(matching: run)
        func flat(_ step: Int) throws -> [Double] {
            try source.weights(at: step).flatMap { $0.doubles() ?? [] }
        }
        func distance(_ one: Int, _ other: Int) throws -> Double {
            zip(try flat(one), try flat(other)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                .squareRoot()
        }
        for step in [300, 1500, 3300] {
            let found = try rows(
                """
                SELECT update_size, distance_from_initial, update_from_step FROM weight_norms
                WHERE tensor = 'total' AND step = \(step)
                """)
            guard case .real(let update) = found[0][0], case .real(let whole) = found[0][1] else {
                Issue.record("\(found)")
                return
            }
            #expect(abs(update - (try distance(step, step - 300))) < 1e-12 * update)
            #expect(abs(whole - (try distance(step, 0))) < 1e-12 * whole)
            #expect(found[0][2] == .integer(step - 300))
        }
        #expect(
            try rows(
                """
                SELECT update_size, distance_from_initial FROM weight_norms
                WHERE tensor = 'total' AND step = 0
                """) == [[.null, .real(0)]])
        #expect(
            try integer(
                """
                SELECT count(*) FROM weight_norms WHERE tensor <> 'total'
                    AND abs(exp(spectral_entropy) - effective_rank) > 1e-9
                """) == 0)
    }

    @Test func aChangedNeighbourMakesAnAnswerStale() throws {
        try store("a")
        let analyzer = Analyzer(archive)
        _ = try analyzer.run(AnalysisRequest(NormsAnalysis()))
        // As if the run had been merged with another copy that has one checkpoint less.
        try archive.write {
            try $0.execute(sql: "DELETE FROM checkpoint WHERE step = 300")
        }
        let pending = try analyzer.pending(AnalysisRequest(NormsAnalysis()))
        #expect(pending == [PendingAnalysis(run: "a", step: 600, reason: .contextChanged)])
        #expect(pending[0].reason.description == "computed beside other data")
    }

    @Test func phasesComeWithTheNormsHeldThere() throws {
        try store("a")
        _ = try Analyzer(archive).run(AnalysisRequest(ProgressMeasuresAnalysis()))
        // The loss falls below ln 7 = 1.946 where 3 / (1 + s / 1000) does: after step 542.
        #expect(
            try real(
                """
                SELECT value FROM measurements
                WHERE measure = 'phase_step' AND subject = 'clean_up_start'
                """) == 600)
        #expect(
            try real(
                """
                SELECT value FROM measurements
                WHERE measure = 'phase_step' AND subject = 'clean_up_end'
                """) == 900)
        #expect(
            try integer(
                """
                SELECT count(*) FROM measurements AS m JOIN progress_measures AS p USING (run)
                WHERE m.measure = 'phase_weight_norm' AND m.subject = 'clean_up_end'
                    AND p.measure = 'weight_norm' AND p.step = 900 AND p.value = m.value
                """) == 1)
        // New points make the phases stale, and they alone.
        try archive.write {
            try $0.execute(sql: "UPDATE metric SET value = 0.1 WHERE step = 900")
        }
        #expect(
            try Analyzer(archive).pending(AnalysisRequest(ProgressMeasuresAnalysis()))
                == [PendingAnalysis(run: "a", step: nil, reason: .inputChanged)])
    }

    @Test func everyVariantAndSplitIsThere() throws {
        try store("a")
        var settings = ProgressMeasuresAnalysis()
        settings.keys = ["1", "3"]
        settings.includesAblations = true
        settings.includesIrreps = true
        let report = try Analyzer(archive).run(
            AnalysisRequest(settings, steps: .last))
        #expect(report.impossible.isEmpty, "\(report.impossible)")
        for measure in ["restricted_loss", "excluded_loss"] {
            for variant in ["sum", "block2x2", "block3x3"] {
                #expect(
                    try integer(
                        """
                        SELECT count(DISTINCT split) FROM progress_measures
                        WHERE measure = '\(measure)' AND variant = '\(variant)'
                        """) == 3)
            }
        }
        for measure in [
            "trig_coefficient", "trig_ratio", "ablated_loss", "logit_restricted_loss",
            "hidden_excluded_loss", "total_logit_restricted_loss", "largest_single_excluded_loss",
        ] {
            #expect(
                try integer(
                    "SELECT count(*) > 0 FROM progress_measures WHERE measure = '\(measure)'")
                    == 1, "\(measure)")
        }
        #expect(
            try rows(
                "SELECT text FROM measurements WHERE measure = 'key_component' ORDER BY position")
                == [[.text("1")], [.text("3")]])
        settings.keys = ["4"]
        let refused = try Analyzer(archive).run(AnalysisRequest(settings))
        #expect(refused.computed == 0)
        #expect(refused.impossible.first?.cause.contains("no such component") == true)
    }

    @Test func aGroupWithoutFrequenciesTakesCharacters() throws {
        try store("s", task: #"{"group":"S3","operation":"compose","train_fraction":0.5}"#)
        let analyzer = Analyzer(archive)
        for kind in Self.measuring {
            let report = try analyzer.run(AnalysisRequest(kind.usual, steps: .last))
            #expect(report.impossible.isEmpty, "\(kind) \(report.impossible)")
        }
        #expect(
            try rows(
                """
                SELECT component, dimension FROM fourier_spectra
                WHERE tensor = 'unembedding' AND basis = 'irreps of S3' ORDER BY frequency
                """) == [
                    [.text("trivial"), .integer(1)], [.text("sign"), .integer(1)],
                    [.text("standard"), .integer(2)],
                ])
        #expect(
            try integer("SELECT count(*) FROM measurements WHERE measure = 'circularity'") == 0)
    }

    @Test(
        "fourier() in SQL transforms over the task's own group, as the stored spectra",
        arguments: [
            #"{"group":"S5","operation":"compose","train_fraction":0.5}"#,
            #"{"group":"D5","operation":"compose","train_fraction":0.5}"#,
            #"{"modulus":7,"operation":"multiply","train_fraction":0.5}"#,
            #"{"modulus":7,"operation":"add","train_fraction":0.5}"#,
        ])
    func fourierFollowsTheGroup(task: String) throws {
        try store("g", task: task, steps: [0, 300])
        _ = try Analyzer(archive).run(AnalysisRequest(FourierAnalysis(), steps: .last))
        let stored = try rows(
            """
            SELECT tensor, basis, frequency, power, share, component, dimension
            FROM fourier_spectra WHERE tensor <> 'neuron_logit_map' ORDER BY tensor, frequency
            """)
        let called = try rows(
            """
            SELECT t.name, f.basis, f.frequency, f.power, f.share, f.component, f.dimension
            FROM tensors AS t, fourier(t.run, 300, t.name) AS f
            WHERE t.name IN ('left_embedding', 'right_embedding', 'embedding', 'unembedding')
            ORDER BY t.name, f.frequency
            """)
        #expect(stored.count == called.count && stored.count >= 10)
        // Sums of up to 120 · 4 squares, taken in another order.
        let tolerance = 500 * Double.ulpOfOne
        for (one, other) in zip(stored, called) {
            for (column, (left, right)) in zip(one, other).enumerated() {
                if case .real(let a) = left, case .real(let b) = right {
                    #expect(abs(a - b) <= tolerance * max(1, abs(a)) * 10, "\(one) \(other)")
                } else if column < 6 {
                    #expect(left == right, "\(one) \(other)")
                }
            }
        }
    }

    @Test func theNetworkAsAFunctionOfTwoOperands() throws {
        try store("a")
        var settings = FourierAnalysis()
        settings.subject = .network
        let report = try Analyzer(archive).run(
            AnalysisRequest(settings, steps: .last))
        #expect(report.impossible.isEmpty, "\(report.impossible)")
        #expect(try integer("SELECT count(*) FROM pair_spectra WHERE tensor = 'logits'") == 16)
        let share = try real("SELECT sum(share) FROM pair_spectra WHERE tensor = 'hidden'")
        #expect(abs((share ?? 0) - 1) < 1e-12)
    }

    @Test func anyTensorAlongAnyAxis() throws {
        try store("a")
        var settings = FourierAnalysis()
        settings.subject = .tensor("hidden", axis: 1)
        _ = try Analyzer(archive).run(AnalysisRequest(settings, steps: .last))
        #expect(
            try integer(
                "SELECT count(*) FROM fourier_spectra WHERE basis = 'cyclic along axis 1'") == 3)
        settings.subject = .tensor("hidden", axis: 2)
        #expect(throws: UserError.self) {
            try Analyzer(archive).run(AnalysisRequest(settings, steps: .last))
        }
        settings.subject = .tensor("none such", axis: 2)
        let report = try Analyzer(archive).run(
            AnalysisRequest(settings, steps: .last))
        #expect(report.impossible.first?.cause.contains("the run has none") == true)
    }

    @Test func weightsThatAreNoNumbersHaveDefinedAnswers() throws {
        try store("a", broken: [1500])
        let analyzer = Analyzer(archive)
        for kind in Self.measuring {
            let report = try analyzer.run(AnalysisRequest(kind.usual))
            #expect(report.impossible.isEmpty, "\(kind) \(report.impossible)")
        }
        // SQLite keeps NaN as NULL.
        #expect(
            try rows(
                """
                SELECT l2, spectral FROM weight_norms WHERE step = 1500 AND tensor = 'total'
                UNION ALL SELECT sum(power), max(share) FROM fourier_spectra WHERE step = 1500
                UNION ALL SELECT max(value), min(value) FROM progress_measures
                WHERE step = 1500 AND measure = 'restricted_loss'
                """) == [[.null, .null], [.null, .null], [.null, .null]])
    }

    @Test func whatIsMissingIsSaidPlainly() throws {
        try store("empty", steps: [])
        try store("one", steps: [0], metrics: false)
        try store(
            "square", task: #"{"modulus":7,"operation":"x2+y2","train_fraction":0.5}"#)
        let analyzer = Analyzer(archive)
        let progress = try analyzer.run(AnalysisRequest(ProgressMeasuresAnalysis()))
        let causes = Dictionary(
            progress.impossible.map { ($0.run, $0.cause) }, uniquingKeysWith: { first, _ in first })
        #expect(causes["empty"]?.contains("it has no checkpoint") == true, "\(causes)")
        #expect(causes["square"]?.contains("not products in a group") == true, "\(causes)")
        #expect(causes["one"] == nil)
        #expect(
            try integer(
                """
                SELECT count(*) FROM measurements WHERE run = 'one' AND measure = 'phase_step'
                    AND value IS NULL AND text = 'its event is not seen in the run'
                """) == 4)
        let listed = try analyzer.pending(
            AnalysisRequest(ProgressMeasuresAnalysis(), runs: ["square"]))
        #expect(listed.count == 1)
        #expect(listed[0].reason.description.hasPrefix("not possible: "))

        _ = try analyzer.run(AnalysisRequest(GeometryMeasuresAnalysis()))
        #expect(
            try integer(
                """
                SELECT count(*) FROM measurements WHERE run = 'one' AND value IS NULL
                    AND measure IN ('slingshot_count', 'update_edge_rank') AND text LIKE 'it needs%'
                """) == 2)
        // Every fourth multiple of 300 ends a window of eleven.
        #expect(
            try integer(
                """
                SELECT count(*) FROM measurements WHERE run = 'square'
                    AND measure = 'update_edge_rank' AND variant = 'all' AND value IS NOT NULL
                """) == 2)
        let tails = try analyzer.run(AnalysisRequest(TailsAnalysis(), runs: ["one"]))
        #expect(tails.impossible.first?.cause.contains("no tensor has 50") == true)
    }

    /// The document's table of measures and what the program stores are the same.
    @Test func everyMeasureIsInTheDocument() throws {
        try store("a")
        try store("s", task: #"{"group":"S3","operation":"compose","train_fraction":0.5}"#)
        try store(
            "u", task: #"{"modulus":7,"operation":"add"}"#, steps: [0, 300], listsRows: false)
        var (progress, network) = (ProgressMeasuresAnalysis(), FourierAnalysis())
        (progress.includesAblations, progress.includesIrreps) = (true, true)
        network.subject = .network
        let asked: [any LedgerAnalysis] =
            AnalysisKind.allCases.map(\.usual) + [progress, network]
        for analysis in asked {
            _ = try Analyzer(archive).run(AnalysisRequest(analysis, steps: .last))
        }
        func names(_ rows: [[ScalarValue]]) -> Set<String> {
            Set(rows.map { "\($0[0].string ?? "") \($0[1].string ?? "")" })
        }
        let stored = names(
            try rows(
                """
                SELECT a.kind, m.measure FROM measurement AS m JOIN analysis AS a USING (analysis_key)
                UNION SELECT 'progress', measure FROM progress_measure
                """))
        let listed = Set(try AssumptionsDocumentTests.table("measures").map { "\($0[0]) \($0[1])" })
        #expect(stored.subtracting(listed) == [])
        // What needs attention, trained neurons, both accuracies, real answers or a spike.
        let others: Set = [
            "fourier head_frequency", "fourier head_variance_explained", "fourier irrep_cluster",
            "fourier neuron_cluster", "geometry effective_rank",
            "geometry l2", "geometry spectral", "geometry stable_rank", "grokking accuracy_unit",
            "grokking linear_time_aicc", "grokking linear_time_midpoint",
            "grokking linear_time_rmse", "grokking log_time_aicc", "grokking log_time_midpoint",
            "grokking log_time_rmse", "grokking loss_unit", "grokking noise_autocorrelation",
            "grokking noise_binomial_share", "grokking train_loss_spike", "grokking step_ratio",
            "grokking generalisation_interpolated", "grokking memorisation_interpolated",
            "grokking label_missing",
            // Ten evenly spaced checkpoints, and options.
            "gradients gradient_gap", "gradients gradient_edge_ratio",
            "gradients gradient_singular_value", "hessian sharpness_dimension",
            "learning_coefficient learning_coefficient_warning",
        ]
        let missing = listed.subtracting(stored).subtracting(others)
            .filter { !$0.hasSuffix("_through_network") }
        #expect(missing == [])
    }

    @Test func tailsRepeatWithTheirSeed() throws {
        var generator = SeededGenerator(seed: 5)
        let values = (0..<60 * 80).map { _ in Double.random(in: -1...1, using: &generator) }
        let sink = archive.writer()
        try sink.begin(RunDescription(id: "w", name: "w", createdAt: 0))
        try sink.save(
            Checkpoint(step: 0, weights: [Tensor(name: "w", shape: [60, 80], values: values)]))
        try sink.finish(.finished, metrics: [])
        var settings = TailsAnalysis()
        for seed in [1, 2] {
            settings.seed = seed
            #expect(
                try Analyzer(archive).run(AnalysisRequest(settings)).computed
                    == 1)
        }
        let before = try rows("SELECT seed, trap_edge, correlation_traps FROM weight_tails")
        #expect(before.count == 2)
        settings.seed = 1
        _ = try Analyzer(archive).run(
            AnalysisRequest(settings, recompute: true))
        let after = try rows("SELECT seed, trap_edge, correlation_traps FROM weight_tails")
        #expect(Set(before.map { "\($0)" }) == Set(after.map { "\($0)" }))
    }

    @Test func workersShareARunAndKeepItsOrder() throws {
        try store("a")
        var one = AnalysisRequest(ProgressMeasuresAnalysis())
        one.workers = 1
        _ = try Analyzer(archive).run(one)
        let sql =
            "SELECT step, measure, variant, split, value FROM progress_measures ORDER BY 1, 2, 3, 4"
        let single = try rows(sql)
        one.recompute = true
        one.workers = 5
        _ = try Analyzer(archive).run(one)
        #expect(try rows(sql) == single)
    }
}
