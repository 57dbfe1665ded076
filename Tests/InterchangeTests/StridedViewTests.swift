import Checkpoints
import TestSupport
import Testing

@testable import Interchange

@Suite struct StridedViewTests {
    /// Every element is where the definition of strides puts it, for any piece size.
    @Test(arguments: 0..<300)
    func elementsLieWhereStridesSay(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let types: [ElementType] = [.uint8, .float16, .float32, .float64, .complex128]
        let type = try #require(types.randomElement(using: &generator))
        let count = Int.random(in: 1...400, using: &generator)
        let storage = (0..<count * type.byteCount).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
        let rank = Int.random(in: 0...4, using: &generator)
        let shape = (0..<rank).map { _ in Int.random(in: 0...5, using: &generator) }
        let strides = (0..<rank).map { _ in Int.random(in: 0...12, using: &generator) }
        let offset = Int.random(in: 0...20, using: &generator)
        let reach = zip(shape, strides).reduce(offset) { $0 + max(0, $1.0 - 1) * $1.1 }
        let view = StridedView(
            elementType: type, shape: shape, strides: strides, offset: offset,
            storage: .memory(storage, count: count))
        guard shape.contains(0) || reach < count else {
            #expect(view == nil)
            return
        }
        var expected: [UInt8] = []
        for index in 0..<shape.reduce(1, *) {
            var rest = index
            var element = offset
            for axis in shape.indices.reversed() {
                element += rest % shape[axis] * strides[axis]
                rest /= shape[axis]
            }
            expected += storage[element * type.byteCount..<(element + 1) * type.byteCount]
        }
        for pieceByteCount in [1, 16, 64, StridedView.pieceByteCount] {
            #expect(try view?.load(pieceByteCount: pieceByteCount) == expected)
        }
        let stored = StoredTensor(view: try #require(view))
        let sizes = PieceSizes(
            byteCount: expected.count, piece: Int.random(in: 1...64, using: &generator))
        #expect(try Self.streamed(stored, sizes) == expected)
        if let pair = StoredTensor(stacking: [stored, stored]) {
            let sizes = PieceSizes(
                byteCount: 2 * expected.count, piece: Int.random(in: 1...64, using: &generator))
            #expect(try Self.streamed(pair, sizes) == expected + expected)
            #expect(try pair.load(named: "pair").bytes == expected + expected)
        }
    }

    /// The bytes of a tensor read in pieces.
    private static func streamed(_ tensor: StoredTensor, _ sizes: PieceSizes) throws -> [UInt8] {
        let read = try tensor.streamed(named: "tensor").reader()
        return try sizes.flatMap { size in
            var piece = [UInt8](repeating: 0xaa, count: size)
            try piece.withUnsafeMutableBytes { try read($0) }
            return piece
        }
    }

    @Test func reachesOutsideTheStorageAreRefused() {
        func view(_ shape: [Int], _ strides: [Int], _ offset: Int) -> StridedView? {
            StridedView(
                elementType: .float32, shape: shape, strides: strides, offset: offset,
                storage: .memory([UInt8](repeating: 0, count: 40), count: 10))
        }
        #expect(view([10], [1], 0) != nil)
        #expect(view([10], [1], 1) == nil)
        #expect(view([2], [-1], 5) == nil)
        #expect(view([2], [1], -1) == nil)
        #expect(view([2, 2], [1], 0) == nil)
        #expect(view([.max, 2], [1, 1], 0) == nil)
        #expect(view([3], [.max], 0) == nil)
        #expect(view([-1], [1], 0) == nil)
        #expect(view([0], [.max], 0) != nil)
    }
}
