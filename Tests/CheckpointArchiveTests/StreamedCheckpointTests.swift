import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Checkpoints whose tensors are read while they are stored.
@Suite struct StreamedCheckpointTests {
    /// Tensors of several pieces, of one, and of nothing; together too many bytes to be stored whole.
    private static func checkpoint(_ step: Int) -> Checkpoint {
        func tensor(_ name: String, _ shape: [Int], _ type: ElementType) -> Tensor {
            let count = shape.reduce(type.byteCount, *)
            var bytes = [UInt8](repeating: UInt8(step), count: count)
            // A byte in each piece and the ends tell pieces apart that were swapped or left out.
            for index in stride(from: 0, to: count, by: 100_003) {
                bytes[index] = UInt8(truncatingIfNeeded: index / 7 + name.utf8.count)
            }
            if count > 0 { bytes[count - 1] = 0x5a }
            return Tensor(name: name, shape: shape, elementType: type, bytes: bytes)
        }
        return Checkpoint(
            step: step,
            weights: [
                tensor("wide", [3, 2_500_001], .float32), tensor("half", [5_000_000], .bfloat16),
                tensor("empty", [0, 4], .float64), tensor("scalar", [], .int64),
                tensor("blocks.0/odd%name", [7, 11], .bool),
            ],
            optimizerState: OptimizerState(
                tensors: [tensor("first_moment/wide", [3, 2_500_001], .float32)],
                attributes: #"{"step":4}"#),
            metrics: [MetricPoint(name: "train_loss", step: step, value: .nan)])
    }

    private static func streamed(_ checkpoint: Checkpoint) -> StreamedCheckpoint {
        StreamedCheckpoint(
            step: checkpoint.step, weights: checkpoint.weights.map(StreamedTensor.init),
            optimizerState: checkpoint.optimizerState.map {
                StreamedOptimizerState(
                    tensors: $0.tensors.map(StreamedTensor.init), attributes: $0.attributes)
            }, metrics: checkpoint.metrics)
    }

    @Test func aStreamedCheckpointIsStoredLikeAWholeOne() throws {
        let folder = try TemporaryFolder()
        let checkpoint = Self.checkpoint(4)
        let archive = try Archive.openOrCreate(at: folder.path("archive"))
        for (run, isStreamed) in [("a", true), ("b", false)] {
            let writer = archive.writer()
            try writer.begin(TestRuns.description(run))
            if isStreamed {
                try writer.save(Self.streamed(checkpoint))
            } else {
                try writer.save(checkpoint)
            }
            try writer.finish(.finished, metrics: [])
        }
        for id in ["a", "b"] {
            let run = try archive.run(matching: id)
            #expect(run.steps == [4])
            #expect(try run.weights(at: 4) == TestRuns.sorted(checkpoint.weights))
            #expect(try run.optimizerState(at: 4) == checkpoint.optimizerState)
            #expect(try run.metric("train_loss").map(\.step) == [4])
            for tensor in checkpoint.weights {
                #expect(try run.tensor(tensor.name, at: 4) == tensor)
            }
        }
        #expect(try archive.verify().isSound)
        // What the index knows can be found again in the files alone.
        try FileManager.default.removeItem(atPath: folder.path("archive/index.sqlite"))
        let again = try Archive.reindex(at: folder.path("archive")).archive
        #expect(try again.run(matching: "a").weights(at: 4) == TestRuns.sorted(checkpoint.weights))
    }

    @Test func theSameStepIsSkippedAndAnotherOneRefused() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.openOrCreate(at: folder.path("archive"))
        do {
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try writer.save(Self.streamed(Self.checkpoint(4)))
        }
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        try writer.save(Self.streamed(Self.checkpoint(4)))
        var other = Self.checkpoint(5)
        other.step = 4
        let error = #expect(throws: ArchiveError.self) { try writer.save(Self.streamed(other)) }
        #expect(error?.cause == "the archive has other weights for this step")
        try writer.save(Self.streamed(Self.checkpoint(5)))
        try writer.finish(.finished, metrics: [])
        #expect(try archive.run(matching: "a").steps == [4, 5])
    }

    /// A source that fails half-way leaves neither file nor row, and the run goes on.
    @Test func aSourceThatFailsLeavesNothing() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.openOrCreate(at: folder.path("archive"))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        let whole = Self.streamed(Self.checkpoint(4))
        let broken = StreamedTensor(name: "wide", shape: [3, 2_500_001], elementType: .float32) {
            var count = 0
            return { buffer in
                count += buffer.count
                guard count < 10_000_000 else {
                    throw UserError(.failure, subject: "model.pth", cause: "it became shorter")
                }
                buffer.initializeMemory(as: UInt8.self, repeating: 1)
            }
        }
        let error = #expect(throws: ArchiveError.self) {
            try writer.save(
                StreamedCheckpoint(
                    step: 4, weights: whole.weights.dropFirst() + [broken],
                    optimizerState: whole.optimizerState))
        }
        #expect(error?.subject == "run test (a), step 4")
        #expect(error?.cause == "not saved: model.pth: it became shorter")
        let root = folder.path("archive")
        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/runs/a/loose").isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/temporary").isEmpty)
        try writer.save(whole)
        try writer.finish(.finished, metrics: [])
        #expect(try archive.verify().isSound)
        #expect(try archive.run(matching: "a").steps == [4])
    }
}
