import ArrayMath
import Checkpoints
import Networks
import Testing

/// What an evaluator reserves is known before it is made.
struct EvaluatorMemoryTests {
    static let networks = [
        NetworkConfiguration(layers: 1, width: 16, heads: 2, mlpWidth: 24),
        NetworkConfiguration(layers: 3, width: 16, heads: 2, mlpWidth: 24, normalization: .pre),
        NetworkConfiguration(kind: .mlp, embeddingWidth: 10, hiddenWidth: 30),
    ]

    @Test(arguments: networks, [1 << 31, 1 << 10])
    func statedIsReserved(network: NetworkConfiguration, mostCachedBytes: Int) throws {
        let model = ModelConfiguration(
            task: TaskConfiguration(modulus: 31, trainFraction: 0.5), network: network)
        let task = try model.makeTask()
        func check<Scalar: NetworkScalar>(_ type: Scalar.Type) throws {
            let evaluator: NetworkEvaluator<Scalar> = try model.evaluator(
                for: task, examples: task.trainExamples)
            evaluator.mostCachedBytes = mostCachedBytes
            let need = NetworkEvaluator<Scalar>.memoryNeed(
                network: model.network, space: evaluator.space, examples: task.trainExamples,
                mostCachedBytes: mostCachedBytes)
            #expect(need.evaluation == evaluator.reservedBytes)
            evaluator.linearize(at: [Scalar](repeating: 0, count: evaluator.layout.count))
            #expect(need.total == evaluator.reservedBytes)
        }
        try check(Double.self)
        try check(Float.self)
    }
}
