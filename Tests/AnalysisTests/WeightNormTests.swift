import Analysis
import Checkpoints
import Foundation
import TestSupport
import Testing

struct WeightNormTests {
    private func matrix(_ rows: Int, _ columns: Int, _ values: [Double]) -> Tensor {
        Tensor(name: "w", shape: [rows, columns], values: values)
    }

    @Test("a diagonal matrix has the norms one can read off")
    func diagonal() throws {
        let norms = try #require(weightNorms(of: matrix(2, 3, [3, 0, 0, 0, -4, 0])))
        #expect(norms.l2 == 5)
        #expect(norms.linf == 4)
        #expect(norms.rms == 5 / 6.0.squareRoot())
        #expect(abs((norms.spectral ?? 0) - 4) < 1e-14)
        #expect(abs((norms.stableRank ?? 0) - 25.0 / 16) < 1e-13)
        let entropy = -(3.0 / 7) * log(3.0 / 7) - (4.0 / 7) * log(4.0 / 7)
        #expect(abs((norms.effectiveRank ?? 0) - exp(entropy)) < 1e-13)
    }

    @Test("the total covers all tensors and has no spectrum")
    func total() {
        let tensors = [
            Tensor(name: "a", shape: [2], values: [Float(3), 0]),
            Tensor(name: "b", shape: [], values: [Double(-4)]),
        ]
        let rows = weightNorms(of: tensors)
        #expect(rows.map(\.tensor) == ["a", "b", "total"])
        #expect(rows[2].l2 == 5)
        #expect(rows[2].linf == 4)
        #expect(rows[2].elementCount == 3)
        #expect(rows[2].spectral == nil)
        // A vector has no singular values of its own: its length is its l2 norm.
        #expect(rows[0].spectral == nil && rows[0].nuclear == nil)
        #expect(rows[0].stableRank == nil)
        #expect(rows[0].effectiveRank == nil)
        #expect(weightNorms(of: [Tensor]()).map(\.l2) == [0])
        #expect(weightNorms(of: [Tensor]())[0].rms == nil)
    }

    @Test(
        "single precision moves as far as its exact copy in double precision",
        arguments: [1, 15, 16, 17, 100])
    func movementOfSinglePrecision(count: Int) throws {
        var generator = SeededGenerator(seed: count)
        func values() -> [Float] { (0..<count).map { _ in .random(in: -1...1, using: &generator) } }
        func movement(_ one: [Float], _ other: [Float]) -> Double? {
            weightMovement(
                of: [Tensor(name: "w", shape: [count], values: one)],
                from: [Tensor(name: "w", shape: [count], values: other)]
            )[0].distance
        }
        let (one, other) = (values(), values())
        let squares = zip(one, other).reduce(0.0) {
            $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
        }
        let found = try #require(movement(one, other))
        #expect(abs(found - squares.squareRoot()) <= Double(count) * 0x1p-52 * found)
        for (place, value) in [(count - 1, Float.nan), (0, .infinity)] {
            var broken = one
            broken[place] = value
            #expect(movement(broken, other)?.isFinite == false)
            #expect(movement(broken, broken)?.isNaN == true)
        }
    }

    @Test("scaling scales norms and leaves ranks", arguments: 0..<10)
    func scaling(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let (rows, columns) = (
            Int.random(in: 1...20, using: &generator), Int.random(in: 1...20, using: &generator)
        )
        let values = (0..<rows * columns).map { _ in Double.random(in: -1...1, using: &generator) }
        let one = try #require(weightNorms(of: matrix(rows, columns, values)))
        let eight = try #require(weightNorms(of: matrix(rows, columns, values.map { -8 * $0 })))
        #expect(abs(eight.l2 - 8 * one.l2) <= 1e-13 * eight.l2)
        #expect(abs((eight.spectral ?? 0) - 8 * (one.spectral ?? 0)) <= 1e-12 * eight.l2)
        #expect(abs((eight.stableRank ?? 0) - (one.stableRank ?? 0)) <= 1e-11 * Double(rows))
        // Small singular values carry √ulp from the Gram matrix.
        #expect(abs((eight.effectiveRank ?? 0) - (one.effectiveRank ?? 0)) <= 1e-6)
        #expect((one.stableRank ?? 0) >= 1 - 1e-12)
        #expect((one.effectiveRank ?? 0) <= Double(min(rows, columns)) + 1e-9)
    }

    @Test("zeros, NaN, infinities, no elements and complex numbers have defined answers")
    func edgeCases() throws {
        let zeros = try #require(weightNorms(of: matrix(2, 2, [0, 0, 0, 0])))
        #expect(zeros.l2 == 0)
        #expect(zeros.spectral == 0)
        #expect(zeros.stableRank == nil)
        #expect(zeros.effectiveRank == nil)
        let broken = try #require(weightNorms(of: matrix(2, 2, [1, .nan, 2, .infinity])))
        #expect(broken.l2.isNaN)
        #expect(broken.linf.isNaN)
        #expect(broken.spectral?.isNaN == true)
        #expect(broken.stableRank?.isNaN == true)
        let infinite = try #require(weightNorms(of: matrix(2, 2, [1, 0, 2, -.infinity])))
        #expect(infinite.l2 == .infinity)
        #expect(infinite.linf == .infinity)
        #expect(infinite.spectral == .infinity)
        #expect(infinite.effectiveRank?.isNaN == true)
        let empty = try #require(weightNorms(of: matrix(0, 4, [])))
        #expect(empty.l2 == 0)
        #expect(empty.rms == nil)
        #expect(empty.stableRank == nil)
        let complex = Tensor(
            name: "c", shape: [1], elementType: .complex64, bytes: [UInt8](repeating: 0, count: 8))
        #expect(weightNorms(of: complex) == nil)
    }

    @Test("tensors with three axes count as their stacked matrix")
    func flattensLeadingAxes() throws {
        let values: [Double] = [1, 2, 3, 4, 5, 6, 7, 8]
        let stacked = weightNorms(of: Tensor(name: "w", shape: [2, 2, 2], values: values))
        #expect(stacked == weightNorms(of: matrix(4, 2, values)))
    }
}
