import Analysis
import ArchiveQueries
import CheckpointArchive
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

/// What every kind answers in the cases in which definitions tend not to hold.
struct EdgeCaseTests {
    private let folder: TemporaryFolder
    private let archive: Archive

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
    }

    enum Case: String, CaseIterable, Sendable {
        case notANumber
        case infinite
        case constantCurve
        case onePoint
        case repeatedSteps
        case empty
        case width1

        var steps: [Int] {
            switch self {
            case .empty: []
            case .onePoint: [100]
            default: [0, 100, 200, 300]
            }
        }
    }

    /// Stores the run of a case: in the first two one weight of step 200 is not finite.
    private func store(_ wanted: Case) throws {
        let width = wanted == .width1 ? 1 : 3
        var description = RunDescription(
            id: "r", name: "r", createdAt: 0,
            configuration: """
                {"network":{"embedding_width":\(width),"hidden_width":\(width),"kind":"mlp"},
                "task":{"modulus":7,"operation":"add","train_fraction":0.5}}
                """)
        let model = try ModelConfiguration(configurationOf: description)
        let task = try model.makeTask()
        description.trainIndices = task.trainIndices
        description.testIndices = task.testIndices
        let layout = try model.layout(for: task)
        let embedding = try #require(layout.entry("left_embedding")).range.lowerBound
        var generator = SeededGenerator(seed: 5)
        let start = (0..<layout.count).map { _ in Double.random(in: -1...1, using: &generator) }
        let sink = archive.writer()
        try sink.begin(description)
        for step in wanted.steps {
            var values = start.map { $0 * (1 + Double(step) / 100) }
            if step == 200, wanted == .notANumber { values[embedding] = .nan }
            if step == 200, wanted == .infinite { values[embedding] = .infinity }
            let share = wanted == .constantCurve ? 0.5 : Double(step) / 300
            let points = [
                (MetricName.trainAccuracy, min(1, 3 * share)), (MetricName.testAccuracy, share),
                (MetricName.trainLoss, 2 - 2 * share), (MetricName.testLoss, 3 - 2 * share),
            ].flatMap { name, value in
                // The same step twice: the later value counts.
                (wanted == .repeatedSteps ? [-1, value] : [value]).map {
                    MetricPoint(name: name, step: step, value: $0)
                }
            }
            try sink.save(
                Checkpoint(step: step, weights: layout.unpack(values), metrics: points))
        }
        try sink.finish(.finished, metrics: [])
    }

    private func rows(_ sql: String) throws -> [String] {
        try SQLSession(archive: archive).rows(sql).map { row in
            row.map { value in
                switch value {
                case .null: "NULL"
                case .boolean, .integer: value.written
                case .real(let real): String(format: "%.4g", real)
                case .text(let text): text
                case .blob: "blob"
                }
            }.joined(separator: " ")
        }
    }

    /// How many checkpoints a kind cannot answer for, and the sentence that says why.
    private func refusal(_ kind: AnalysisKind, _ wanted: Case) -> (count: Int, cause: String)? {
        switch (kind, wanted) {
        case (.grokking, .empty): (1, "it has neither both accuracies nor both losses")
        case (_, .empty): (1, "it has no checkpoint")
        case (.tails, _): (wanted.steps.count, "no tensor has 50 finite singular values")
        case (.hessian, .notANumber), (.hessian, .infinite):
            (1, "not finite, so it has no spectrum")
        default: nil
        }
    }

    @Test("each kind answers or says why not, and asks nothing twice", arguments: Case.allCases)
    func everyKind(wanted: Case) throws {
        try store(wanted)
        for kind in AnalysisKind.allCases {
            let analyzer = Analyzer(archive)
            let report = try analyzer.run(AnalysisRequest(kind.usual))
            let analysis = kind.usual
            let asked =
                (analysis is any CheckpointAnalysis ? wanted.steps.count : 0)
                + (analysis is any RunAnalysis ? 1 : 0)
            let refused = refusal(kind, wanted)
            let answered = wanted == .empty ? 0 : asked - (refused?.count ?? 0)
            #expect(report.computed == answered, "\(kind)")
            #expect(report.impossible.count == refused?.count ?? 0, "\(kind)")
            for item in report.impossible {
                #expect(item.cause.contains(refused?.cause ?? "never"), "\(kind) \(item.cause)")
            }
            let again = try analyzer.run(AnalysisRequest(kind.usual))
            #expect(again.computed == 0 && again.current == answered, "\(kind)")
        }
    }

    /// Statements and what they give in each case; a measure that does not hold is NULL.
    private static let answers: [(kind: AnalysisKind, wanted: Case, sql: String, rows: [String])] =
        {
            let norms = """
                SELECT l2, linf, spectral, stable_rank, effective_rank, distance_from_initial, update_size
                FROM weight_norms WHERE tensor = 'left_embedding' AND step =
                """
            let spectrum = """
                SELECT count(*), count(share), count(DISTINCT tensor) FROM fourier_spectra
                WHERE step = 200 AND tensor = 'left_embedding'
                """
            let losses = """
                SELECT count(*) > 20, count(value) FROM progress_measures WHERE step = 200
                    AND (measure LIKE '%loss' OR measure LIKE '%accuracy' OR measure LIKE 'trig%'
                    OR measure LIKE '%explained')
                """
            let phases = """
                SELECT subject, value, text FROM measurements WHERE measure = 'phase_step'
                ORDER BY subject
                """
            let unseen = "NULL its event is not seen in the run"
            let broken = """
                SELECT DISTINCT measure, value, text FROM measurements WHERE kind = 'geometry'
                    AND step = 200 AND measure NOT IN ('update_edge_rank', 'hidden_rows')
                    AND subject IN ('left_embedding', 'hidden', '') ORDER BY measure
                """
            let notFinite = [
                "circularity", "class_distance_ratio", "intrinsic_dimension", "participation_ratio",
                "representation_effective_rank", "representation_entropy", "softmax_collapse",
            ].map { "\($0) NULL not all of its numbers are finite" }
            let times = """
                SELECT memorisation_step, generalisation_step, gap, midpoint_step, label
                FROM grokking_times WHERE threshold = 0.99 AND rule = 'sustained'
                """
            return [
                (.norms, .notANumber, norms + " 200", ["NULL NULL NULL NULL NULL NULL NULL"]),
                (.norms, .infinite, norms + " 200", ["inf inf inf NULL NULL inf inf"]),
                (.norms, .onePoint, norms + " 100", ["5.257 1.942 4.184 1.579 2.783 0 NULL"]),
                (.norms, .width1, norms + " 300", ["6.479 3.885 6.479 1 1 4.859 1.62"]),
                (.fourier, .notANumber, spectrum, ["4 0 1"]),
                (.fourier, .infinite, spectrum, ["4 0 1"]),
                (.fourier, .width1, spectrum, ["4 3 1"]),
                (.progress, .notANumber, losses, ["1 0"]),
                (.progress, .infinite, losses, ["1 0"]),
                (
                    .progress, .onePoint, phases,
                    [
                        "clean_up_end \(unseen)", "clean_up_start \(unseen)",
                        "memorisation_end \(unseen)", "restricted_peak \(unseen)",
                    ]
                ),
                (.geometry, .notANumber, broken, notFinite),
                (.geometry, .infinite, broken, notFinite),
                (
                    .geometry, .width1,
                    """
                    SELECT DISTINCT measure, value, text FROM measurements WHERE step = 300 AND measure
                    IN ('circularity', 'participation_ratio', 'representation_entropy') ORDER BY measure
                    """,
                    [
                        "circularity 0 NULL", "participation_ratio 1 NULL",
                        "representation_entropy NULL a single neuron, or none that is active",
                    ]
                ),
                (.grokking, .constantCurve, times, ["0 NULL NULL NULL partial"]),
                (.grokking, .onePoint, times, ["100 NULL NULL NULL NULL"]),
                (.grokking, .repeatedSteps, times, ["100 300 200 NULL delayed+coarse"]),
                (
                    .hessian, .width1,
                    """
                    SELECT count(*), sum(converged), min(eigenvalue) > 0 FROM hessian_eigenvalues
                    WHERE step = 0
                    """, ["5 5 1"]
                ),
            ]
        }()

    @Test("what the answers are in each case", arguments: answers.indices)
    func answer(place: Int) throws {
        let (kind, wanted, sql, expected) = Self.answers[place]
        try store(wanted)
        _ = try Analyzer(archive).run(AnalysisRequest(kind.usual))
        #expect(try rows(sql) == expected, "\(kind) \(wanted)")
    }
}
