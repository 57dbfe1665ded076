import Analysis
import ArchiveQueries
import ArrayMath
import CheckpointArchive
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

/// Kinds that look at the network on its data, through the ledger to SQL.
struct NetworkKindTests {
    private let folder: TemporaryFolder
    private let archive: Archive
    private let model: ModelConfiguration
    private let task: Networks.Task
    private let layout: ParameterLayout

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
        var description = Self.description("a")
        model = try ModelConfiguration(configurationOf: description)
        task = try model.makeTask()
        layout = try model.layout(for: task)
        description.trainIndices = task.trainIndices
        description.testIndices = task.testIndices
        try store(description, seed: 1)
        description = Self.description("b")
        description.trainIndices = task.trainIndices
        description.testIndices = task.testIndices
        try store(description, seed: 2)
    }

    private static func description(_ id: String) -> RunDescription {
        RunDescription(
            id: id, name: id, createdAt: 0,
            configuration: """
                {"network":{"embedding_width":4,"hidden_width":6,"kind":"mlp"},
                "task":{"modulus":7,"operation":"add","train_fraction":0.5}}
                """, hyperparameters: [Hyperparameter("learning_rate", .real(0.5))])
    }

    private func parameters(_ step: Int, seed: UInt64) -> [Double] {
        var generator = ProbeGenerator(seed: seed)
        let start = generator.normals(layout.count)
        let drift = generator.normals(layout.count)
        return zip(start, drift).map { $0 + 0.01 * Double(step) * $1 }
    }

    private func store(_ description: RunDescription, seed: UInt64) throws {
        let sink = archive.writer()
        try sink.begin(description)
        for step in 0..<12 {
            try sink.save(
                Checkpoint(
                    step: step, weights: layout.unpack(parameters(step, seed: seed)), metrics: []))
        }
        try sink.finish(.finished, metrics: [])
    }

    private func numbers(
        _ measure: String, step: Int = 11, where condition: String = "1"
    ) throws -> [Double?] {
        try SQLSession(archive: archive).rows(
            """
            SELECT value FROM measurements WHERE run = 'a' AND step = \(step)
                AND measure = '\(measure)' AND \(condition) ORDER BY split, subject, position
            """
        ).map { $0[0].real }
    }

    private func number(
        _ measure: String, step: Int = 11, where condition: String = "1"
    ) throws -> Double {
        try #require(try numbers(measure, step: step, where: condition).first ?? nil)
    }

    private func run(_ analysis: any LedgerAnalysis) throws {
        let report = try Analyzer(archive).run(
            AnalysisRequest(analysis, runs: ["a"], steps: .steps([3, 11])))
        #expect(report.impossible.isEmpty && report.computed == 2, "\(report.impossible)")
        let again = try Analyzer(archive).run(
            AnalysisRequest(analysis, runs: ["a"], steps: .steps([3, 11])))
        #expect(again.computed == 0 && again.current == 2)
    }

    private func evaluator(_ examples: Examples) throws -> NetworkEvaluator<Double> {
        try model.evaluator(for: task, examples: examples)
    }

    @Test func gradientsThroughTheLedger() throws {
        try run(GradientsAnalysis())
        let evaluator = try evaluator(task.trainExamples)
        let weights = parameters(11, seed: 1)
        let count = task.trainExamples.count
        var gradient = [Double](repeating: 0, count: layout.count)
        let each = (0..<count).map { row -> [Double] in
            _ = evaluator.gradient(weights, rows: [row], into: &gradient)
            return gradient
        }
        // The covariance by its definition, with the mean of the single gradients.
        let mean = (0..<layout.count).map { place in
            each.reduce(0) { $0 + $1[place] } / Double(count)
        }
        let trace =
            each.reduce(0) { sum, one in
                sum + zip(one, mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            } / Double(count - 1)
        let squares = mean.reduce(0) { $0 + $1 * $1 }
        #expect(abs(try number("gradient_squared_norm") - squares) < 1e-9 * squares)
        #expect(abs(try number("gradient_variance_trace") - trace) < 1e-9 * trace)
        #expect(abs(try number("gradient_noise_scale") - trace / squares) < 1e-9 * trace / squares)
        #expect(try number("gradient_variance_error") == 0)
        #expect(try number("gradient_samples") == Double(count))
        #expect(try numbers("gradient_singular_value").count == 10)
        #expect(try numbers("gradient_edge_rank", step: 3) == [nil])
        var fewer = GradientsAnalysis()
        fewer.samples = 10
        try run(fewer)
        let (found, error) = (
            try number("gradient_variance_trace"), try number("gradient_variance_error")
        )
        #expect(abs(found - trace) < 6 * error && error > 0)
    }

    @Test func landscapeThroughTheLedger() throws {
        var analysis = LandscapeAnalysis()
        analysis.factors = 5
        try run(analysis)
        let weights = parameters(11, seed: 1)
        let norms = try numbers("rescaled_norm")
        #expect(norms.count == 5)
        #expect(abs((norms[2] ?? 0) - vectorNorm(weights)) < 1e-12)
        #expect(abs((norms[4] ?? 0) - 10 * vectorNorm(weights)) < 1e-11)
        let test = try evaluator(task.testExamples)
        let right = test.lossAndAccuracy(weights)
        #expect(try numbers("rescaled_loss", where: "split = 'test'")[2] == right.loss)
        #expect(try numbers("rescaled_accuracy", where: "split = 'test'")[2] == right.accuracy)
        #expect(try numbers("rescaled_loss", where: "split = 'train'").count == 5)
    }

    @Test func coefficientThroughTheLedger() throws {
        var analysis = LearningCoefficientAnalysis()
        (analysis.settings.burnIn, analysis.settings.draws) = (20, 30)
        analysis.settings.chains = 2
        try run(analysis)
        let count = Double(task.trainExamples.count)
        let evaluator = try evaluator(task.trainExamples)
        #expect(
            try number("centre_loss") == evaluator.lossAndAccuracy(parameters(11, seed: 1)).loss)
        #expect(abs(try number("inverse_temperature") - count / log(count)) < 1e-12)
        #expect(try numbers("chain_learning_coefficient").count == 2)
        #expect(try numbers("chain_loss").count == 50)
        let chains = try numbers("chain_learning_coefficient").compactMap { $0 }
        let mean = chains.reduce(0, +) / 2
        #expect(abs(try number("learning_coefficient") - mean) < 1e-12 * max(1, abs(mean)))
        #expect(try numbers("chain_loss_step").first == 0)
        var batch = analysis
        batch.settings.batch = 5
        try run(batch)
        batch.settings.batch = 1000
        let refused = try Analyzer(archive).run(AnalysisRequest(batch, runs: ["a"]))
        #expect(refused.impossible.first?.cause.contains("24 examples") == true)
    }

    @Test func similarityThroughTheLedger() throws {
        var analysis = SimilarityAnalysis()
        analysis.other = .init(run: "b", step: 4)
        try run(analysis)
        func value(
            _ variant: String, _ subject: String, step: Int = 11,
            _ examples: String = "split IS NULL"
        ) throws -> Double {
            try number(
                "kernel_alignment", step: step,
                where: "variant = '\(variant)' AND subject = '\(subject)' AND \(examples)")
        }
        // By hand: the rows of one tensor, and the hidden layer on the held-out rows.
        let weights = [3, 10, 11].map { layout.unpack(parameters($0, seed: 1)) }
        func matrix(_ weights: [Tensor]) -> [Double] {
            weights.first { $0.name == "left_embedding" }?.doubles() ?? []
        }
        let before = try #require(
            RepresentationSimilarity(
                matrix(weights[2]), columns: 4, and: matrix(weights[1]), columns: 4, rows: 7))
        #expect(try value("previous", "left_embedding") == before.alignment)
        let last = try #require(
            RepresentationSimilarity(
                matrix(weights[0]), columns: 4, and: matrix(weights[2]), columns: 4, rows: 7))
        #expect(try value("last", "left_embedding", step: 3) == last.alignment)
        let test = try evaluator(task.testExamples)
        func hidden(_ step: Int, _ seed: UInt64) throws -> [Double] {
            try test.activations(parameters(step, seed: seed), .mlpHidden(layer: 0))
        }
        let other = try #require(
            RepresentationSimilarity(
                hidden(11, 1), columns: 6, and: hidden(4, 2), columns: 6,
                rows: task.testExamples.count))
        // The network's first matrix is called hidden, too.
        let found = try value("b@4", "hidden", "split = 'test'")
        #expect(try value("b@4", "hidden") != found)
        #expect(abs(found - (other.alignment ?? 0)) < 1e-12)
        #expect(try numbers("kernel_alignment", where: "variant = 'last'").isEmpty)
        analysis.other = .init(run: "b", step: 99)
        let refused = try Analyzer(archive).run(AnalysisRequest(analysis, runs: ["a"]))
        #expect(refused.impossible.count == 1)
    }

    @Test func topologyThroughTheLedger() throws {
        try run(TopologyAnalysis())
        #expect(try numbers("homology_points") == [7, 7])
        let rows = layout.unpack(parameters(11, seed: 1)).first { $0.name == "left_embedding" }
        let homology = try #require(PersistentHomology(rows?.doubles() ?? [], columns: 4))
        #expect(
            try number(
                "total_merge_length", where: "variant = 'raw' AND subject = 'left_embedding'")
                == homology.totalMerges)
        #expect(
            try number("loop_count", where: "variant = 'raw' AND subject = 'left_embedding'")
                == Double(homology.bars.count))
    }

    @Test func sharpnessDimensions() throws {
        let closed = sharpnessDimension(
            eigenvalues: [30, 5, 1, 0.1], weights: [1, 1, 1, 1], learningRate: 0.1)
        #expect(abs((closed ?? 0) - 3.833_497_336_9) < 1e-9)
        func dimension(_ eigenvalues: [Double]) -> Double? {
            sharpnessDimension(
                eigenvalues: eigenvalues, weights: eigenvalues.map { _ in 1 }, learningRate: 0.1)
        }
        #expect(dimension([0, 0, 0]) == 3 && dimension([1, 2]) == 0 && dimension([]) == nil)
        #expect(dimension([.nan]) == nil)
        // Equal eigenvalues together are those one by one.
        let grouped = sharpnessDimension(
            eigenvalues: [30, 1, 0.1], weights: [2, 3, 5], learningRate: 0.1)
        let single = dimension([30, 30, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1])
        #expect(abs((grouped ?? 0) - (single ?? 1)) < 1e-12)
        var density = DensityAnalysis()
        density.probes = 2
        try run(density)
        #expect(try number("sharpness_dimension") >= 0)
    }
}
