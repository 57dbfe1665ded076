import Checkpoints
import Foundation
import Networks
import Testing

@testable import Training

@Suite struct OptimizerTests {
    /// Two tensors of a thousand parameters each.
    private static let layout: ParameterLayout = {
        var layout = ParameterLayout()
        layout.append("a", [1000], .constant(0))
        layout.append("b", [10, 100], .constant(0))
        return layout
    }()

    private func optimizer(
        _ configuration: OptimizerConfiguration, seed: Int = 1
    ) -> Optimizer<Double> {
        Optimizer(
            configuration, layout: Self.layout, seed: seed,
            initial: [Double](repeating: 1, count: 2000))
    }

    /// θ *= exp(ηλz), one z for each tensor: the ratios inside a tensor stay.
    @Test func jiggleScalesEachTensor() {
        var configuration = OptimizerConfiguration(.sgd, learningRate: 0.1, weightDecay: 2)
        configuration.decay = .jiggle
        var rule = optimizer(configuration)
        var parameters = (0..<2000).map { Double($0 + 1) }
        var gradient = [Double](repeating: 0, count: 2000)
        rule.update(&parameters, gradient: &gradient, step: 0, rate: 0.1)
        let first = parameters[0]
        let second = parameters[1000] / 1001
        #expect(first != second)
        #expect(abs(log(first)) < 0.2 * 6)
        for index in 0..<2000 {
            let factor = index < 1000 ? first : second
            #expect(abs(parameters[index] / Double(index + 1) / factor - 1) < 1e-14)
        }
    }

    /// Update noise of Adam is η/(1−β₁)·σz at the first update; that of SGD ησz.
    @Test(arguments: [(OptimizerConfiguration.Kind.adam, 1 / (1 - 0.9)), (.sgd, 1)])
    func updateNoiseHasItsSize(kind: OptimizerConfiguration.Kind, correction: Double) {
        var configuration = OptimizerConfiguration(kind, learningRate: 0.1)
        configuration.updateNoise = 0.5
        var rule = optimizer(configuration)
        var parameters = [Double](repeating: 0, count: 2000)
        var gradient = parameters
        rule.update(&parameters, gradient: &gradient, step: 3, rate: 0.1)
        let variance = parameters.reduce(0) { $0 + $1 * $1 } / 2000
        let expected = 0.1 * 0.5 * correction
        // Five standard errors of a variance from 2000 draws.
        #expect(abs(variance / (expected * expected) - 1) < 5 * (2.0 / 2000).squareRoot())
        // The noise belongs to the step and the seed, not to the history.
        var again = optimizer(configuration)
        var repeated = [Double](repeating: 0, count: 2000)
        again.update(&repeated, gradient: &gradient, step: 3, rate: 0.1)
        #expect(repeated == parameters)
        var other = optimizer(configuration, seed: 2)
        var different = [Double](repeating: 0, count: 2000)
        other.update(&different, gradient: &gradient, step: 3, rate: 0.1)
        #expect(different != parameters)
    }

    @Test func gradientNoiseEntersTheMoments() {
        var configuration = OptimizerConfiguration(.adam, learningRate: 0)
        configuration.gradientNoise = 2
        var rule = optimizer(configuration)
        var parameters = [Double](repeating: 0, count: 2000)
        var gradient = [Double](repeating: 3, count: 2000)
        rule.update(&parameters, gradient: &gradient, step: 0, rate: 0)
        let means = rule.firstMoment.map { $0 / 0.1 }
        let mean = means.reduce(0, +) / 2000
        let variance = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000
        #expect(abs(mean - 3) < 5 * 2 / 2000.0.squareRoot())
        #expect(abs(variance / 4 - 1) < 5 * (2.0 / 2000).squareRoot())
        #expect(parameters.allSatisfy { $0 == 0 })
    }

    @Test func aDamagedStateIsRefused() throws {
        var rule = optimizer(OptimizerConfiguration(.adamw))
        let state = rule.state(step: 4)
        #expect(
            state.tensors.map(\.name).sorted() == [
                "first_moment/a", "first_moment/b", "second_moment/a", "second_moment/b",
            ])
        #expect(throws: UserError.self) {
            try rule.restore(OptimizerState(tensors: state.tensors))
        }
        #expect(throws: UserError.self) {
            try rule.restore(
                OptimizerState(
                    tensors: Array(state.tensors.dropLast()), attributes: state.attributes))
        }
        try rule.restore(state)
    }
}

@Suite struct BatchOrderTests {
    @Test(arguments: [(10, 3), (10, 5), (7, 1), (9, 8)])
    func everyEpochShowsEveryRowOnce(rows: Int, batch: Int) {
        var order = BatchOrder(rows: rows, batch: batch, seed: 5)
        let perEpoch = (rows + batch - 1) / batch
        var epochs: [[Int]] = []
        for epoch in 0..<3 {
            var seen: [Int] = []
            for index in 0..<perEpoch {
                let drawn = order.rows(at: epoch * perEpoch + index) ?? []
                #expect(drawn.count == min(batch, rows - index * batch))
                seen += drawn
            }
            #expect(seen.sorted() == Array(0..<rows))
            epochs.append(seen)
        }
        #expect(Set(epochs).count == 3)
        // Any step is reached at once.
        var jumped = BatchOrder(rows: rows, batch: batch, seed: 5)
        #expect(jumped.rows(at: 2 * perEpoch) == Array(epochs[2].prefix(batch)))
    }

    @Test func fullBatchesHaveNoOrder() {
        var order = BatchOrder(rows: 10, batch: 10, seed: 5)
        #expect(order.rows(at: 3) == nil)
    }

    /// min(512, ⌈N/2⌉) of the published code.
    @Test(arguments: [(100, 50), (101, 51), (4656, 512)]) func halfIsThePublishedRule(
        count: Int, rows: Int
    ) throws {
        #expect(try BatchSize("half").rowCount(of: count) == rows)
        #expect(try BatchSize("0.25").rowCount(of: count) == (count + 3) / 4)
    }
}
