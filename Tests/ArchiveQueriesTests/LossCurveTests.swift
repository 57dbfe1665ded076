import ArchiveQueries
import ArchiveSchema
import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Runs of which only losses are known: every question about times answers for them too.
struct LossCurveTests {
    private let folder: TemporaryFolder
    private let archive: Archive
    private static let steps = [0, 100, 200, 400, 800]

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
        try add("1", "slow", decay: 0.5, solved: 400)
        try add("2", "fast", decay: 1, solved: 200)
        try add("3", "never", decay: 0.1, solved: nil)
        _ = try Analyzer(archive).run(AnalysisRequest(GrokkingTimesAnalysis()))
    }

    /// A norm of 10 + step / 100 in `w`, and a tensor that no other run has: runs that end with the same
    /// weights are taken for one run.
    private func weights(_ id: String, at step: Int) -> [Tensor] {
        [
            Tensor(name: "w", shape: [1], values: [10 + Float(step) / 100]),
            Tensor(name: "own", shape: [1], values: [Float(id) ?? 0]),
        ]
    }

    /// Training loss below 0.01 from step 100 on.
    private func add(_ id: String, _ name: String, decay: Double, solved: Int?) throws {
        let sink = archive.writer()
        try sink.begin(
            RunDescription(
                id: id, name: name, createdAt: Double(id) ?? 0,
                hyperparameters: [
                    Hyperparameter("weight_decay", .real(decay)),
                    Hyperparameter("modulus", .integer(7)),
                ]))
        for step in Self.steps {
            let points = (step == 0 ? 0...0 : (step > 100 ? step / 2 : 0) + 10...step).filter {
                $0 % 10 == 0
            }.flatMap {
                point in
                [
                    MetricPoint(
                        name: MetricName.trainLoss, step: point, value: point < 100 ? 2 : 0.001),
                    MetricPoint(
                        name: MetricName.testLoss, step: point,
                        value: solved.map { point >= $0 } == true ? 0.002 : 3),
                ]
            }
            try sink.save(
                Checkpoint(step: step, weights: weights(id, at: step), metrics: points))
        }
        try sink.finish(.finished, metrics: [])
    }

    private func ask(
        _ name: String, _ parameters: [String: ScalarValue] = [:]
    ) throws -> [[String: ScalarValue]] {
        let session = try SQLSession(index: archive.paths.indexFile, archive: archive)
        let cursor = try SavedQuery.find(name).cursor(in: session, parameters: parameters)
        var rows: [[String: ScalarValue]] = []
        while let row = try cursor.next() {
            rows.append(Dictionary(uniqueKeysWithValues: zip(cursor.columns, row)))
        }
        return rows
    }

    @Test func timesOfEveryRun() throws {
        let table = try ask("grokking_table")
        #expect(table.map { $0["name"] } == [.text("fast"), .text("slow"), .text("never")])
        #expect(table.map { $0["generalisation_step"] } == [.integer(200), .integer(400), .null])
        #expect(table.allSatisfy { $0["metric"] == .text("test_loss") })
        let never = try ask("never_grokked")
        #expect(never.map { $0["name"] } == [.text("never")])
        #expect(never.first?["memorisation_step"] == .integer(100))
        let gaps = try ask("gap_by_size")
        #expect(gaps.first?["runs"] == .integer(3) && gaps.first?["generalised"] == .integer(2))
        #expect(gaps.first?["median_gap"]?.real == 300)
        let bands = try ask("aligned_bands", ["metric": .text("test_loss")])
        #expect(Set(bands.compactMap { $0["setting"]?.real }) == [0.5, 1])
    }

    @Test func questionsWithACurveTakeALossThatFalls() throws {
        let loss: [String: ScalarValue] = ["metric": .text("test_loss"), "threshold": .real(0.01)]
        let shares = try ask("share_grokked", loss)
        #expect(shares.map { $0["share"]?.real } == [0, 1, 1])
        let decays = try ask("time_by_weight_decay", loss)
        #expect(decays.map { $0["median_step"]?.real } == [nil, 400, 200])
        let points = try ask(
            "time_by_setting", loss.merging(["setting": .text("weight_decay")]) { $1 })
        #expect(points.count { $0["what"] == .text("run") } == 2)
        #expect(points.count { $0["what"] == .text("not yet at its last step") } == 1)
    }

    /// The norm at a step is 10 + step / 100: each column names the last analysed step before its own.
    @Test func normsAtTheTransition() throws {
        func norms(_ name: String) throws -> [Double?] {
            let row = try #require(
                try ask("norm_at_transition", ["tensor": .text("w")]).first {
                    $0["name"] == .text(name)
                })
            return [
                "first_norm", "memorisation_norm", "transition_norm", "generalisation_norm",
                "last_norm",
            ].map { row[$0]?.real }
        }
        let analyzer = Analyzer(archive)
        _ = try analyzer.run(
            AnalysisRequest(NormsAnalysis(), runs: ["1"], steps: .steps([100, 200, 800])))
        // The first checkpoint was not analysed, and losses have no fitted middle.
        #expect(try norms("slow") == [nil, 11, nil, 12, 18])
        _ = try analyzer.run(AnalysisRequest(NormsAnalysis()))
        #expect(try norms("slow") == [10, 11, nil, 14, 18])
        #expect(try norms("fast") == [10, 11, nil, 12, 18])
        #expect(try norms("never") == [10, 11, nil, nil, 18])
        // With accuracies the middle is that of the fit: between the checkpoints 200 and 400.
        let sink = archive.writer()
        try sink.begin(
            RunDescription(
                id: "4", name: "fitted", createdAt: 4,
                hyperparameters: [Hyperparameter("modulus", .integer(7))]))
        for step in Self.steps {
            let points = (step == 0 ? 0...0 : (step > 100 ? step / 2 : 0) + 10...step).filter {
                $0 % 10 == 0
            }.flatMap {
                point in
                [
                    MetricPoint(
                        name: MetricName.trainAccuracy, step: point, value: point < 100 ? 0.3 : 1),
                    MetricPoint(
                        name: MetricName.testAccuracy, step: point,
                        value: 0.1 + 0.9 / (1 + exp(-(Double(point) - 390) / 20))),
                ]
            }
            try sink.save(
                Checkpoint(step: step, weights: weights("4", at: step), metrics: points))
        }
        try sink.finish(.finished, metrics: [])
        _ = try analyzer.run(AnalysisRequest(NormsAnalysis()))
        _ = try analyzer.run(AnalysisRequest(GrokkingTimesAnalysis()))
        #expect(try norms("fitted") == [10, 11, 12, 14, 18])
    }
}
