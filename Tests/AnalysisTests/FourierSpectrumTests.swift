import Analysis
import Checkpoints
import Foundation
import TestSupport
import Testing

struct FourierSpectrumTests {
    @Test("powers add up to the sum of squares along any axis (Parseval)", arguments: 0..<30)
    func parseval(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let shape = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
            Int.random(in: 1...12, using: &generator)
        }
        let count = shape.reduce(1, *)
        let values = (0..<count).map { _ in Double.random(in: -1...1, using: &generator) }
        let squares = values.reduce(0) { $0 + $1 * $1 }
        for axis in shape.indices {
            let tensor = Tensor(name: "w", shape: shape, values: values)
            let spectrum = try fourierSpectrum(of: tensor, axis: axis)
            #expect(abs(spectrum.totalPower - squares) <= 1e-14 * squares * Double(shape[axis]))
            let shares = spectrum.shares.compactMap { $0 }
            #expect(shares.count == shape[axis] / 2)
            #expect(shares.isEmpty || abs(shares.reduce(0, +) - 1) <= 1e-14 * Double(shape[axis]))
        }
    }

    @Test("each power is the sum of squared coefficients of the orthonormal basis")
    func agreesWithBasis() throws {
        var generator = SeededGenerator(seed: 3)
        let (points, columns) = (10, 4)
        let values = (0..<12 * columns).map { _ in Double.random(in: -1...1, using: &generator) }
        let spectrum = try fourierSpectrum(
            of: Tensor(name: "e", shape: [12, columns], values: values), length: points)
        #expect(spectrum.basis == "cyclic 10")
        #expect(spectrum.components == ["0", "1", "2", "3", "4", "5"])
        for frequency in 0...points / 2 {
            var direct = 0.0
            for wave in [cos, sin] as [(Double) -> Double] {
                let raw = (0..<points).map { wave(2 * .pi * Double($0 * frequency) / 10) }
                let norm = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard norm > 1e-9 else { continue }
                for column in 0..<columns {
                    let dot = (0..<points).reduce(0) {
                        $0 + raw[$1] / norm * values[$1 * columns + column]
                    }
                    direct += dot * dot
                }
            }
            #expect(abs(spectrum.power[frequency] - direct) <= 1e-13)
        }
    }

    @Test("shifting along the axis and rotating the other axes leave the powers")
    func invariants() throws {
        var generator = SeededGenerator(seed: 4)
        let values = (0..<13 * 2).map { _ in Double.random(in: -1...1, using: &generator) }
        let plain = try fourierSpectrum(of: Tensor(name: "e", shape: [13, 2], values: values))
        let shifted = Array(values[8...] + values[..<8])
        let moved = try fourierSpectrum(of: Tensor(name: "e", shape: [13, 2], values: shifted))
        var rotated = values
        for row in 0..<13 {
            let (x, y) = (values[2 * row], values[2 * row + 1])
            rotated[2 * row] = 0.6 * x - 0.8 * y
            rotated[2 * row + 1] = 0.8 * x + 0.6 * y
        }
        let turned = try fourierSpectrum(of: Tensor(name: "e", shape: [13, 2], values: rotated))
        for frequency in plain.power.indices {
            #expect(abs(plain.power[frequency] - moved.power[frequency]) < 1e-13)
            #expect(abs(plain.power[frequency] - turned.power[frequency]) < 1e-13)
        }
    }

    @Test("key frequencies follow the named rule, strongest first")
    func keyFrequencies() {
        let spectrum = FourierSpectrum(
            basis: "cyclic 10", components: (0...5).map(String.init), power: [99, 4, 64, 0.1, 6, 3])
        #expect(spectrum.keyComponents() == [2, 4])
        #expect(spectrum.keyComponents(rule: .normAbove(partOfLargest: 0.2)) == [2, 4, 1, 5])
        #expect(spectrum.keyComponents(rule: .shareAbove(0.05)) == [2, 4, 1])
        #expect(spectrum.keyComponents(rule: .strongest(3)) == [2, 4, 1])
        #expect(KeyFrequencyRule.standard.name == "norm > 0.25 max")
    }

    @Test("the Gini coefficient of known distributions")
    func giniCoefficient() {
        #expect(gini([2, 2, 2, 2]) == 0)
        #expect(gini([0, 0, 0, 8]) == 0.75)
        #expect(abs((gini([1, 3, 2]) ?? 0) - 4.0 / 18) < 1e-15)
        #expect(gini([]) == nil)
        #expect(gini([0, 0]) == nil)
        #expect(gini([1, .nan]) == nil)
        #expect(gini([1, -1, 3]) == nil)
    }

    @Test("zeros, NaN and width 1 have defined spectra; wrong axes are refused")
    func edgeCases() throws {
        let zeros = try fourierSpectrum(
            of: Tensor(name: "e", shape: [4, 2], values: [Float](repeating: 0, count: 8)))
        #expect(zeros.power == [0, 0, 0])
        #expect(zeros.shares == [nil, nil, nil])
        #expect(zeros.keyComponents().isEmpty)
        #expect(zeros.giniOfPairs == nil)
        let broken = try fourierSpectrum(
            of: Tensor(name: "e", shape: [4], values: [1, .nan, 0, 0]))
        #expect(broken.power.allSatisfy { $0.isNaN })
        #expect(broken.keyComponents().isEmpty)
        let infinite = try fourierSpectrum(
            of: Tensor(name: "e", shape: [4], values: [1, .infinity, 0, 0]))
        #expect(infinite.power.allSatisfy { $0.isNaN })
        let one = try fourierSpectrum(of: Tensor(name: "e", shape: [1, 3], values: [1.0, 2, 2]))
        #expect(one.power == [9])
        #expect(one.keyComponents().isEmpty)
        let tensor = Tensor(name: "e", shape: [4], values: [1.0, 2, 3, 4])
        #expect(throws: UserError.self) { try fourierSpectrum(of: tensor, axis: 1) }
        #expect(throws: UserError.self) { try fourierSpectrum(of: tensor, length: 5) }
        #expect(throws: UserError.self) { try fourierSpectrum(of: tensor, length: 0) }
    }
}
