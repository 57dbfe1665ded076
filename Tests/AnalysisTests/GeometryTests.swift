import Analysis
import ArrayMath
import Checkpoints
import Foundation
import TestSupport
import Testing

struct GeometryTests {
    private func circle(_ count: Int, _ frequency: Int, squash: Double) -> [Double] {
        (0..<count).flatMap { point in
            let angle = 2 * Double.pi * Double(frequency * point) / Double(count)
            return [cos(angle), squash * sin(angle), 0.25]
        }
    }

    @Test("circularity is the axis ratio of the ellipse")
    func circularities() throws {
        let half = try #require(circularity(circle(11, 3, squash: 0.5), columns: 3, frequency: 3))
        #expect(abs(half - 0.5) < 1e-12)
        let round = try #require(circularity(circle(11, 3, squash: 1), columns: 3, frequency: 3))
        #expect(abs(round - 1) < 1e-12)
        #expect(
            circularity(circle(11, 3, squash: 0), columns: 3, frequency: 3).map { $0 < 1e-12 }
                == true)
        #expect(circularity([Double](repeating: 0, count: 33), columns: 3, frequency: 3) == nil)
        #expect(circularity(circle(12, 3, squash: 1), columns: 3, frequency: 6) == nil)
        #expect(circularity(circle(12, 3, squash: 1), columns: 3, frequency: 0) == nil)
        // Width 1: all points on a line.
        #expect(circularity((0..<7).map { Double($0 * $0 % 7) }, columns: 1, frequency: 2) == 0)
    }

    @Test("principal components, participation ratio and entropy of known spreads")
    func components() throws {
        let pairs = [1.0, 0, -1, 0, 0, 2, 0, -2].map { $0 + 7 }
        let parts = PrincipalComponents(pairs, columns: 2)
        #expect(abs(parts.variances[0] - 2) < 1e-12 && abs(parts.variances[1] - 0.5) < 1e-12)
        #expect(abs(parts.shares[0] - 0.8) < 1e-12)
        #expect(abs((parts.participationRatio ?? 0) - 6.25 / 4.25) < 1e-12)
        #expect(PrincipalComponents([3, 3, 3], columns: 1).shares.isEmpty)
        #expect(PrincipalComponents([3, 3, 3], columns: 1).participationRatio == nil)
        #expect(PrincipalComponents([1, .nan], columns: 1).variances.allSatisfy { $0.isNaN })
        let even = try #require(representationEntropy([1, 0, 0, 1, -1, 0, 0, -1], columns: 2))
        #expect(abs(even - 1) < 1e-12)
        #expect(representationEntropy([1, 0, 2, 0], columns: 2).map { abs($0) < 1e-6 } == true)
        #expect(representationEntropy([1, 2], columns: 1) == nil)
    }

    @Test("the class distance ratio of two clusters by hand")
    func classDistances() throws {
        // Means 0 and 4, within-class mean squares 1 and 1.
        let ratio = try #require(
            classDistanceRatio(features: [-1, 1, 3, 5], columns: 1, labels: [0, 0, 1, 1]))
        #expect(abs(ratio - 16 / (1 + 1e-8)) < 1e-9)
        #expect(classDistanceRatio(features: [1, 2], columns: 1, labels: [3, 3]) == nil)
    }

    @Test("the intrinsic dimension of points in a plane")
    func intrinsicDimension() throws {
        var generator = SeededGenerator(seed: 2)
        let plane = (0..<400).flatMap { _ -> [Double] in
            let (x, y) = (
                Double.random(in: 0...1, using: &generator),
                Double.random(in: 0...1, using: &generator)
            )
            return [x, y, x + y]
        }
        let dimension = try #require(twoNeighbourDimension(plane, columns: 3))
        // The estimator's relative standard error is 1/√N, here 5 %.
        #expect(abs(dimension - 2) < 0.4)
        #expect(twoNeighbourDimension([1, 1, 1, 1], columns: 1) == nil)
    }

    @Test("softmax collapse counts margins beyond the precision")
    func collapse() {
        let logits = [0.0, 16, 0, 0, 0, 15, 40, 0, 0]
        #expect(softmaxCollapseShare(logits: logits, classCount: 3) == 2.0 / 3)
        #expect(softmaxCollapseShare(logits: logits, classCount: 3, fractionBits: 52) == 1.0 / 3)
        #expect(softmaxCollapseShare(logits: [], classCount: 3) == nil)
        #expect(softmaxCollapseShare(logits: [1, 2], classCount: 1) == nil)
    }

    @Test("update spectra of updates along two directions")
    func updates() throws {
        let weights = [[0.0, 0, 0], [4, 0, 0], [4, 2, 0], [4, 2, 0.5]]
        let spectrum = try #require(UpdateSpectrum(weights: weights))
        for (found, expected) in zip(spectrum.values, [4, 2, 0.5]) {
            #expect(abs(found - expected) < 1e-7)
        }
        #expect(abs((spectrum.secondGap ?? 0) - 3.75) < 1e-6)
        #expect(spectrum.edge?.rank == 2)
        #expect(abs((spectrum.edge?.ratio ?? 0) - 4) < 1e-6)
        #expect(UpdateSpectrum(weights: [[1], [2]]) == nil)
        #expect(UpdateSpectrum.isEvenlySpaced([10, 20, 30]))
        #expect(!UpdateSpectrum.isEvenlySpaced([10, 20, 40]))
    }

    @Test("slingshots are spikes after growth of the last layer")
    func slingshots() {
        var losses = [Double](repeating: 1e-4, count: 100)
        losses[40] = 1
        losses[41] = 0.5
        losses[80] = 1
        let train = Curve(steps: Array(0..<100), values: losses)
        let growing = Curve(steps: Array(0..<100), values: (0..<100).map { 1 + 0.01 * Double($0) })
        let shrinking = Curve(
            steps: Array(0..<100), values: (0..<100).map { 9 - 0.01 * Double($0) })
        #expect(slingshotCount(lastLayerNorm: growing, trainLoss: train) == 2)
        #expect(slingshotCount(lastLayerNorm: shrinking, trainLoss: train) == 0)
        #expect(slingshotCount(lastLayerNorm: Curve(steps: [], values: []), trainLoss: train) == 0)
    }

    @Test("a power law's exponent comes back, an exponential tail differs")
    func powerLaw() throws {
        // Quantiles of λ^(−3) beyond 1: λ = u^(−1/2).
        let values = (0..<400).map { pow((Double($0) + 0.5) / 400, -0.25) }
        let tail = try #require(powerLawTail(ofSingularValues: values))
        #expect(abs(tail.exponent - 3) < 0.15)
        #expect(tail.distance < 0.01)
        #expect(powerLawTail(ofSingularValues: Array(values.prefix(49))) == nil)
        #expect(powerLawTail(ofSingularValues: [Double](repeating: 1, count: 60)) == nil)
    }

    @Test("a shuffled Gaussian matrix fills the bulk, one huge entry is a trap")
    func traps() throws {
        var generator = SeededGenerator(seed: 6)
        var values = (0..<100 * 200).map { _ in
            (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0...1, using: &generator) }
        }
        let bulk = try #require(correlationTraps(values, rows: 100, columns: 200, seed: 1))
        #expect(bulk.count == 0)
        #expect(abs(bulk.bulkDeviation - 1) < 0.05)
        values[17] = 60
        let trap = try #require(correlationTraps(values, rows: 100, columns: 200, seed: 1))
        #expect(trap.count == 1)
        #expect(trap == correlationTraps(values, rows: 100, columns: 200, seed: 1))
        #expect(correlationTraps(values, rows: 40, columns: 500, seed: 1) == nil)
    }

    @Test("the deviation of the bulk of near-square matrices is that of their entries")
    func bulkDeviationOfNearSquareMatrices() throws {
        var deviations: [Double] = []
        for seed in 0..<20 {
            var generator = ProbeGenerator(seed: UInt64(seed))
            let values = generator.normals(114 * 128)
            let traps = try #require(
                correlationTraps(values, rows: 114, columns: 128, seed: UInt64(seed)))
            deviations.append(traps.bulkDeviation)
            #expect(traps.count == 0)
        }
        // The median of 114 eigenvalues varies by about 1 %, its root by half of it.
        #expect(abs(deviations.reduce(0, +) / 20 - 1) < 0.01)
        // Independently by numerical integration of the density with SciPy.
        #expect(abs(marchenkoPasturMedian(ratio: 1) - 0.652_775_94) < 1e-7)
        #expect(abs(marchenkoPasturMedian(ratio: 2) - 0.830_465_88) < 1e-7)
        #expect(abs(marchenkoPasturMedian(ratio: 10) - 0.966_565_15) < 1e-7)
    }

    @Test("rounding is no tail: constant matrices and products of rank five have no power law")
    func roundingIsNoTail() {
        var generator = ProbeGenerator(seed: 1)
        let (left, right) = (generator.normals(200 * 5), generator.normals(5 * 120))
        var product = [Float](repeating: 0, count: 200 * 120)
        for row in 0..<200 {
            for column in 0..<120 {
                product[row * 120 + column] = Float(
                    (0..<5).reduce(0.0) { $0 + left[row * 5 + $1] * right[$1 * 120 + column] })
            }
        }
        let random = generator.normals(200 * 120)
        let tails = weightTails(
            of: [
                Tensor(
                    name: "ones", shape: [200, 120], values: [Float](repeating: 1, count: 24_000)),
                Tensor(name: "rank5", shape: [200, 120], values: product),
                Tensor(name: "random", shape: [200, 120], values: random.map { Float($0) }),
                Tensor(name: "random64", shape: [200, 120], values: random),
            ], seed: 0)
        let laws = Dictionary(uniqueKeysWithValues: tails.map { ($0.tensor, $0.powerLaw) })
        #expect(laws["ones"] == nil)
        #expect(laws["rank5"] == .some(nil))
        #expect(laws["random"].flatMap { $0 } != nil)
        #expect(
            laws["random64"].flatMap { $0 }?.tailCount == laws["random"].flatMap { $0 }?.tailCount)
    }

    @Test("the rows that a hidden layer is looked at are a random sample of all")
    func sampleOfRows() {
        let all = Array(0..<8_939)
        let sample = GeometryAnalysis.sample(of: all, seed: 0)
        #expect(sample.count == GeometryAnalysis.mostRows && Set(sample).count == sample.count)
        #expect(sample == sample.sorted())
        #expect(sample == GeometryAnalysis.sample(of: all, seed: 0))
        #expect(sample != GeometryAnalysis.sample(of: all, seed: 1))
        // Of 113 left operands with some 79 rows each all occur, the first as often as the last: the
        // mean of a uniform sample has a deviation of 8,939 / √(12 · 1,500) = 67.
        #expect(Set(sample.map { $0 / 79 }).count == 114)
        #expect(abs(Double(sample.reduce(0, +)) / 1500 - 4469) < 250)
        #expect(GeometryAnalysis.sample(of: [3, 1, 2], seed: 0) == [1, 2, 3])
    }

    @Test("a rotation inside a head changes neither its products nor its own ranks")
    func headsAndRotations() throws {
        var generator = ProbeGenerator(seed: 7)
        let (heads, width, columns) = (2, 6, 3)
        var parts = (0..<4).map { _ in generator.normals(heads * width * columns) }
        func rows() -> [MeasuredValue] {
            let names = ["query", "key", "value", "output"]
            let shape = [heads, width, columns]
            return headSpectra(
                of: zip(names, parts).map { name, values in
                    Tensor(
                        name: "blocks.0.attention.\(name)",
                        shape: name == "output" ? [heads, columns, width] : shape, values: values)
                })
        }
        let before = rows()
        #expect(before.count == heads * 6 * 4)
        // The product of the first head, made explicit.
        let product = matrixProduct(
            Array(parts[0].prefix(width * columns)), transposed: false,
            Array(parts[1].prefix(width * columns)), transposed: true, rows: width, columns: width,
            inner: columns)
        let spectrum = singularValues(product, rows: width, columns: width, method: .direct)
        let found = before.value(
            "spectral", variant: "head", subject: "blocks.0.attention.query_key")
        #expect(abs((found ?? 0) - spectrum[0]) < 1e-7)
        let flattened = weightNorms(
            of: Tensor(name: "q", shape: [heads, width, columns], values: parts[0]))
        // Rotate the first two columns of the first head's query and key.
        for part in 0..<2 {
            for row in 0..<width {
                let (x, y) = (parts[part][row * columns], parts[part][row * columns + 1])
                parts[part][row * columns] = 0.6 * x - 0.8 * y
                parts[part][row * columns + 1] = 0.8 * x + 0.6 * y
            }
        }
        for (one, other) in zip(before, rows()) {
            #expect(abs((one.value ?? 0) - (other.value ?? 1)) < 1e-6, "\(one.subject)")
        }
        let rotated = weightNorms(
            of: Tensor(name: "q", shape: [heads, width, columns], values: parts[0]))
        #expect(abs((flattened?.stableRank ?? 0) - (rotated?.stableRank ?? 0)) > 1e-3)
        #expect(headSpectra(of: []).isEmpty)
    }

    @Test("movement is measured against the first and the previous checkpoint")
    func movement() {
        let before = [Tensor(name: "w", shape: [2], values: [0.0, 0])]
        let now = [Tensor(name: "w", shape: [2], values: [3.0, 4])]
        #expect(weightMovement(of: now, from: before).map(\.distance) == [5, 5])
        #expect(weightMovement(of: now, from: now).map(\.tensor) == ["w", "total"])
        #expect(weightMovement(of: now, from: now).map(\.distance) == [0, 0])
        #expect(weightMovement(of: now, from: []).map(\.distance) == [nil, nil])
        #expect(weightMovement(of: [], from: []).map(\.distance) == [nil])
        let broken = [Tensor(name: "w", shape: [2], values: [Double.infinity, 0])]
        #expect(weightMovement(of: broken, from: now).map(\.distance) == [.infinity, .infinity])
    }
}
