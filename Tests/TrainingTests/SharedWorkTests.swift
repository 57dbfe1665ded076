import ArrayMath
import Checkpoints
import Networks
import TestSupport
import Testing

@testable import Training

/// What the threads of a run share gives the bits that one thread gives.
@Suite struct SharedWorkTests {
    /// Tensors of very different sizes, together no multiple of any vector or cache line.
    private static let layout: ParameterLayout = {
        var layout = ParameterLayout()
        layout.append("b", [7], .constant(0))
        layout.append("large", [113, 101], .constant(0))
        layout.append("a", [3, 5, 11], .constant(0))
        layout.append("square", [64, 64], .constant(0))
        return layout
    }()

    private func vector(seed: Int) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<Self.layout.count).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    @Test(arguments: [1, 2, 3, 5])
    func digestsAreThoseOfTheTensors(threadCount: Int) {
        let hasher = StepHasher<Float>(
            layout: Self.layout, pool: LanePool(threadCount: threadCount))
        for step in 0..<50 {
            let parameters = vector(seed: step)
            hasher.add(parameters, step: step)
            let expected = Digest(weights: Self.layout.unpack(parameters)).shortened(step: step)
            #expect(hasher.take(upTo: step) == [expected])
        }
    }

    @Test func digestsAreTakenUpToAStep() {
        let hasher = StepHasher<Float>(layout: Self.layout, pool: nil)
        for step in 3..<9 { hasher.add(vector(seed: 1), step: step) }
        #expect(hasher.take(upTo: 5).map(\.step) == [3, 4, 5])
        #expect(hasher.take(upTo: 5).isEmpty)
        #expect(hasher.take(upTo: 100).map(\.step) == [6, 7, 8])
    }

    @Test(arguments: [1, 2, 3, 5])
    func updatesAreThoseOfOneThread(threadCount: Int) {
        let pool = LanePool(threadCount: threadCount)
        let configuration = OptimizerConfiguration(.adamw, learningRate: 0.01, weightDecay: 1)
        var shared = vector(seed: 1)
        var alone = shared
        var sharedRule = Optimizer<Float>(
            configuration, layout: Self.layout, seed: 1, initial: shared)
        var aloneRule = sharedRule
        for step in 0..<20 {
            var gradient = vector(seed: 100 + step)
            var same = gradient
            sharedRule.update(&shared, gradient: &gradient, step: step, rate: 0.01, pool: pool)
            aloneRule.update(&alone, gradient: &same, step: step, rate: 0.01)
            #expect(shared == alone)
        }
        #expect(sharedRule.firstMoment == aloneRule.firstMoment)
        #expect(sharedRule.secondMoment == aloneRule.secondMoment)
    }

    /// Work that follows at once and work that finds the threads asleep both run every lane once.
    @Test(arguments: [2, 3]) func everyLaneRunsOnce(threadCount: Int) throws {
        final class Counting: LaneWork {
            let counts = UnsafeMutablePointer<Int>.allocate(capacity: 7)
            init() { counts.initialize(repeating: 0, count: 7) }
            deinit { counts.deallocate() }
            func perform(lane: Int) { counts[lane] += 1 }
        }
        let pool = LanePool(threadCount: threadCount)
        let work = Counting()
        for round in 1...2000 {
            pool.run(7, work)
            #expect((0..<7).allSatisfy { work.counts[$0] == round })
            if round % 500 == 0 {
                // Longer than the threads look for work.
                let end = ContinuousClock.now + .milliseconds(20)
                while ContinuousClock.now < end {}
            }
        }
    }
}
