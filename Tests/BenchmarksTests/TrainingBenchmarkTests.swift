import Benchmarks
import Testing
import Training

/// The benchmarks of training, storing and analyses, at a size that takes no time.
struct TrainingBenchmarkTests {
    private func tiny() throws -> TrainingConfiguration {
        try TrainingConfiguration(
            json: """
                {"task": {"modulus": 7}, "network": {"width": 8, "heads": 2, "mlp_width": 16}}
                """)
    }

    private func requireSound(_ measures: [Measure], _ names: [String]) {
        #expect(Set(measures.map(\.name)).isSuperset(of: names), "\(measures.map(\.name))")
        #expect(Set(measures.map(\.name)).count == measures.count)
        for measure in measures {
            #expect(measure.value.isFinite, "\(measure)")
        }
    }

    @Test func aStepTakesLongerThanItsProducts() throws {
        let measures = try TrainingBenchmark.measure(tiny(), threadCount: 1, repetitions: 1)
        requireSound(
            measures,
            [
                "training steps, with update and digest", "matrix products' share of a step",
                "with checkpoints every step",
            ])
    }

    @Test func storedCheckpointsAreReadBack() throws {
        let measures = try StoreBenchmark.measure(tiny(), threadCount: 1, repetitions: 1)
        requireSound(measures, ["durable checkpoints", "the same with their norms"])
        #expect(measures.allSatisfy { $0.value > 0 })
    }

    @Test func analysesAreTimedOnStoredCheckpoints() throws {
        let measures = try AnalysisBenchmark.measure(tiny(), threadCount: 1, repetitions: 1)
        requireSound(
            measures, ["a Hessian-vector product", "analyze norms, a stored checkpoint"])
        #expect(measures.allSatisfy { $0.value > 0 })
    }
}
