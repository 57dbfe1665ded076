import Analysis
import ArchiveQueries
import ArrayMath
import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Networks
import TestSupport
import Testing

/// Curvature from stored weights, with a network small enough for the dense matrix.
struct HessianFunctionTests {
    private let folder: TemporaryFolder
    private let archive: Archive
    private let model: ModelConfiguration
    private let task: Task
    private let parameters: [Double]
    private static let run = "5000000000000005"

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
        let configuration = """
            {"network":{"embedding_width":3,"hidden_width":4,"kind":"mlp"},
            "task":{"modulus":5,"operation":"add","train_fraction":0.5}}
            """
        var description = RunDescription(
            id: Self.run, name: "small", createdAt: 0, configuration: configuration)
        model = try ModelConfiguration(configurationOf: description)
        task = try model.makeTask()
        description.trainIndices = task.trainIndices
        description.testIndices = task.testIndices
        let layout = try model.layout(for: task)
        var generator = SeededGenerator(seed: 11)
        parameters = (0..<layout.count).map { _ in Double.random(in: -0.7...0.7, using: &generator)
        }
        let sink = archive.writer()
        try sink.begin(description)
        try sink.save(Checkpoint(step: 0, weights: layout.unpack(parameters)))
        try sink.finish(.finished, metrics: [])
    }

    /// The largest eigenvalues of the dense Hessian of the training loss.
    private func denseEigenvalues(_ count: Int) throws -> [Double] {
        let evaluator: NetworkEvaluator<Double> = try model.evaluator(
            for: task, examples: task.trainExamples)
        evaluator.linearize(at: parameters)
        var matrix: [Double] = []
        for index in parameters.indices {
            var unit = [Double](repeating: 0, count: parameters.count)
            unit[index] = 1
            var column = unit
            evaluator.hessianProduct(unit, into: &column)
            matrix += column
        }
        return Array(symmetricEigenvalues(matrix, order: parameters.count).reversed().prefix(count))
    }

    private func eigenvalues(_ rows: [[ScalarValue]]) -> [Double] {
        rows.compactMap { if case .real(let value)? = $0.first { value } else { nil } }
    }

    private static let question = "SELECT eigenvalue FROM hessian('small', 0, 3) ORDER BY rank"

    @Test func theFunctionAgreesWithTheDenseMatrixAndIsRemembered() throws {
        let expected = try denseEigenvalues(3)
        let session = try SQLSession(archive: archive)
        let found = eigenvalues(try session.rows(Self.question))
        #expect(found.count == 3)
        for (value, reference) in zip(found, expected) {
            #expect(abs(value - reference) <= 1e-6 * expected[0], "\(found) \(expected)")
        }
        let count = "SELECT count(*) FROM analyses WHERE kind = 'hessian' AND cost_seconds > 0"
        #expect(try session.rows(count) == [[.integer(1)]])
        // The stored answer is marked, so that a second computation would show.
        try archive.write { database in
            try database.execute(sql: "UPDATE hessian_eigenvalue SET eigenvalue = -rank")
        }
        #expect(eigenvalues(try session.rows(Self.question)) == [-1, -2, -3])
        #expect(
            eigenvalues(try session.rows("SELECT eigenvalue FROM hessian('small', 0, 4)")).count
                == 4)
        #expect(try session.rows(count) == [[.integer(2)]])
    }

    @Test func theLedgerDriverStoresTheSame() throws {
        var settings = EigenvalueAnalysis()
        settings.top = 3
        settings.bottom = 1
        let report = try Analyzer(archive).run(AnalysisRequest(settings))
        #expect(report.computed == 1 && report.impossible.isEmpty, "\(report.impossible)")
        let rows = try SQLSession(archive: archive).rows(
            "SELECT eigenvalue FROM hessian_eigenvalues WHERE side = 'top' ORDER BY rank")
        for (value, reference) in zip(eigenvalues(rows), try denseEigenvalues(3)) {
            #expect(abs(value - reference) <= 1e-6 * abs(reference) + 1e-9)
        }
        #expect(
            try Analyzer(archive).pending(AnalysisRequest(settings)).isEmpty)
        settings.settings.split = .test
        #expect(
            try Analyzer(archive).pending(AnalysisRequest(settings)).count == 1)
    }

    @Test func aReadOnlyArchiveRemembersThroughASecondOpening() throws {
        let reader = try Archive(opening: archive.paths.root, access: .readOnly)
        let session = try SQLSession(archive: reader)
        #expect(eigenvalues(try session.rows(Self.question)).count == 3)
        #expect(try session.rows("SELECT count(*) FROM analyses") == [[.integer(1)]])
    }

    @Test func whatCannotBeComputedHasNoRows() throws {
        let session = try SQLSession(archive: archive)
        #expect(try session.rows("SELECT * FROM hessian('small', 7, 1)").isEmpty)
        #expect(throws: UserError.self) { try session.rows("SELECT * FROM hessian('small', 0, 0)") }
        let fixture = try FixtureArchive.shared.get().session()
        #expect(try fixture.rows("SELECT * FROM hessian('slow', 0, 1)").isEmpty)
    }

    @Test func operandsAloneAreTransformed() throws {
        let session = try SQLSession(archive: archive)
        let rows = try session.rows("SELECT frequency FROM fourier('small', 0, 'left_embedding')")
        #expect(rows == [[.integer(0)], [.integer(1)], [.integer(2)]])
        _ = try Analyzer(archive).run(AnalysisRequest(FourierAnalysis()))
        #expect(
            try session.rows(
                "SELECT tensor, count(*) FROM fourier_spectra GROUP BY tensor ORDER BY tensor")
                == ["left_embedding", "neuron_logit_map", "right_embedding", "unembedding"].map {
                    [.text($0), .integer(3)]
                })
    }

    @Test func aTimeLimitStopsALongComputation() throws {
        let session = try SQLSession(archive: archive, options: .init(timeLimit: .zero))
        #expect(throws: UserError.self) { try session.rows(Self.question) }
    }
}
