import Checkpoints
import Foundation
import HDF5Files
import TestSupport
import Testing

@testable import CheckpointArchive

/// Whatever a reader refuses, the writer refuses first: each limit from both sides.
@Suite struct StorageLimitsTests {
    private static func checkpoint(
        _ step: Int, metric: String = "loss", tensor: String = "w", axes: Int = 1
    ) -> Checkpoint {
        Checkpoint(
            step: step,
            weights: [
                Tensor(
                    name: tensor, shape: [Int](repeating: 1, count: axes), values: [Float(step)])
            ],
            metrics: [MetricPoint(name: metric, step: step, value: Double(step))])
    }

    /// What is stored comes back from the files alone, packed too.
    private static func requireBack(_ checkpoints: [Checkpoint]) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        do {
            let archive = try Archive.openOrCreate(at: path)
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for checkpoint in checkpoints { try writer.save(checkpoint) }
            try writer.finish(.finished, metrics: [])
        }
        try FileManager.default.removeItem(atPath: path + "/index.sqlite")
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.unreadable.isEmpty)
        let run = try archive.run(matching: "a")
        for checkpoint in checkpoints {
            #expect(try run.weights(at: checkpoint.step) == checkpoint.weights)
            for point in checkpoint.metrics {
                #expect(try run.metric(point.name).contains(point))
            }
        }
        #expect(try archive.verify().problems.isEmpty)
    }

    private static func requireRefused(_ checkpoint: Checkpoint, _ mention: String) throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.openOrCreate(at: folder.path("archive"))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        let error = #expect(throws: ArchiveError.self) { try writer.save(checkpoint) }
        #expect(error?.cause.contains(mention) == true, "\(String(describing: error))")
        // The run goes on without it.
        try writer.save(StorageLimitsTests.checkpoint(1_000))
        try writer.finish(.finished, metrics: [])
        #expect(try archive.run(matching: "a").steps == [1_000])
        #expect(try archive.verify().problems.isEmpty)
    }

    @Test func namesOfCurves() throws {
        let longest = String(repeating: "x", count: StorageLimits.longestMetricName)
        try StorageLimitsTests.requireBack([
            StorageLimitsTests.checkpoint(0, metric: longest),
            StorageLimitsTests.checkpoint(1, metric: "é/ %\u{1}"),
        ])
        for (name, mention) in [
            (longest + "x", "4096 are the most"), ("", "empty"), ("a\0b", "NUL"),
        ] {
            try StorageLimitsTests.requireRefused(
                StorageLimitsTests.checkpoint(0, metric: name), mention)
        }
    }

    @Test func namesAndAxesOfTensors() throws {
        let longest = String(repeating: "/", count: StorageLimits.longestTensorName)
        try StorageLimitsTests.requireBack([StorageLimitsTests.checkpoint(0, tensor: longest)])
        try StorageLimitsTests.requireBack([
            StorageLimitsTests.checkpoint(0, axes: StorageLimits.largestAxisCount)
        ])
        try StorageLimitsTests.requireRefused(
            StorageLimitsTests.checkpoint(0, tensor: longest + "/"), "4096 are the most")
        try StorageLimitsTests.requireRefused(
            StorageLimitsTests.checkpoint(0, axes: StorageLimits.largestAxisCount + 1),
            "31 are the most")
        try StorageLimitsTests.requireRefused(
            StorageLimitsTests.checkpoint(0, tensor: "a\0b"), "NUL")
    }

    /// What no writer stores, no reader takes.
    @Test func namesThatAreTooLongAreDamage() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("archive")
        let name = String(repeating: "x", count: StorageLimits.longestTensorName + 1)
        do {
            let archive = try Archive.openOrCreate(
                at: path, options: Archive.Options(looseLimit: nil))
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try writer.save(StorageLimitsTests.checkpoint(0))
            try writer.finish(.finished, metrics: [])
        }
        let foreign = StorageLimitsTests.checkpoint(1, tensor: name)
        let layout = TensorLayout(entries: [
            TensorLayout.Entry(name: name, shape: [1], elementType: .float32)
        ])
        let image = try CheckpointFile.image(
            of: foreign, CheckpointFile.Summary(foreign, layout), run: "a", compression: .contiguous
        )
        try Data(image).write(
            to: URL(fileURLWithPath: path + "/runs/a/" + ArchivePaths.loosePath(1)))
        let (archive, report) = try Archive.reindex(at: path)
        #expect(report.unreadable.map(\.file) == ["runs/a/" + ArchivePaths.loosePath(1)])
        #expect(report.unreadable.first?.cause.contains("4096 are the most") == true)
        #expect(try archive.run(matching: "a").steps == [0])
    }

    @Test func namesInTheOptimisersMemory() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.openOrCreate(at: folder.path("archive"))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        func checkpoint(_ step: Int, _ length: Int) -> Checkpoint {
            var checkpoint = StorageLimitsTests.checkpoint(step)
            let name = String(repeating: "m", count: length)
            checkpoint.optimizerState = OptimizerState(
                tensors: [Tensor(name: name, shape: [1], values: [Float(1)])], attributes: "{}")
            return checkpoint
        }
        let longest = StorageLimits.longestStateName
        let stored = checkpoint(0, longest)
        try writer.save(stored)
        #expect(throws: (any Error).self) { try writer.save(checkpoint(1, longest + 1)) }
        try writer.finish(.finished, metrics: [])
        let run = try archive.run(matching: "a")
        #expect(run.steps == [0])
        #expect(try run.optimizerState(at: 0) == stored.optimizerState)
    }

    @Test func stepsThatLieFarApart() throws {
        try StorageLimitsTests.requireBack(
            [0, 1, 5_000_000_000_000_000_000, Int.max].map { StorageLimitsTests.checkpoint($0) })
    }
}
