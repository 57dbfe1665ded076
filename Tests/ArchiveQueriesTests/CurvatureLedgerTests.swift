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

/// What the kind `hessian` stores besides eigenvalues.
struct CurvatureLedgerTests {
    private let folder: TemporaryFolder
    private let archive: Archive
    private let model: ModelConfiguration
    private let task: Networks.Task
    private let parameters: [Double]
    private static let adam = "6000000000000006"
    private static let plain = "7000000000000007"

    private static func configuration(_ optimizer: String) -> String {
        """
        {"network":{"embedding_width":3,"hidden_width":4,"kind":"mlp"},
        "optimizer":\(optimizer),"schedule":{"warmup":10},
        "task":{"modulus":5,"operation":"add","train_fraction":0.5}}
        """
    }

    init() throws {
        folder = try TemporaryFolder()
        archive = try Archive.openOrCreate(at: folder.path("archive"))
        let rule = #"{"kind":"adamw","learning_rate":0.002,"weight_decay":0.5}"#
        var description = RunDescription(
            id: Self.adam, name: "adam's \"own\"", createdAt: 0,
            configuration: Self.configuration(rule))
        model = try ModelConfiguration(configurationOf: description)
        task = try model.makeTask()
        description.trainIndices = task.trainIndices
        description.testIndices = task.testIndices
        let layout = try model.layout(for: task)
        var generator = SeededGenerator(seed: 11)
        parameters = (0..<layout.count).map { _ in
            Double.random(in: -0.7...0.7, using: &generator)
        }
        let moments = layout.entries.map { entry in
            Tensor(
                name: "second_moment/\(entry.name)", shape: entry.shape,
                values: entry.range.map { 1e-4 * Double($0 % 5 + 1) })
        }
        let sink = archive.writer()
        try sink.begin(description)
        try sink.save(Checkpoint(step: 0, weights: layout.unpack(parameters)))
        try sink.save(
            Checkpoint(
                step: 20, weights: layout.unpack(parameters),
                optimizerState: OptimizerState(
                    tensors: moments, attributes: #"{"rule":"adamw","step":20,"time":7}"#)))
        try sink.finish(.finished, metrics: [])
        var other = RunDescription(
            id: Self.plain, name: "gd", createdAt: 1,
            configuration: Self.configuration(#"{"kind":"gd"}"#))
        let second = archive.writer()
        other.trainIndices = task.trainIndices
        other.testIndices = task.testIndices
        try second.begin(other)
        try second.save(Checkpoint(step: 1, weights: layout.unpack(parameters)))
        try second.finish(.finished, metrics: [])
    }

    /// Every measure, each with settings of its own.
    private static let measures: [any LedgerAnalysis] = {
        var eigenvalues = EigenvalueAnalysis()
        (eigenvalues.top, eigenvalues.tolerance) = (2, 1e-10)
        var density = DensityAnalysis()
        (density.probes, density.lanczosSteps) = (3, 8)
        var blocks = BlockAnalysis()
        (blocks.top, blocks.tolerance) = (2, 1e-10)
        var sharpness = PreconditionedSharpnessAnalysis()
        sharpness.tolerance = 1e-10
        return [
            eigenvalues, TraceAnalysis(), density, blocks, sharpness, KeskarSharpnessAnalysis(),
        ]
    }()

    private func request(_ measure: any LedgerAnalysis) -> AnalysisRequest {
        AnalysisRequest(measure, runs: [Self.adam], steps: .last)
    }

    private func rows(_ sql: String) throws -> [[ScalarValue]] {
        try SQLSession(archive: archive).rows(sql)
    }

    private func number(_ value: ScalarValue) throws -> Double {
        guard case .real(let number) = value else {
            throw UserError(.failure, subject: "\(value)", cause: "no number")
        }
        return number
    }

    private func dense() throws -> [Double] {
        let evaluator: NetworkEvaluator<Double> = try model.evaluator(
            for: task, examples: task.trainExamples)
        return try curvatureOperator(.hessian, of: evaluator, at: parameters).denseMatrix()
    }

    @Test func everyMeasureIsAQuestionOfItsOwnThatIsAnsweredOnce() throws {
        let analyzer = Analyzer(archive)
        for measure in Self.measures {
            let report = try analyzer.run(request(measure))
            #expect(report.computed == 1, "\(measure) \(report.impossible)")
        }
        for measure in Self.measures {
            #expect(try analyzer.run(request(measure)).current == 1)
            #expect(try !rows("SELECT * FROM \(type(of: measure).view)").isEmpty)
        }
        #expect(
            try rows(
                """
                SELECT count(*), count(DISTINCT parameters), min(seed), min(dtype), min(split)
                FROM analyses
                """) == [
                    [.integer(6), .integer(6), .integer(0), .text("float64"), .text("train")]
                ])
        // Two eigenvalues and a trace of the whole and of each block, and 3 × 8 nodes.
        let blocks = try model.layout(for: task).entries.count
        #expect(
            try rows(
                """
                SELECT measure, count(*) FROM curvature_measures GROUP BY measure ORDER BY measure
                """) == [
                    [.text("block_eigenvalue"), .integer(2 * blocks)],
                    [.text("density_node"), .integer(24)],
                    [.text("keskar_sharpness"), .integer(1)],
                    [.text("preconditioned_sharpness"), .integer(1)],
                    [.text("top_eigenvalue"), .integer(2)], [.text("trace"), .integer(1 + blocks)],
                ])
        let products = try rows(
            "SELECT value FROM measurements WHERE measure = 'operator_products'")
        #expect(try products.map { try number($0[0]) > 2 } == [true])
        // The function finds eigenvalues among the newer answers of the same kind.
        #expect(try rows("SELECT * FROM hessian('\(Self.adam)', 20, 2)").count == 2)
    }

    /// Of answers that differ in how they were computed alone, views have the one asked for last.
    @Test func viewsShowEachEigenvalueOnce() throws {
        let analyzer = Analyzer(archive)
        func ask(_ top: Int, _ matrix: CurvatureOperator = .hessian) throws -> AnalysisReport {
            var eigenvalues = EigenvalueAnalysis()
            (eigenvalues.top, eigenvalues.matrix) = (top, matrix)
            return try analyzer.run(request(eigenvalues))
        }
        func shown() throws -> [[ScalarValue]] {
            try rows(
                """
                SELECT operator, count(*), count(DISTINCT rank), count(DISTINCT analysis)
                FROM hessian_eigenvalues GROUP BY operator ORDER BY operator
                """)
        }
        _ = try ask(2)
        _ = try ask(4)
        #expect(try shown() == [[.text("hessian"), .integer(4), .integer(4), .integer(1)]])
        #expect(
            try rows("SELECT count(*), count(superseded_by) FROM analyses") == [
                [.integer(2), .integer(0)]
            ])
        // What is there is shown again when it is asked for again, and is not computed again.
        let again = try ask(2)
        #expect(again.computed == 0 && again.current == 1)
        #expect(try shown() == [[.text("hessian"), .integer(2), .integer(2), .integer(1)]])
        #expect(try ask(4).computed == 0)
        // Another matrix is another question.
        _ = try ask(1, .gaussNewton)
        #expect(
            try shown() == [
                [.text("gauss_newton"), .integer(1), .integer(1), .integer(1)],
                [.text("hessian"), .integer(4), .integer(4), .integer(1)],
            ])
        #expect(
            try rows(
                """
                SELECT measure, variant, count(*) FROM measurements
                WHERE measure = 'operator_products' GROUP BY 1, 2 ORDER BY 2
                """)
                == ["gauss_newton", "hessian"].map {
                    [.text("operator_products"), .text($0), .integer(1)]
                })
        // Without the newest, the one before it is shown.
        try archive.write { database in
            try database.execute(
                sql: "DELETE FROM analysis WHERE parameters ->> 'top' = 4")
        }
        #expect(try shown().last?[1] == .integer(2))
    }

    @Test func memoryIsStatedOrRefusedBeforeItIsTaken() throws {
        let analyzer = Analyzer(archive)
        var eigenvalues = EigenvalueAnalysis()
        eigenvalues.top = 100_000
        let error = try #require(throws: UserError.self) {
            try analyzer.run(request(eigenvalues))
        }
        #expect(error.description.contains("ask for at most \(parameters.count)"), "\(error)")
        #expect(try rows("SELECT * FROM analyses").isEmpty)
        var density = DensityAnalysis()
        density.lanczosSteps = 1_000
        let run = try AnalysedRun(Self.adam, in: archive)
        // A thousand steps of so few parameters are as many vectors as there are parameters.
        #expect(density.statement(of: run) == nil)
        let large = ModelConfiguration(task: TaskConfiguration(modulus: 113))
        let layout = try large.layout(for: large.makeTask())
        let text = density.memory(layout).statement(evaluatorBytes: 0, exampleCount: 1)
        #expect(try #require(text).contains("1000 Lanczos steps"))
    }

    @Test func storedNumbersAreThoseOfTheDenseMatrix() throws {
        let analyzer = Analyzer(archive)
        for measure in [Self.measures[1], Self.measures[2], Self.measures[4]] {
            _ = try analyzer.run(request(measure))
        }
        let (matrix, count) = (try dense(), parameters.count)
        let trace = (0..<count).reduce(0) { $0 + matrix[$1 * (count + 1)] }
        let stored = try rows("SELECT trace, standard_error FROM hessian_traces")[0]
        let error = try number(stored[1])
        #expect(abs(try number(stored[0]) - trace) <= 5 * error)
        for probe in try rows("SELECT sum(weight) FROM hessian_densities GROUP BY probe") {
            #expect(abs(try number(probe[0]) - 1) < 1e-12)
        }
        // The moments have seen 7 updates (`time`), whatever the step; the rate is past its warm-up.
        let roots = (0..<count).map { index in
            let moment = 1e-4 * Double(index % 5 + 1)
            let denominator = (moment / (1 - pow(0.98, 7))).squareRoot() + 1e-8
            return 1 / ((1 - pow(0.9, 7)) * denominator).squareRoot()
        }
        let scaled = matrix.indices.map {
            matrix[$0] * roots[$0 / count] * roots[$0 % count]
        }
        let expected = symmetricEigenvalues(scaled, order: count)[count - 1]
        let sharpness = try rows(
            """
            SELECT value, threshold, threshold_with_decay, share_of_threshold, learning_rate
            FROM sharpness_measures
            """)[0]
        #expect(abs(try number(sharpness[0]) - expected) <= 1e-6 * expected)
        #expect(abs(try number(sharpness[1]) - 19_000) < 1e-6)
        let withDecay = 1.9 * (2 - 0.002 * 0.5) / (0.1 * 0.002)
        #expect(abs(try number(sharpness[2]) - withDecay) < 1e-6)
        #expect(abs(try number(sharpness[3]) - expected / withDecay) <= 1e-6 * expected / withDecay)
        #expect(sharpness[4] == .real(0.002))
    }

    @Test func whatIsMissingIsSaid() throws {
        let analyzer = Analyzer(archive)
        var first = request(Self.measures[4])
        first.steps = .first
        #expect(
            try analyzer.run(first).impossible.first?.cause.contains(
                "optimiser state was not kept") == true)
        first.runs = [Self.plain]
        #expect(
            try analyzer.run(first).impossible.first?.cause.contains("trained with gd") == true)
        #expect(try rows("SELECT * FROM sharpness_measures").isEmpty)
    }
}
