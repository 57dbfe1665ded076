internal import Analysis
internal import ArchiveQueries
internal import ArrayMath
internal import CheckpointArchive
internal import Checkpoints
internal import Dispatch
internal import Foundation
internal import Networks
internal import Synchronization
package import Training

/// The speed of the analyses on one network.
package enum AnalysisBenchmark {
    /// Gradients beside Hessian-vector products, each analysis on weights in memory, and norms and
    /// spectra of stored checkpoints beside reading these.
    ///
    /// Errors: a setting that is out of range or contradicts another; a temporary folder that cannot
    /// be written.
    package static func measure(
        _ configuration: TrainingConfiguration, threadCount: Int, repetitions: Int
    ) throws -> [Measure] {
        let task = try configuration.model.makeTask()
        let evaluator = try configuration.model.evaluator(
            for: task, examples: task.trainExamples, threadCount: threadCount, as: Double.self)
        var generator = SystemRandomNumberGenerator()
        let parameters: [Double] = evaluator.layout.initialParameters(using: &generator)
        let weights = evaluator.layout.unpack(parameters.map { Float($0) })
        return try products(evaluator, parameters, repetitions: repetitions)
            + inMemory(weights, repetitions: repetitions)
            + [
                progress(
                    configuration.model, task: task, weights: weights, repetitions: repetitions,
                    workerCount: threadCount)
            ] + stored(configuration, threadCount: threadCount, repetitions: repetitions)
    }

    private static func products(
        _ evaluator: NetworkEvaluator<Double>, _ parameters: [Double], repetitions: Int
    ) -> [Measure] {
        var gradient = [Double](repeating: 0, count: parameters.count)
        // The first calls warm caches and threads and are not counted.
        _ = evaluator.gradient(parameters, into: &gradient)
        let gradientSeconds = medianSeconds(repetitions) {
            _ = evaluator.gradient(parameters, into: &gradient)
        }
        _ = evaluator.linearize(at: parameters)
        var product = gradient
        evaluator.hessianProduct(gradient, into: &product)
        let hessianSeconds = medianSeconds(repetitions) {
            evaluator.hessianProduct(gradient, into: &product)
        }
        return [
            Measure("gradients in float64", 1 / gradientSeconds, "1/s"),
            Measure("Hessian-vector products in float64", 1 / hessianSeconds, "1/s"),
            Measure("a Hessian-vector product", hessianSeconds / gradientSeconds, "gradients"),
        ]
    }

    /// Norms, embedding spectra and logistic fits, repeated on the same input.
    private static func inMemory(_ weights: [Tensor], repetitions: Int) throws -> [Measure] {
        func milliseconds(_ body: () throws -> Void) rethrows -> Double {
            try seconds { for _ in 0..<repetitions { try body() } } / Double(repetitions) * 1e3
        }
        var measures = [
            Measure(
                "norms of a checkpoint, singular values included",
                milliseconds { _ = weightNorms(of: weights) }, "ms")
        ]
        if let embedding = weights.first(where: {
            $0.name.hasSuffix("embedding") && $0.shape.count == 2
        }) {
            measures.append(
                Measure(
                    "spectrum of an embedding",
                    try milliseconds { _ = try fourierSpectrum(of: embedding) }, "ms"))
        }
        let curve = syntheticCurve(pointCount: 1000)
        measures.append(
            Measure(
                "fit of a sigmoid to 1,000 points",
                milliseconds { _ = curve.transitionFit(chance: 1 / 113) }, "ms"))
        return measures
    }

    /// Progress measures of a checkpoint, over `workerCount` threads that take one each, as
    /// `cairn analyze` does.
    ///
    /// Keys of untrained weights would be most frequencies: for p = 113 the published five stand in.
    private static func progress(
        _ model: ModelConfiguration, task: Networks.Task, weights: [Tensor], repetitions: Int,
        workerCount: Int
    ) throws -> Measure {
        let keys =
            try model.task.modulus == 113
            ? KeyComponents(
                names: [14, 35, 41, 42, 52].map(String.init), rule: "published for p = 113")
            : ProgressAnalysis(model, task: task).keys(of: weights)
        let failure = Mutex<(any Error)?>(nil)
        let counter = Atomic<Int>(0)
        let elapsed = seconds {
            DispatchQueue.concurrentPerform(iterations: workerCount) { _ in
                do {
                    let analysis = try ProgressAnalysis(model, task: task)
                    while counter.wrappingAdd(1, ordering: .relaxed).oldValue < repetitions {
                        _ = try analysis.measures(of: weights, keys: keys)
                    }
                } catch {
                    failure.withLock { $0 = error }
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return Measure(
            "progress measures of a checkpoint", elapsed / Double(repetitions) * 1e3, "ms")
    }

    /// The ledger's norms and spectra of stored checkpoints beside reading them.
    private static func stored(
        _ configuration: TrainingConfiguration, threadCount: Int, repetitions: Int
    ) throws -> [Measure] {
        try withTemporaryFolder { folder in
            let sample = try StoredSample(configuration, repetitions: repetitions, in: folder)
            let count = Double(sample.run.steps.count)
            let reading = try seconds {
                for step in sample.run.steps { _ = try sample.run.weights(at: step) }
            }
            let analyzer = Analyzer(sample.archive)
            let times = try [AnalysisKind.norms, .fourier].map { kind in
                try seconds { _ = try analyzer.run(AnalysisRequest(kind.usual)) }
            }
            return [
                Measure("reading a stored checkpoint", reading / count * 1e3, "ms"),
                Measure("analyze norms, a stored checkpoint", times[0] / count * 1e3, "ms"),
                Measure("analyze fourier, a stored checkpoint", times[1] / count * 1e3, "ms"),
            ]
        }
    }

    /// A noisy transition, the same on every machine.
    private static func syntheticCurve(pointCount: Int) -> Curve {
        var generator = ProbeGenerator(seed: 1)
        let steps = (0..<pointCount).map {
            Int(pow(10, 5 * Double($0) / Double(pointCount - 1))) + $0
        }
        let exact = LogisticCurve(lower: 0.01, upper: 0.99, steepness: 9, midpoint: 3.8)
        return Curve(
            steps: steps,
            values: steps.map {
                exact.value(at: log10(Double($0) + 1)) + 0.01 * (generator.uniform() - 0.5)
            })
    }
}
