import Analysis
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
