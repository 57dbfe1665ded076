internal import Analysis
internal import ArchiveQueries
internal import ArgumentParser
internal import ArrayMath
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Networks
internal import Synchronization
internal import Training

/// `cairn bench`: speeds of this machine, each beside the bound it could reach.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract:
            "Measure speeds, each beside what bounds it: train, store, analyze, sql or figures.",
        discussion: """
            train, store and analyze use the canonical network in a temporary folder; sql asks the \
            archive at hand, or with --rows one that it makes in a temporary folder (40,000,000 \
            rows take some minutes and 3 GB). Figures mean something only on a machine that does nothing else.
            """)

    enum Subject: String, CaseIterable {
        case train
        case store
        case analyze
        case sql
        case figures
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "train, store, analyze, sql or figures.")
    var subject: String

    @Option(help: ArgumentHelp("How often each thing is measured.", valueName: "count"))
    var repetitions = 10

    @Option(help: ArgumentHelp("The preset whose network is used.", valueName: "name"))
    var preset = "canonical"

    @Option(
        name: .customLong("rows"),
        help: ArgumentHelp(
            "sql: points of curves of an archive made for this, for example 40000000.",
            valueName: "count"))
    var rowCount: Int?

    @Option(help: ArgumentHelp("Threads for each update.", valueName: "count"))
    var threads: Int?

    func run() throws {
        let chosen: Subject = try Choice.read(subject, option: "bench")
        guard repetitions > 0 else {
            throw UserError.usage(
                subject: "--repetitions \(repetitions)", cause: "it is out of range",
                advice: "choose at least 1")
        }
        if let rowCount, rowCount < 1 {
            throw UserError.usage(
                subject: "--rows \(rowCount)", cause: "it is out of range",
                advice: "choose at least 1")
        }
        let configuration = try TrainingConfiguration(Preset(named: preset).settings)
        let measures =
            switch chosen {
            case .train: try benchTraining(configuration)
            case .store: try benchStore(configuration)
            case .analyze: try benchAnalyses(configuration)
            case .sql: try benchStatements()
            case .figures: try benchFigures()
            }
        try rows.writer().write(
            columns: ["measure", "value", "unit"],
            rows: measures.map { measure in
                let value = ScalarValue.real(measure.value)
                return [
                    .text(measure.name), rows.format == .table ? value.rounded : value,
                    .text(measure.unit),
                ]
            })
    }

    typealias Measure = (name: String, value: Double, unit: String)

    var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

    // MARK: Training

    private func benchTraining(_ configuration: TrainingConfiguration) throws -> [Measure] {
        let step = try TrainingStepBenchmark.measure(
            configuration, threadCount: threadCount, repetitions: repetitions)
        let operations = Double(step.productOperations)
        return [
            ("training steps, with update and digest", 1 / step.stepSeconds, "steps/s"),
            ("gradients alone", 1 / step.gradientSeconds, "1/s"),
            ("their matrix products alone", 1 / step.productSeconds, "1/s"),
            ("matrix products' share of a step", step.productShare, "of 1"),
            ("products", operations / step.productSeconds * 1e-9, "GFLOP/s"),
            ("evaluation", step.evaluationSeconds * 1e3, "ms"),
            (
                "evaluation every \(step.evaluationInterval) steps, beside training",
                step.evaluationShare, "of 1"
            ),
            ("peak memory", Double(BenchCommand.peakMemory), "bytes"),
        ] + (try checkpointCosts(configuration))
    }

    private func network<Scalar: NetworkScalar>(
        _ configuration: TrainingConfiguration, _ task: Networks.Task
    ) throws -> (NetworkEvaluator<Scalar>, [Scalar]) {
        let evaluator = try configuration.model.evaluator(
            for: task, examples: task.trainExamples, threadCount: threadCount, as: Scalar.self)
        var generator = SystemRandomNumberGenerator()
        return (evaluator, evaluator.layout.initialParameters(using: &generator))
    }

    /// The most memory this process has held, in bytes.
    private static var peakMemory: Int {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return usage.ru_maxrss * 1024
    }

    // MARK: Storing

    private func benchStore(_ configuration: TrainingConfiguration) throws -> [Measure] {
        try withStoredRun(configuration) { _, stored, saves, raw, bytes in
            let count = Double(stored.steps.count)
            let seconds = saves.reduce(0, +)
            var sum = 0.0
            let reading = try BenchCommand.seconds {
                for tensor in stored.layout.entries {
                    let trajectory = try stored.trajectory(of: tensor.name)
                    sum += Double(trajectory.bytes.last ?? 0)
                }
            }
            let total = Double(bytes) * count
            let blocks = try visiting(stored) { $0.count }
            let norms = try visiting(stored) {
                VectorSizes(of: $0.bindMemory(to: Float.self)).sumOfSquares
            }
            return [
                ("durable checkpoints", count / seconds, "1/s"),
                ("half of them within", saves.sorted()[saves.count / 2] * 1e3, "ms"),
                ("the same bytes written, synced and renamed", count / raw, "1/s"),
                ("share of that bound", raw / seconds, "of 1"),
                ("a checkpoint", Double(bytes), "bytes"),
                ("reading all trajectories, checked", total / reading * 1e-6, "MB/s"),
                ("reading all tensors in blocks, checked", blocks / count * 1e3, "ms each"),
                ("the same with their norms", norms / count * 1e3, "ms each"),
            ]
        }
    }

    /// The seconds of the fastest of three passes over all tensors of a run, block by block.
    private func visiting<Value: Sendable>(
        _ stored: StoredRun, _ body: @escaping @Sendable (UnsafeRawBufferPointer) -> Value
    ) throws -> Double {
        // What is computed is kept, or the compiler might leave it out.
        let results = Mutex<[Value]>([])
        let times = try (0..<3).map { _ in
            try BenchCommand.seconds {
                try stored.visit(threads: threadCount) { _, _, values in
                    let result = body(values)
                    results.withLock { $0.append(result) }
                }
            }
        }
        return times.min() ?? 0
    }

    /// Stores checkpoints of a network in a temporary archive and gives the run, the seconds that
    /// each took, the seconds of plain files of the same bytes, and the bytes of one checkpoint.
    private func withStoredRun(
        _ configuration: TrainingConfiguration,
        _ body: (Archive, StoredRun, [Double], Double, Int) throws -> [Measure]
    ) throws -> [Measure] {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let trainer = try Trainer(configuration, threadCount: 1)
        let (evaluator, parameters): (NetworkEvaluator<Float>, [Float]) = try network(
            configuration, trainer.task)
        let weights = evaluator.layout.unpack(parameters)
        let archive = try Archive.create(at: folder.appendingPathComponent("archive").path)
        let description = try trainer.describe(name: "bench")
        let writer = archive.writer()
        try writer.begin(description)
        let count = max(repetitions, 10)
        let saves = try (0..<count).map { step in
            try BenchCommand.seconds {
                try writer.save(Checkpoint(step: step, weights: weights))
            }
        }
        try writer.finish(.finished, metrics: [])
        let all = weights.flatMap(\.bytes)
        let raw = try BenchCommand.seconds {
            for step in 0..<count {
                let place = folder.appendingPathComponent("\(step)").path
                try BenchCommand.writeDurably(all, to: place)
            }
        }
        return try body(archive, archive.run(matching: description.id), saves, raw, all.count)
    }

    private static func writeDurably(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else {
            throw UserError.missing(subject: path, cause: "it cannot be written")
        }
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        let isSynced = fsync(descriptor) == 0
        close(descriptor)
        guard written == bytes.count, isSynced, rename(path + ".part", path) == 0 else {
            throw UserError.missing(subject: path, cause: "it cannot be written completely")
        }
    }

    // MARK: Analyses

    private func benchAnalyses(_ configuration: TrainingConfiguration) throws -> [Measure] {
        let task = try configuration.model.makeTask()
        let (evaluator, parameters): (NetworkEvaluator<Double>, [Double]) = try network(
            configuration, task)
        var gradient = [Double](repeating: 0, count: parameters.count)
        let gradientSeconds = BenchCommand.median(repetitions) {
            _ = evaluator.gradient(parameters, into: &gradient)
        }
        _ = evaluator.linearize(at: parameters)
        var product = gradient
        let hessianSeconds = BenchCommand.median(repetitions) {
            evaluator.hessianProduct(gradient, into: &product)
        }
        let weights = evaluator.layout.unpack(parameters.map { Float($0) })
        let plain = try AnalysisBenchmark.weightsAndCurves(weights, repetitions: repetitions)
        let progress = try AnalysisBenchmark.progress(
            configuration.model, task: task, weights: weights, repetitions: repetitions,
            workerCount: threadCount)
        let measured = (plain + [progress]).map { row -> Measure in
            (row.name, row.secondsPerUnit * 1e3, "ms")
        }
        return try [
            ("gradients in float64", 1 / gradientSeconds, "1/s"),
            ("Hessian-vector products in float64", 1 / hessianSeconds, "1/s"),
            ("a Hessian-vector product", hessianSeconds / gradientSeconds, "gradients"),
        ] + measured + benchStoredAnalyses(configuration)
    }

    /// The ledger's norms and spectra of stored checkpoints beside reading them.
    private func benchStoredAnalyses(
        _ configuration: TrainingConfiguration
    ) throws -> [Measure] {
        try withStoredRun(configuration) { archive, stored, _, _, _ in
            let count = Double(stored.steps.count)
            let reading = try BenchCommand.seconds {
                for step in stored.steps { _ = try stored.weights(at: step) }
            }
            let analyzer = Analyzer(archive)
            let times = try [AnalysisKind.norms, .fourier].map { kind in
                try BenchCommand.seconds { _ = try analyzer.run(AnalysisRequest(kind.usual)) }
            }
            return [
                ("reading a stored checkpoint", reading / count * 1e3, "ms"),
                ("analyze norms, a stored checkpoint", times[0] / count * 1e3, "ms"),
                ("analyze fourier, a stored checkpoint", times[1] / count * 1e3, "ms"),
            ]
        }
    }

    // MARK: SQL

    /// Asks an archive that is made for the purpose, with real proportions: 40 million rows are
    /// 10,000 runs with four curves of 1,000 points, and 1,000 checkpoints of one more run.
    private func benchStatements() throws -> [Measure] {
        guard let rowCount else { return try benchStatementsOfArchive() }
        let runs = min(10_000, max(1, rowCount / 40))
        let points = max(1, rowCount / (4 * runs))
        let checkpoints = min(1_000, max(10, rowCount / 40_000))
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try Archive.create(at: folder.path)
        StopSignals.listen()
        let filling = ProgressBar("fill", unit: "runs", total: runs, isQuiet: common.quiet)
        try StatementBenchmark.fill(archive, runs: runs, points: points) {
            filling.update($0)
            try StopSignals.check()
        }
        filling.end()
        let saving = ProgressBar(
            "save", unit: "checkpoints", total: checkpoints, isQuiet: common.quiet)
        let run = try StatementBenchmark.addCheckpoints(archive, count: checkpoints) {
            saving.update($0)
            try StopSignals.check()
        }
        saving.end()
        let measures =
            try StatementBenchmark.measureIndex(archive, repetitions: repetitions)
            + StatementBenchmark.measureSpectra(archive, run: run, repetitions: repetitions)
        return measures.map { ($0.name, $0.value, $0.unit) }
    }

    private func benchStatementsOfArchive() throws -> [Measure] {
        let session = try ArchiveAccess(common).session()
        func milliseconds(_ statement: String) throws -> Double {
            var times: [Double] = []
            for _ in 0..<repetitions {
                times.append(try BenchCommand.seconds { _ = try session.rows(statement) })
            }
            return times.sorted()[times.count / 2] * 1e3
        }
        let count =
            try session.rows("SELECT count(*) FROM metrics").first
            .flatMap { $0[0].integer } ?? 0
        return [
            (
                "the newest 20 runs",
                try milliseconds("SELECT * FROM runs ORDER BY created_at DESC LIMIT 20"), "ms"
            ),
            (
                "a filter over hyperparameters",
                try milliseconds(
                    "SELECT run FROM hyperparameters WHERE name = 'weight_decay' AND value > 0.5"),
                "ms"
            ),
            (
                "one run's curve",
                try milliseconds(
                    """
                    SELECT step, value FROM metrics
                    WHERE name = 'test_accuracy' AND run = (SELECT max(run) FROM runs)
                    ORDER BY step
                    """), "ms"
            ),
            ("all points of all curves", Double(count), "rows"),
            ("counting them", try milliseconds("SELECT count(value) FROM metrics"), "ms"),
        ]
    }

    // MARK: Timing

    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        try ContinuousClock().measure(body).seconds
    }

    private static func median(_ count: Int, _ body: () -> Void) -> Double {
        body()
        return (0..<count).map { _ in seconds(body) }.sorted()[count / 2]
    }
}
