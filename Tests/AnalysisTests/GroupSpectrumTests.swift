import Analysis
import ArrayMath
import Checkpoints
import Networks
import TestSupport
import Testing

/// Spectra over a task's own group.
struct GroupSpectrumTests {
    private func model(_ task: TaskConfiguration) -> ModelConfiguration {
        var network = NetworkConfiguration()
        network.kind = .mlp
        network.embeddingWidth = 3
        network.hiddenWidth = 5
        return ModelConfiguration(task: task, network: network)
    }

    private static let tasks = [
        TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.5),
        TaskConfiguration(operation: .subtract, modulus: 6, trainFraction: 0.5),
        TaskConfiguration(operation: .multiply, modulus: 7, trainFraction: 0.5),
        TaskConfiguration(operation: .divide, modulus: 5, trainFraction: 0.5),
        TaskConfiguration(group: "D5", trainFraction: 0.5),
        TaskConfiguration(group: "S3", trainFraction: 0.5),
        TaskConfiguration(group: "A4", trainFraction: 0.5),
        TaskConfiguration(group: "C2xC3", trainFraction: 0.5),
    ]

    @Test("powers add up to the sum of squares over every kind of group", arguments: 0..<8)
    func parseval(place: Int) throws {
        let model = model(Self.tasks[place])
        let task = try model.makeTask()
        let grid = try GroupGrid(task)
        let layout = try model.layout(for: task)
        var generator = SeededGenerator(seed: place + 1)
        let parameters: [Double] = layout.initialParameters(using: &generator)
        let weights = layout.unpack(parameters)
        let spectra = try weightSpectra(of: weights, model: model, task: task, grid: grid)
        #expect(
            spectra.map(\.tensor) == [
                "left_embedding", "right_embedding", "unembedding", "neuron_logit_map",
            ])
        let columns = grid.columns
        for named in spectra {
            let tensor = named.tensor == "neuron_logit_map" ? "unembedding" : named.tensor
            let stored = try #require(weights.first { $0.name == tensor })
            let values = try #require(stored.doubles())
            let kept =
                tensor == "unembedding"
                ? (0..<stored.shape[0]).flatMap { row in
                    columns.map { values[row * stored.shape[1] + $0] }
                }
                : grid.operands.flatMap { operand in
                    let start = (operand + task.firstAnswerToken) * stored.shape[1]
                    return values[start..<start + stored.shape[1]]
                }
            let squares = kept.reduce(0) { $0 + $1 * $1 }
            #expect(abs(named.spectrum.totalPower - squares) <= 1e-12 * squares)
            #expect(named.spectrum.power.count == grid.orderedComponents.count)
        }
    }

    @Test("the spectrum of a pair function splits between operands and adds up", arguments: 0..<8)
    func pairs(place: Int) throws {
        let task = try model(Self.tasks[place]).makeTask()
        let grid = try GroupGrid(task)
        let order = grid.order
        var generator = SeededGenerator(seed: place + 9)
        let values = (0..<order * order * 2).map { _ in
            Double.random(in: -1...1, using: &generator)
        }
        let spectrum = grid.pairSpectrum(values)
        let squares = values.reduce(0) { $0 + $1 * $1 }
        #expect(abs(spectrum.power.reduce(0, +) - squares) <= 1e-11 * squares)
        // A function of the left operand alone is constant in the right one.
        let single = (0..<order).map { _ in Double.random(in: -1...1, using: &generator) }
        let left = grid.pairSpectrum((0..<order * order).map { single[$0 / order] })
        let along = grid.spectrum(single)
        let count = left.componentCount
        for (index, power) in left.power.enumerated() {
            let expected = index % count == 0 ? along.power[index / count] * Double(order) : 0
            #expect(abs(power - expected) <= 1e-11 * Double(order * order))
        }
        let broken = grid.pairSpectrum([Double](repeating: .nan, count: values.count))
        #expect(broken.power.allSatisfy { $0.isNaN })
    }

    @Test("a multiplicative character is one frequency of the discrete logarithm")
    func discreteLogarithm() throws {
        let task = try model(
            TaskConfiguration(operation: .multiply, modulus: 7, trainFraction: 0.5)
        ).makeTask()
        let grid = try GroupGrid(task)
        #expect(grid.basis == "discrete logarithms")
        // 3 is the smallest primitive root modulo 7: 1, 3, 2, 6, 4, 5.
        #expect(grid.operands == [1, 3, 2, 6, 4, 5])
        let signs = grid.spectrum([1, -1, 1, -1, 1, -1])
        #expect(zip(signs.power, [0, 0, 0, 6]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(
            try GroupGrid(model(TaskConfiguration(group: "S3", trainFraction: 0.5)).makeTask())
                .basis == "irreps of S3")
    }

    @Test("neurons and heads answer to the frequency they are made of")
    func neurons() throws {
        let task = try model(TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.5))
            .makeTask()
        let grid = try GroupGrid(task)
        let basis = orthonormalFourierBasis(7)
        // Neuron 0: cosine of frequency 2 of the left operand; neuron 1: constant.
        let hidden = (0..<49).flatMap { pair -> [Double] in [basis[3 * 7 + pair / 7], 1] }
        let rows = neuronMeasures(hidden: hidden, attention: [], on: grid)
        #expect(rows.value("neuron_cluster", variant: "2") == 1)
        #expect(rows.value("unexplained_neurons") == 1)
        #expect(rows.value("key_frequency", variant: "neurons", subject: "hidden") == 2)
        #expect(rows.count { $0.measure == "key_frequency" } == 2)
    }

    @Test("evenly spaced windows are found, and refused where there are none")
    func windows() {
        #expect(spectralEdgeSteps(endingAt: 10, among: Array(0...10)) == Array(0...10))
        #expect(
            spectralEdgeSteps(
                endingAt: 100, among: (0...10).map { 10 * $0 }.filter { $0 < 95 } + [95, 100])
                == (0...10).map { 10 * $0 })
        #expect(spectralEdgeSteps(endingAt: 9, among: Array(0...10)) == nil)
        #expect(spectralEdgeSteps(endingAt: 1000, among: [0, 1, 10, 100, 1000]) == nil)
        #expect(spectralEdgeSteps(endingAt: 5, among: []) == nil)
        let still = [[Tensor]](
            repeating: [Tensor(name: "w", shape: [2], values: [1.0, 2])], count: 11)
        let rows = updateMeasures(still, spacing: 3)
        #expect(rows.value("update_spacing") == 3)
        #expect(rows.first { $0.measure == "update_edge_rank" }?.text?.isEmpty == false)
    }

    @Test("measures of a whole run say what they lack")
    func wholeRun() {
        let empty = Curve(steps: [], values: [])
        let nothing = runGeometry(
            classDistanceRatio: empty, lastLayerNorm: empty, trainLoss: empty)
        #expect(nothing.allSatisfy { $0.value == nil && $0.text != nil })
        let ratios = Curve(steps: [0, 3000, 4000, 5000], values: [9, 1, 2.4, 2.5])
        let rows = runGeometry(
            classDistanceRatio: ratios, lastLayerNorm: empty, trainLoss: empty)
        #expect(rows.value("class_distance_reference") == 1)
        #expect(rows.value("class_distance_flag_step") == 5000)
        let phases = PhaseBoundaries(
            excludedTrainLoss: empty, restrictedLoss: empty,
            testLoss: Curve(steps: [5], values: [1]), testAccuracy: empty, classCount: 7
        ).measurements(weightNorm: empty)
        #expect(phases.count == 8)
        #expect(phases.value("phase_step", subject: "clean_up_start") == 5)
        #expect(phases.first { $0.subject == "clean_up_end" }?.text != nil)
    }
}
