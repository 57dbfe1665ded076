import Checkpoints
import HDF5Files
import TestSupport
import Testing

@testable import CheckpointArchive

/// Files from a template are the library's own files, byte for byte.
@Suite struct CheckpointTemplateTests {
    @Test(arguments: 0..<20)
    func templatesMakeTheLibrarysFiles(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let run = "run-\(seed)"
        let types = ElementType.allCases.filter { $0.byteCount >= 4 }
        let entries = (0..<Int.random(in: 1...14, using: &generator)).map { index in
            TensorLayout.Entry(
                name: "tensor \(index)/\(seed)",
                shape: (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                    Int.random(in: 0...9, using: &generator)
                },
                elementType: types.randomElement(using: &generator) ?? .float32)
        }
        let hasState = Bool.random(using: &generator)
        let pointCount = Int.random(in: 0...9, using: &generator)
        let digestCount = Int.random(in: 0...3, using: &generator)
        func tensor(_ entry: TensorLayout.Entry) -> Tensor {
            Tensor(
                name: entry.name, shape: entry.shape, elementType: entry.elementType,
                bytes: (0..<entry.byteCount).map { _ in
                    // Some tensors are zero, as new biases and moments are.
                    entry.name.hasPrefix("tensor 1") ? 0 : .random(in: 0...255, using: &generator)
                })
        }
        let maker = CheckpointFileMaker(run: run, compression: .contiguous)
        let count = 12
        for step in 0..<count {
            let checkpoint = Checkpoint(
                step: step * step * step * 1_000_003, weights: entries.map(tensor),
                optimizerState: hasState
                    ? OptimizerState(
                        tensors: entries.map(tensor), attributes: "{\"position\":\(step + 100)}")
                    : nil,
                metrics: (0..<pointCount).map {
                    MetricPoint(
                        name: $0 % 2 == 0 ? "train_loss" : "accuracy", step: step,
                        value: step == 5 ? .nan : .random(in: 0...1, using: &generator))
                },
                stepDigests: (0..<digestCount).map {
                    StepDigest(step: step + $0, high: generator.next(), low: generator.next())
                })
            let summary = try CheckpointFile.Summary(checkpoint)
            let expected = try CheckpointFile.image(
                of: checkpoint, summary, run: run, compression: .contiguous)
            #expect(
                try image(of: checkpoint, summary, from: maker) == expected, "step \(step)")
        }
        #expect(maker.templateUseCount == count - 2)
    }

    /// The bytes as they come on a disk: those of the beginning, with the parts that changed.
    private func image(
        of checkpoint: Checkpoint, _ summary: CheckpointFile.Summary,
        from maker: CheckpointFileMaker
    ) throws -> [UInt8] {
        var written: [UInt8] = []
        var known = checkpoint
        // As training knows them; every other step leaves them to be computed.
        let digests = Dictionary(
            uniqueKeysWithValues: zip(summary.layout.entries.map(\.name), summary.digests))
        if checkpoint.step % 2 == 0 {
            known.weightDigests = checkpoint.weights.compactMap { digests[$0.name] }
        }
        try maker.withImage(of: known, summary.layout) {
            written = $0
        } finish: {
            image, changed, found in
            for part in changed { written.replaceSubrange(part, with: image[part]) }
            #expect(written == image)
            #expect(found.digest == summary.digest)
        }
        return written
    }

    @Test func otherFormsComeFromTheLibrary() throws {
        let maker = CheckpointFileMaker(run: "a", compression: .contiguous)
        for step in 0..<12 {
            var checkpoint = TestRuns.checkpoint(step)
            // Each metric makes a file of another structure, and so does a longer text.
            checkpoint.metrics += (0..<step).map {
                MetricPoint(name: "extra", step: $0, value: 0)
            }
            checkpoint.optimizerState?.attributes += String(repeating: " ", count: step)
            let summary = try CheckpointFile.Summary(checkpoint)
            let expected = try CheckpointFile.image(
                of: checkpoint, summary, run: "a", compression: .contiguous)
            #expect(try image(of: checkpoint, summary, from: maker) == expected)
        }
        #expect(maker.templateUseCount == 0)
        let deflated = CheckpointFileMaker(run: "a", compression: .deflated(level: 3))
        for step in 0..<4 {
            let checkpoint = TestRuns.checkpoint(step)
            let summary = try CheckpointFile.Summary(checkpoint)
            let expected = try CheckpointFile.image(
                of: checkpoint, summary, run: "a", compression: .deflated(level: 3))
            #expect(try image(of: checkpoint, summary, from: deflated) == expected)
        }
        #expect(deflated.templateUseCount == 0)
    }
}
