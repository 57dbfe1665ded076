import Analysis
import ArrayMath
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

/// What progress measures assume of answers and of what follows the hidden layer.
struct ProgressConditionTests {
    private let order = 7

    @Test("with label noise, train has the trained answers and train_clean the right ones")
    func labelNoise() throws {
        var configuration = TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.6)
        configuration.labelNoise = 12
        configuration.layout = .pairs
        let task = try Networks.Task(configuration)
        let grid = try GroupGrid(task)
        #expect(!grid.trainedAnswers.isEmpty)
        let network = NetworkConfiguration(
            kind: .mlp, embeddingWidth: 5, hiddenWidth: 9, mlpBiases: false)
        let model = ModelConfiguration(task: configuration, network: network)
        var generator = SeededGenerator(seed: 2)
        let evaluator: NetworkEvaluator<Double> = try model.evaluator(
            for: task, examples: task.trainExamples)
        let parameters: [Double] = evaluator.layout.initialParameters(using: &generator)
        let analysis = try ProgressAnalysis(model, task: task)
        let weights = evaluator.layout.unpack(parameters)
        let rows = try analysis.measures(
            of: weights, keys: KeyComponents(names: ["1", "2"], rule: "given"))
        // The loss is the one that training has.
        let trained = evaluator.lossAndAccuracy(parameters).loss
        let clean: NetworkEvaluator<Double> = try model.evaluator(
            for: task, examples: task.allExamples.subset(task.trainIndices))
        let right = clean.lossAndAccuracy(parameters).loss
        #expect(abs((rows.value("loss", split: "train") ?? 0) - trained) < 1e-12)
        #expect(abs((rows.value("loss", split: "train_clean") ?? 0) - right) < 1e-12)
        #expect(abs(trained - right) > 1e-3)
        // Every loss with a train split, against explicit logits.
        let view = try analysis.view(of: weights)
        func explicit(_ logits: [Double]) -> (Double, Double) {
            var (trained, clean, count) = (0.0, 0.0, 0.0)
            for pair in 0..<order * order where grid.isTrain[pair] {
                let row = Array(logits[pair * order..<(pair + 1) * order])
                let sum = log(row.map(exp).reduce(0, +))
                trained += sum - row[grid.trainedAnswers[pair] ?? grid.answers[pair]]
                clean += sum - row[grid.answers[pair]]
                count += 1
            }
            return (trained / count, clean / count)
        }
        for (measure, variant) in [
            ("restricted_loss", "sum"), ("excluded_loss", "sum"), ("restricted_loss", "block2x2"),
            ("excluded_loss", "block2x2"), ("restricted_loss", "block3x3"),
            ("excluded_loss", "block3x3"),
        ] {
            let logits = changed(view.logits, grid, measure: measure, variant: variant)
            let (trained, clean) = explicit(logits)
            let found = rows.value(measure, variant: variant, split: "train") ?? .nan
            let second = rows.value(measure, variant: variant, split: "train_clean") ?? .nan
            #expect(abs(found - trained) < 1e-11, "\(measure) \(variant) \(found) \(trained)")
            #expect(abs(second - clean) < 1e-11, "\(measure) \(variant) \(second) \(clean)")
        }
        var quiet = configuration
        quiet.labelNoise = 0
        #expect(try GroupGrid(Networks.Task(quiet)).trainedAnswers.isEmpty)
    }

    /// Logits with the keys 1 and 2 kept or taken away by explicit projection.
    private func changed(
        _ logits: [Double], _ grid: GroupGrid, measure: String, variant: String
    ) -> [Double] {
        func wave(_ key: Int, _ point: Int, _ sine: Bool) -> Double {
            let angle = 2 * Double.pi * Double(key * point % order) / Double(order)
            return sine ? sin(angle) : cos(angle)
        }
        var functions: [(Int, Int) -> Double] = []
        for key in [1, 2] {
            let own: [(Int) -> Double] = [{ wave(key, $0, false) }, { wave(key, $0, true) }]
            if variant == "sum" {
                functions += own.map { f in { x, y in f(grid.answers[x * 7 + y]) } }
            } else {
                let one: [(Int) -> Double] = variant == "block3x3" ? [{ _ in 1 }] : []
                let all = one + own
                for (i, f) in all.enumerated() {
                    for (j, g) in all.enumerated() where one.isEmpty || i + j > 0 {
                        functions.append { x, y in f(x) * g(y) }
                    }
                }
            }
        }
        func projected(_ functions: [(Int, Int) -> Double]) -> [Double] {
            var result = [Double](repeating: 0, count: logits.count)
            for function in functions {
                let raw = (0..<order * order).map { function($0 / order, $0 % order) }
                let norm = raw.reduce(0) { $0 + $1 * $1 }
                for column in 0..<order {
                    let along = raw.indices.reduce(0) { $0 + raw[$1] * logits[$1 * order + column] }
                    for pair in raw.indices {
                        result[pair * order + column] += along / norm * raw[pair]
                    }
                }
            }
            return result
        }
        let part = projected(functions)
        if measure == "excluded_loss" { return zip(logits, part).map { $0 - $1 } }
        return zip(part, projected([{ _, _ in 1 }])).map { $0 + $1 }
    }

    static let networks = [
        NetworkConfiguration(layers: 1, width: 8, heads: 2, mlpWidth: 12),
        NetworkConfiguration(
            layers: 2, width: 8, heads: 2, mlpWidth: 12, normalization: .post,
            unembeddingBias: true),
        NetworkConfiguration(
            layers: 1, width: 8, heads: 2, mlpWidth: 12, normalization: .pre, finalNorm: true,
            tied: true),
        NetworkConfiguration(
            layers: 1, width: 8, heads: 2, mlpWidth: 12, normalization: .post, finalNorm: true),
        NetworkConfiguration(kind: .mlp, embeddingWidth: 5, hiddenWidth: 9, mlpBiases: false),
        NetworkConfiguration(
            kind: .mlp, embeddingWidth: 5, hiddenWidth: 9, mlpBiases: true, unembeddingBias: true),
    ]

    /// A network with every weight drawn, biases and norms too.
    private static func parts(
        _ network: NetworkConfiguration, _ task: TaskConfiguration, silencing tensor: String? = nil
    ) throws -> (model: ModelConfiguration, task: Networks.Task, weights: [Tensor]) {
        let model = ModelConfiguration(task: task, network: network)
        let task = try model.makeTask()
        let layout = try model.layout(for: task)
        var generator = ProbeGenerator(seed: 5)
        var parameters = generator.normals(layout.count).map { 0.7 * $0 }
        if let tensor, let entry = layout.entry(tensor) {
            for index in entry.range { parameters[index] = 0 }
        }
        return (model, task, layout.unpack(parameters))
    }

    /// Such a network on all pairs of its task.
    private func view(
        _ network: NetworkConfiguration, silencing tensor: String? = nil
    ) throws -> NetworkView {
        let (model, task, weights) = try Self.parts(
            network, TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.5),
            silencing: tensor)
        return try NetworkView(model, task: task, grid: try GroupGrid(task), weights: weights)
    }

    @Test("a changed hidden layer goes through the network that follows it", arguments: networks)
    func readout(network: NetworkConfiguration) throws {
        let view = try view(network)
        for (one, other) in zip(view.readout.logits(ofHidden: view.hidden), view.logits) {
            #expect(abs(one - other) < 1e-11)
        }
        #expect(view.readout.isLinear == (network.normalization != .post && !network.finalNorm))
        // Without the hidden layer: the same network with its output map silenced.
        let output =
            network.kind == .mlp ? "unembedding" : "blocks.\(network.layers - 1).mlp.output"
        let silent = try self.view(network, silencing: output)
        let nothing = [Double](repeating: 0, count: view.hidden.count)
        let without = view.readout.logits(ofHidden: nothing)
        for (one, other) in zip(without, silent.logits) { #expect(abs(one - other) < 1e-11) }
    }

    @Test("ablated losses behind a norm are those of the network", arguments: networks)
    func ablations(network: NetworkConfiguration) throws {
        let view = try view(network)
        let rows = neuronAblations(
            view, keys: [1, 2, 3], clusters: neuronFrequencies(hidden: view.hidden, on: view.grid))
        // All three keys' 3 × 3 blocks together are every function but those of mixed frequencies;
        // here each is projected out explicitly for frequency 1.
        let width = view.hidden.count / 49
        var changed = view.hidden
        let functions: [(Int) -> Double] = [
            { _ in 1 }, { cos(2 * .pi * Double($0) / 7) }, { sin(2 * .pi * Double($0) / 7) },
        ]
        for (i, f) in functions.enumerated() {
            for (j, g) in functions.enumerated() where i + j > 0 {
                let raw = (0..<49).map { f($0 / 7) * g($0 % 7) }
                let norm = raw.reduce(0) { $0 + $1 * $1 }
                for neuron in 0..<width {
                    let along = raw.indices.reduce(0) {
                        $0 + raw[$1] * view.hidden[$1 * width + neuron]
                    }
                    for pair in raw.indices {
                        changed[pair * width + neuron] -= along / norm * raw[pair]
                    }
                }
            }
        }
        let logits = view.readout.logits(ofHidden: changed)
        var sum = 0.0
        for pair in 0..<49 {
            let row = logits[pair * 7..<(pair + 1) * 7].map(exp)
            sum -= log(row[view.grid.answers[pair]] / row.reduce(0, +))
        }
        let found = rows.value("ablated_loss", variant: "without_frequency/1", split: "all")
        #expect(abs((found ?? 0) - sum / 49) < 1e-10)
    }

    @Test("published hidden losses drop attention's skip; those through the network keep it")
    func hiddenLosses() throws {
        for network in Self.networks {
            let view = try view(network)
            let rows = try groupMeasures(view.groupMeasureInput, on: view.grid, keys: ["freq_1"])
            let published = rows.first { $0.measure == "total_hidden_excluded_loss" }
            let through = rows.value(
                "total_hidden_excluded_loss_through_network", split: "all")
            if network.kind == .mlp, !network.unembeddingBias {
                #expect(published?.value != nil && through == nil)
            } else if view.readout.isLinear {
                let plain = rows.value("total_hidden_excluded_loss", split: "all") ?? .nan
                #expect(abs(plain - (through ?? plain)) > 1e-6)
            } else {
                #expect(published?.value == nil && published?.text?.contains("norm") == true)
                #expect(through != nil)
            }
        }
    }

    @Test("measures of composition are the same in blocks of left operands as all at once")
    func blocks() throws {
        for network in Self.networks {
            let (model, task, weights) = try Self.parts(
                network, TaskConfiguration(group: "S3", trainFraction: 0.5))
            let grid = try GroupGrid(task)
            let view = try NetworkView(model, task: task, grid: grid, weights: weights)
            let whole = try groupMeasures(view.groupMeasureInput, on: grid)
            // Two left operands of six at a time, and one.
            for mostLogits in [100, 1] {
                let input = try GroupMeasureInput(
                    model, task: task, grid: grid, weights: weights, mostLogits: mostLogits)
                let rows = try groupMeasures(input, on: grid)
                #expect(rows.count == whole.count && whole.count > 40)
                for (row, expected) in zip(rows, whole) {
                    #expect(row.measure == expected.measure && row.split == expected.split)
                    let (found, right) = (row.value ?? 0, expected.value ?? 0)
                    #expect(
                        abs(found - right) <= 1e-12 * max(1, abs(right)),
                        "\(row.measure) \(row.variant) \(row.split): \(found), \(right)")
                }
                #expect(
                    try groupKeys(input, on: grid)
                        == whole.compactMap(\.text).filter {
                            !$0.contains(" ")
                        })
            }
        }
    }

    @Test("of examples with several answers the product is looked at")
    func severalAnswers() throws {
        func view(_ positions: TaskConfiguration.LossPositions) throws -> NetworkView {
            var configuration = TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.5)
            configuration.layout = .equation
            configuration.lossPositions = positions
            let model = ModelConfiguration(
                task: configuration, network: NetworkConfiguration(width: 8, heads: 2, mlpWidth: 12)
            )
            let task = try model.makeTask()
            let layout = try model.layout(for: task)
            var generator = ProbeGenerator(seed: 5)
            // The positions of the answer are the same; the end token has one more place.
            let entries = layout.entries
            let parameters = entries.flatMap { entry in
                generator.normals(entry.name == "positions" ? 8 * 6 : entry.count)
                    .prefix(entry.count).map { 0.5 * $0 }
            }
            return try NetworkView(
                model, task: task, grid: try GroupGrid(task), weights: layout.unpack(parameters))
        }
        let (one, two) = (try view(.answer), try view(.answerAndEnd))
        #expect(one.logits.count == two.logits.count)
        for (first, second) in zip(one.logits, two.logits) { #expect(abs(first - second) < 1e-11) }
    }
}
