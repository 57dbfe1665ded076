internal import Analysis
internal import ArrayMath
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Networks
internal import Synchronization
internal import SystemFiles
package import Training

/// The speed of storing and reading checkpoints, beside plain files of the same bytes.
package enum StoreBenchmark {
    /// Errors: a setting that is out of range or contradicts another; a temporary folder that cannot
    /// be written.
    package static func measure(
        _ configuration: TrainingConfiguration, threadCount: Int, repetitions: Int
    ) throws -> [Measure] {
        try withTemporaryFolder { folder in
            let sample = try StoredSample(configuration, repetitions: repetitions, in: folder)
            let run = sample.run
            let count = Double(run.steps.count)
            let saving = sample.saveSeconds.reduce(0, +)
            let plain = try writePlainFiles(sample, in: folder)
            let reading = try seconds {
                for tensor in run.layout.entries { _ = try run.trajectory(of: tensor.name) }
            }
            let blocks = try visiting(run, threadCount) { $0.count }
            let norms = try visiting(run, threadCount) {
                VectorSizes(of: $0.bindMemory(to: Float.self)).sumOfSquares
            }
            let total = Double(sample.bytes.count) * count
            return [
                Measure("durable checkpoints", count / saving, "1/s"),
                Measure("half of them within", median(sample.saveSeconds) * 1e3, "ms"),
                Measure("the same bytes written, synced and renamed", count / plain, "1/s"),
                Measure("share of that bound", plain / saving, "of 1"),
                Measure("a checkpoint", Double(sample.bytes.count), "bytes"),
                Measure("reading all trajectories, checked", total / reading * 1e-6, "MB/s"),
                Measure("reading all tensors in blocks, checked", blocks / count * 1e3, "ms each"),
                Measure("the same with their norms", norms / count * 1e3, "ms each"),
            ]
        }
    }

    /// The seconds that as many plain files of a checkpoint's bytes take.
    private static func writePlainFiles(_ sample: StoredSample, in folder: URL) throws -> Double {
        let root = RootedPath(root: folder.path)
        return try seconds {
            for step in sample.run.steps {
                let part = root.appending("\(step).part")
                let file = try part.open(.creating)
                try file.write(sample.bytes)
                try file.sync()
                try file.close()
                try part.rename(to: root.appending("\(step)"))
            }
        }
    }

    /// The seconds of the fastest of three passes over all tensors of a run, block by block.
    private static func visiting<Value: Sendable>(
        _ run: StoredRun, _ threadCount: Int,
        _ body: @escaping @Sendable (UnsafeRawBufferPointer) -> Value
    ) throws -> Double {
        // What is computed is kept, or the compiler might leave it out.
        let results = Mutex<[Value]>([])
        let times = try (0..<3).map { _ in
            try seconds {
                try run.visit(threads: threadCount) { _, _, values in
                    let result = body(values)
                    results.withLock { $0.append(result) }
                }
            }
        }
        return times.min() ?? 0
    }
}

/// Checkpoints of a network at random, stored in an archive in a temporary folder.
struct StoredSample {
    let archive: Archive
    let run: StoredRun
    /// The seconds that each checkpoint took.
    let saveSeconds: [Double]
    /// The weights of a checkpoint, one tensor after another.
    let bytes: [UInt8]

    /// Stores as many checkpoints as there are repetitions, at least ten.
    init(_ configuration: TrainingConfiguration, repetitions: Int, in folder: URL) throws {
        let trainer = try Trainer(configuration, threadCount: 1)
        let evaluator = try configuration.model.evaluator(
            for: trainer.task, examples: trainer.task.trainExamples, threadCount: 1, as: Float.self)
        var generator = SystemRandomNumberGenerator()
        let parameters: [Float] = evaluator.layout.initialParameters(using: &generator)
        let weights = evaluator.layout.unpack(parameters)
        archive = try Archive.create(at: folder.appendingPathComponent("archive").path)
        let description = try trainer.describe(name: "bench")
        let writer = archive.writer()
        try writer.begin(description)
        saveSeconds = try (0..<max(repetitions, 10)).map { step in
            try seconds { try writer.save(Checkpoint(step: step, weights: weights)) }
        }
        try writer.finish(.finished, metrics: [])
        run = try archive.run(matching: description.id)
        bytes = weights.flatMap(\.bytes)
    }
}
