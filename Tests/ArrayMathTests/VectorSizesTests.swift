import ArrayMath
import TestSupport
import Testing

@Suite struct VectorSizesTests {
    @Test(arguments: [0, 1, 7, 15, 16, 17, 31, 32, 1_000, 4_099])
    func onePassGivesWhatSeparateSumsGive(count: Int) {
        var generator = SeededGenerator(seed: count)
        let floats = (0..<count).map { _ in Float.random(in: -3...3, using: &generator) }
        let doubles = floats.map(Double.init)
        let single = floats.withUnsafeBufferPointer { VectorSizes(of: $0) }
        // The order of the additions differs: each rounds by at most half an ulp of the total.
        let sum = doubles.reduce(0) { $0 + $1 * $1 }
        let total = doubles.reduce(0) { $0 + abs($1) }
        let tolerance = Double(count) * Double.ulpOfOne
        for sizes in [single, VectorSizes(of: doubles)] {
            #expect(abs(sizes.sumOfSquares - sum) <= tolerance * sum)
            #expect(abs(sizes.sumOfMagnitudes - total) <= tolerance * total)
            #expect(sizes.largestMagnitude == doubles.map(abs).max() ?? 0)
            let norm = vectorNorm(doubles)
            #expect(abs(sizes.norm(of: doubles) - norm) <= tolerance * norm)
        }
    }

    @Test(arguments: [0, 5, 16, 47])
    func differencesAreTakenInDoublePrecision(count: Int) {
        let first = (0..<count).map { Float($0) - 20 }
        let second = first.map { $0 * (1 + 0x1p-20) + 0x1p-30 }
        let sizes = first.withUnsafeBufferPointer { first in
            second.withUnsafeBufferPointer { VectorSizes(ofDifferences: first, $0) }
        }
        let differences = zip(first, second).map { Double($0) - Double($1) }
        #expect(sizes == VectorSizes(of: differences))
    }

    @Test(arguments: [0, 3, 15, 16, 36, 40])
    func whatIsNotFiniteShows(place: Int) {
        var values = [Double](repeating: -2, count: 41)
        values[place] = -.infinity
        var sizes = VectorSizes(of: values)
        #expect(sizes.sumOfSquares == .infinity && sizes.largestMagnitude == .infinity)
        #expect(sizes.norm(of: values) == .infinity)
        values[place] = .nan
        sizes = VectorSizes(of: values)
        #expect(sizes.sumOfSquares.isNaN && sizes.sumOfMagnitudes.isNaN)
        #expect(sizes.largestMagnitude.isNaN && sizes.norm(of: values).isNaN)
    }

    @Test(arguments: [1e-200, 1e200])
    func squaresBeyondTheRangeStillHaveANorm(size: Double) {
        let values = [Double](repeating: size, count: 100)
        let norm = VectorSizes(of: values).norm(of: values)
        #expect(abs(norm / (10 * size) - 1) <= 100 * Double.ulpOfOne)
    }
}
