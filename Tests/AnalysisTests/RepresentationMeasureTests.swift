import Analysis
import ArrayMath
import Foundation
import TestSupport
import Testing

/// Similarity, topology and noise against closed forms and reference packages.
///
/// `Fixtures/representation_references.py` has the reference values that are of no closed form.
struct RepresentationMeasureTests {
    private static func circle(_ count: Int) -> [Double] {
        (0..<count).flatMap { place in
            let angle = 2 * Double.pi * Double(place) / Double(count)
            return [cos(angle), sin(angle)]
        }
    }

    @Test("a circle of n points has one loop", arguments: [4, 5, 6, 7, 12, 13, 60, 97, 113])
    func circle(count: Int) throws {
        let homology = try #require(PersistentHomology(Self.circle(count), columns: 2))
        let n = Double(count)
        // Equal chords differ by rounding, so that bars of its size may be there.
        let bars = homology.bars.filter { $0.persistence > 1e-9 }
        #expect(bars.count == 1)
        let death = 2 * sin(.pi * Double((count + 2) / 3) / n)
        #expect(abs((bars.first?.birth ?? 0) - 2 * sin(.pi / n)) < 1e-12)
        #expect(abs((bars.first?.death ?? 0) - death) < 1e-12)
        #expect(homology.merges.count == count - 1)
        #expect(abs(homology.totalMerges - (n - 1) * 2 * sin(.pi / n)) < 1e-10)
    }

    @Test("a square, a triangle, a line, a point and nothing")
    func smallest() throws {
        let square = try #require(PersistentHomology([0, 0, 1, 0, 1, 1, 0, 1], columns: 2))
        #expect(square.bars == [.init(birth: 1, death: 2.0.squareRoot())])
        #expect(PersistentHomology(Self.circle(3), columns: 2)?.bars.isEmpty == true)
        #expect(PersistentHomology([0, 1, 3], columns: 1)?.merges == [1, 2])
        #expect(PersistentHomology([1], columns: 1)?.merges.isEmpty == true)
        #expect(PersistentHomology([], columns: 2)?.bars.isEmpty == true)
        #expect(PersistentHomology([0, .nan], columns: 1) == nil)
        // Points that are the same merge at once and make no loop.
        let double = try #require(
            PersistentHomology([0, 0, 0, 0, 1, 0, 1, 1, 0, 1], columns: 2))
        #expect(double.merges == [0, 1, 1, 1] && double.bars.count == 1)
    }

    /// The product of two circles of 8 points in four dimensions, by ripser 0.6.15.
    @Test("a torus has two long loops and as many short ones as the reference package finds")
    func torus() throws {
        let circle = Self.circle(8)
        var points: [Double] = []
        for place in 0..<64 {
            points += circle[2 * (place / 8)..<2 * (place / 8) + 2]
            points += circle[2 * (place % 8)..<2 * (place % 8) + 2]
        }
        let homology = try #require(PersistentHomology(points, columns: 4))
        let bars = homology.bars.filter { $0.persistence > 1e-6 }
        #expect(bars.count == 65)
        #expect(abs(homology.largestPersistence - 1.082_392_16) < 1e-6)
        #expect(abs(homology.totalPersistence - 22.137_38) < 1e-4)
        #expect(abs(bars[0].birth - bars[1].birth) < 1e-9)
    }

    /// 40 points x_ij = sin((i + 1)(j + 1)²) in three dimensions, by ripser 0.6.15 in single precision.
    @Test("loops of scattered points are those of the reference package")
    func scattered() throws {
        let points = Self.matrix(40, 3) { sin($0 * $1 * $1) }
        let homology = try #require(PersistentHomology(points, columns: 3))
        #expect(homology.bars.count == Int(Reference.loops[0]))
        #expect(abs(homology.largestPersistence - Reference.loops[1]) < 1e-6)
        #expect(abs(homology.totalPersistence - Reference.loops[2]) < 1e-5)
        #expect(abs(homology.totalMerges - Reference.loops[3]) < 1e-5)
        // The order of the points changes nothing.
        var turned: [Double] = []
        for row in (0..<40).reversed() { turned += points[3 * row..<3 * row + 3] }
        let other = try #require(PersistentHomology(turned, columns: 3))
        for (one, two) in zip(homology.bars, other.bars) {
            #expect(abs(one.birth - two.birth) < 1e-12 && abs(one.death - two.death) < 1e-12)
        }
    }

    enum Reference {
        /// Loops, largest and total persistence, total length of merges.
        static let loops = [13, 0.335_335_314_3, 1.989_803_612, 19.372_090_85]
        static let slope = 2.405_857_390_002_250_6
        static let dimension = 2.379_674_309_702_931_4
    }

    /// f(i, j) of places counted from 1, [rows, columns].
    private static func matrix(
        _ rows: Int, _ columns: Int, _ f: (Double, Double) -> Double
    ) -> [Double] {
        var values: [Double] = []
        for row in 1...rows {
            for column in 1...columns { values.append(f(Double(row), Double(column))) }
        }
        return values
    }

    @Test("linear alignment, its unbiased form and the Procrustes distance have their known values")
    func similarity() throws {
        let x = Self.matrix(20, 3) { sin($0 * $1) }
        let y = Self.matrix(20, 4) { cos(0.7 * $0 * $1) }
        let found = try #require(
            RepresentationSimilarity(x, columns: 3, and: y, columns: 4, rows: 20))
        #expect(abs((found.alignment ?? 0) - 0.169_453_497_1) < 1e-10)
        #expect(abs((found.unbiasedAlignment ?? 0) + 0.019_549_346_4) < 1e-10)
        #expect(abs((found.procrustesDistance ?? 0) - 1.372_270_952_4) < 1e-10)
        let stretched = Self.matrix(20, 3) { $1 * sin($0 * $1) }
        let other = try #require(
            RepresentationSimilarity(x, columns: 3, and: stretched, columns: 3, rows: 20))
        #expect(abs((other.alignment ?? 0) - 0.824_218_975) < 1e-9)
        #expect(abs((other.unbiasedAlignment ?? 0) - 0.802_097_828_3) < 1e-9)
    }

    @Test("a rotation, a scale and a shift change no similarity", arguments: 0..<8)
    func invariance(seed: Int) throws {
        var generator = ProbeGenerator(seed: UInt64(seed))
        let (rows, columns) = (5 + seed, 2)
        let x = generator.normals(rows * columns)
        let (angle, scale) = (generator.uniform() * 6, 0.1 + generator.uniform())
        let y = (0..<rows).flatMap { row -> [Double] in
            let (a, b) = (x[2 * row], x[2 * row + 1])
            return [
                3 + scale * (cos(angle) * a - sin(angle) * b),
                scale * (sin(angle) * a + cos(angle) * b) - 1,
            ]
        }
        let found = try #require(
            RepresentationSimilarity(x, columns: 2, and: y, columns: 2, rows: rows))
        #expect(abs((found.alignment ?? 0) - 1) < 1e-12)
        #expect(abs((found.unbiasedAlignment ?? 0) - 1) < 1e-9)
        #expect(abs(found.procrustesDistance ?? 1) < 1e-12)
    }

    @Test("what does not vary, few rows and numbers that are none have no similarity")
    func edges() throws {
        let flat = [Double](repeating: 2, count: 8)
        let x = Self.matrix(4, 2) { sin($0 * $1) }
        let constant = RepresentationSimilarity(flat, columns: 2, and: x, columns: 2, rows: 4)
        #expect(constant?.alignment == nil && constant?.procrustesDistance == nil)
        let few = RepresentationSimilarity(
            Array(x.prefix(6)), columns: 2, and: Array(x.prefix(6)), columns: 2, rows: 3)
        #expect(few?.alignment != nil && few?.unbiasedAlignment == nil)
        #expect(
            RepresentationSimilarity([.nan, 1], columns: 1, and: [0, 1], columns: 1, rows: 2)
                == nil)
    }

    @Test("two nearest neighbours: the slope through the origin over the lowest nine tenths")
    func neighbours() throws {
        let points = Self.matrix(40, 3) { sin($0 * $1 * $1) }
        #expect(abs((twoNeighbourSlope(points, columns: 3) ?? 0) - Reference.slope) < 1e-9)
        #expect(abs((twoNeighbourDimension(points, columns: 3) ?? 0) - Reference.dimension) < 1e-9)
        #expect(twoNeighbourSlope([1, 1, 1, 1], columns: 1) == nil)
    }

    @Test("the noise scale of gradients, of all examples and of a sample")
    func noise() throws {
        // Four gradients (1, 0), (3, 0), (2, 1), (2, −1): G = (2, 0), Σ = diag(1/2, 1/2) · 4/3.
        let noise = try #require(
            GradientNoise(squaredNorm: 4, exampleCount: 4, samples: [1, 9, 5, 5]))
        #expect(abs(noise.trace - 4.0 / 3) < 1e-15 && noise.traceError == 0)
        #expect(abs((noise.scale ?? 0) - 1.0 / 3) < 1e-15)
        #expect(abs(noise.unbiasedSquaredNorm - (4 - 1.0 / 3)) < 1e-15)
        #expect(abs((noise.unbiasedScale ?? 0) - 4 / 11.0) < 1e-15)
        let sample = try #require(
            GradientNoise(squaredNorm: 4, exampleCount: 4, samples: [1, 9]))
        #expect(sample.sampleCount == 2 && sample.traceError > 0)
        #expect(GradientNoise(squaredNorm: 4, exampleCount: 1, samples: [4]) == nil)
        #expect(GradientNoise(squaredNorm: .nan, exampleCount: 4, samples: [1, 9]) == nil)
        let minimum = try #require(
            GradientNoise(squaredNorm: 0, exampleCount: 4, samples: [1, 1, 1, 1]))
        #expect(minimum.scale == nil && minimum.unbiasedScale == nil)
    }
}
