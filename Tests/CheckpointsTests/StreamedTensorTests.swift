import Checkpoints
import Synchronization
import TestSupport
import Testing

/// Tensors that are read piece by piece are the tensors that they would be whole.
@Suite struct StreamedTensorTests {
    @Test(arguments: 0..<30)
    func piecesAreEqualAndAddUp(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let byteCount = Int.random(in: 0...1_000, using: &generator)
        let piece = Int.random(in: 1...300, using: &generator)
        let sizes = Array(PieceSizes(byteCount: byteCount, piece: piece))
        #expect(sizes.reduce(0, +) == byteCount)
        #expect(sizes.dropLast().allSatisfy { $0 == piece })
        #expect(sizes.allSatisfy { (1...piece).contains($0) })
    }

    @Test(arguments: 0..<20)
    func theDigestOfPiecesIsThatOfTheWhole(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let bytes = (0..<Int.random(in: 0...2_000, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
        let piece = Int.random(in: 1...500, using: &generator)
        let sizes = Array(PieceSizes(byteCount: bytes.count, piece: piece))
        let read = StreamedTensor.reader(of: bytes)
        var (used, indices): ([UInt8], [Int]) = ([], [])
        let digest = try OverlappedPieces.digest(sizes: sizes, fill: read) { index, piece in
            indices.append(index)
            used += Array(piece)
        }
        #expect(digest == Digest(of: bytes))
        #expect(used == bytes && indices == Array(sizes.indices))
    }

    /// What fails while reading or using ends the work with that error, and nothing is used twice.
    @Test(arguments: 0..<6)
    func aFailureEndsTheWork(piece failing: Int) throws {
        struct Failure: Error, Equatable {
            let isReading: Bool
        }
        for isReading in [true, false] {
            var (filled, used) = (0, 0)
            let error = #expect(throws: Failure.self) {
                _ = try OverlappedPieces.digest(
                    sizes: [Int](repeating: 3, count: 6),
                    fill: { _ in
                        if isReading, filled == failing { throw Failure(isReading: true) }
                        filled += 1
                    },
                    use: { index, _ in
                        if !isReading, index == failing { throw Failure(isReading: false) }
                        used += 1
                    })
            }
            #expect(error == Failure(isReading: isReading))
            #expect(used == failing)
        }
    }

    /// Every reader begins at the first byte, and the name alone changes with the name.
    @Test func aTensorIsReadAnewEachTime() throws {
        let tensor = Tensor(name: "w", shape: [2, 3], values: [Float](repeating: 1.5, count: 6))
        let opened = Atomic<Int>(0)
        let streamed = StreamedTensor(name: "w", shape: [2, 3], elementType: .float32) {
            opened.add(1, ordering: .relaxed)
            return StreamedTensor.reader(of: tensor.bytes)
        }
        #expect(opened.load(ordering: .relaxed) == 0)
        #expect(try streamed.load() == tensor && streamed.load() == tensor)
        #expect(try streamed.digest() == Digest(of: tensor.bytes))
        #expect(streamed.byteCount == tensor.bytes.count)
        #expect(try streamed.named("v").load().name == "v")
        #expect(try streamed.named("v").digest() == streamed.digest())
        #expect(opened.load(ordering: .relaxed) == 6)
    }

    @Test(arguments: 0..<10)
    func aCheckpointHasTheDigestOfItsWeights(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let weights = (0..<Int.random(in: 0...5, using: &generator)).map { index in
            Tensor(
                name: "t\(index)\(seed)", shape: [index],
                values: (0..<index).map { _ in Float.random(in: -1...1, using: &generator) })
        }.shuffled(using: &generator)
        let state = OptimizerState(tensors: weights, attributes: "{\"epoch\":1}")
        let checkpoint = Checkpoint(step: 3, weights: weights, optimizerState: state)
        let streamed = StreamedCheckpoint(
            step: 3, weights: weights.map(StreamedTensor.init),
            optimizerState: StreamedOptimizerState(
                tensors: weights.map(StreamedTensor.init), attributes: state.attributes))
        #expect(try streamed.weightsDigest() == Digest(weights: weights))
        #expect(try streamed.load() == checkpoint)
        #expect(streamed.byteCount == 2 * weights.reduce(0) { $0 + $1.bytes.count })
        // The text that is made once for all checkpoints of a run gives the same digest.
        var text = DigestText(weights.map { ($0.name, $0.elementType, $0.shape) })
        #expect(text.digest { Digest(of: weights[$0].bytes) } == Digest(weights: weights))
    }
}
