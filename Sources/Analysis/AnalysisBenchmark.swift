internal import ArrayMath
package import Checkpoints
internal import Dispatch
internal import Foundation
package import Networks
internal import Synchronization

/// The speed of the analyses on one model, for `cairn bench analyze`.
package struct AnalysisBenchmark: Sendable {
    /// One timing.
    package struct Row: Sendable {
        /// For example `norms`, `sigmoid_fit`.
        package let name: String
        /// What was counted: checkpoints, fits, eigenvalues, ….
        package let unit: String
        package let count: Int
        package let seconds: Double
        /// Bytes of weights read from memory, where speed is compared with memory's.
        package let bytes: Int?

        package var secondsPerUnit: Double { seconds / Double(max(count, 1)) }
        package var bytesPerSecond: Double? { bytes.map { Double($0) / seconds } }
    }

    /// Norms, embedding spectra and logistic fits, repeated `repetitions` times on the same input.
    package static func weightsAndCurves(
        _ weights: [Tensor], repetitions: Int
    ) throws -> [Row] {
        let bytes = weights.reduce(0) { $0 + $1.bytes.count }
        let norms = seconds {
            for _ in 0..<repetitions { _ = weightNorms(of: weights) }
        }
        var rows = [
            Row(
                name: "norms of a checkpoint, singular values included", unit: "checkpoints",
                count: repetitions, seconds: norms,
                bytes: bytes * repetitions)
        ]
        if let embedding = weights.first(where: {
            $0.name.hasSuffix("embedding") && $0.shape.count == 2
        }) {
            let spectra = try seconds {
                for _ in 0..<repetitions { _ = try fourierSpectrum(of: embedding) }
            }
            rows.append(
                Row(
                    name: "spectrum of an embedding", unit: "checkpoints", count: repetitions,
                    seconds: spectra, bytes: embedding.bytes.count * repetitions))
        }
        let curve = syntheticCurve(pointCount: 1000)
        let fits = seconds {
            for _ in 0..<repetitions { _ = curve.transitionFit(chance: 1 / 113) }
        }
        rows.append(
            Row(
                name: "fit of a sigmoid to 1,000 points", unit: "fits of 1,000 points",
                count: repetitions,
                seconds: fits, bytes: nil))
        return rows
    }

    /// The largest eigenvalues of the full-batch training loss's Hessian in double precision.
    package static func eigenvalues(
        _ model: ModelConfiguration, task: Task, weights: [Tensor], top: Int, tolerance: Double,
        threadCount: Int
    ) throws -> (row: Row, spectrum: CurvatureSpectrum) {
        var spectrum = CurvatureSpectrum(
            eigenvalues: [], productCount: 0, draftProductCount: 0, warmStart: nil)
        let elapsed = try seconds {
            let curvature = try NetworkCurvature(
                .hessian, of: model, task: task, examples: task.trainExamples, at: weights,
                threadCount: threadCount)
            spectrum = try curvature.spectrum(LanczosOptions(top: top, tolerance: tolerance))
        }
        return (
            Row(name: "hessian", unit: "eigenvalues", count: top, seconds: elapsed, bytes: nil),
            spectrum
        )
    }

    /// Progress measures of a checkpoint of a cyclic task with five keys, `repetitions` times over
    /// `workerCount` threads that take one checkpoint each, as `cairn analyze` does.
    ///
    /// Keys of untrained weights would be most frequencies, so that the published five stand in.
    package static func progress(
        _ model: ModelConfiguration, task: Task, weights: [Tensor], repetitions: Int,
        workerCount: Int
    ) throws -> Row {
        let keys = KeyComponents(
            names: [14, 35, 41, 42, 52].map(String.init), rule: "published for p = 113")
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
        return Row(
            name: "progress measures of a checkpoint", unit: "checkpoints", count: repetitions,
            seconds: elapsed, bytes: nil)
    }

    /// A noisy transition, the same on every machine.
    package static func syntheticCurve(pointCount: Int) -> Curve {
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

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        return try clock.measure { try body() } / .seconds(1)
    }
}
