import Analysis
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

struct ModularMeasureTests {
    private let order = 7
    private let keys = [2, 3]

    private func logits(seed: Int) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<order * order * order).map { _ in Double.random(in: -2...2, using: &generator) }
    }

    private func grid(_ operation: TaskOperation = .add) throws -> GroupGrid {
        try GroupGrid(
            Networks.Task(TaskConfiguration(operation: operation, modulus: 7, trainFraction: 0.5)))
    }

    /// Projects every class's function of (x, y) on orthonormal functions of (x, y).
    private func projected(_ logits: [Double], on functions: [(Int, Int) -> Double]) -> [Double] {
        var result = [Double](repeating: 0, count: logits.count)
        for function in functions {
            let raw = (0..<order * order).map { function($0 / order, $0 % order) }
            let norm = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for column in 0..<order {
                let along = (0..<order * order).reduce(0) {
                    $0 + raw[$1] / norm * logits[$1 * order + column]
                }
                for pair in 0..<order * order {
                    result[pair * order + column] += along * raw[pair] / norm
                }
            }
        }
        return result
    }

    private func loss(_ logits: [Double], _ grid: GroupGrid, train: Bool?) -> Double {
        var (sum, count) = (0.0, 0.0)
        for pair in 0..<order * order where train == nil || grid.isTrain[pair] == train {
            let row = logits[pair * order..<(pair + 1) * order].map(exp)
            sum -= log(row[grid.answers[pair]] / row.reduce(0, +))
            count += 1
        }
        return sum / count
    }

    private func wave(_ key: Int, _ point: Int, _ sine: Bool) -> Double {
        let angle = 2 * Double.pi * Double(key * point % order) / Double(order)
        return sine ? sin(angle) : cos(angle)
    }

    @Test(
        "restricted and excluded losses agree with explicit projections",
        arguments: [TaskOperation.add, .subtract])
    func agreesWithExplicitProjections(operation: TaskOperation) throws {
        let grid = try grid(operation)
        let values = logits(seed: 4)
        let rows = modularMeasures(
            logits: values, on: grid, options: ModularMeasureOptions(keys: keys))
        let constant = projected(values, on: [{ _, _ in 1 }])
        let variants: [(String, [(Int, Int) -> Double])] = [
            (
                "sum",
                keys.flatMap { key in
                    [false, true].map { sine in
                        { x, y in self.wave(key, grid.answers[x * 7 + y], sine) }
                    }
                }
            ),
            ("block2x2", keys.flatMap { self.block($0, withConstants: false) }),
            ("block3x3", keys.flatMap { self.block($0, withConstants: true) }),
        ]
        for (variant, functions) in variants {
            let part = projected(values, on: functions)
            let restricted = zip(part, constant).map { $0 + $1 }
            let excluded = zip(values, part).map { $0 - $1 }
            for (split, train) in [("train", true), ("test", false), ("all", nil)] {
                let one = rows.value("restricted_loss", variant: variant, split: split)
                let other = rows.value("excluded_loss", variant: variant, split: split)
                #expect(abs((one ?? 0) - loss(restricted, grid, train: train)) < 1e-12)
                #expect(abs((other ?? 0) - loss(excluded, grid, train: train)) < 1e-12)
            }
        }
        for split in ["train", "test", "all"] {
            let train: Bool? = split == "all" ? nil : split == "train"
            let plain = rows.value("loss", split: split)
            #expect(abs((plain ?? 0) - loss(values, grid, train: train)) < 1e-12)
        }
    }

    private func block(_ key: Int, withConstants: Bool) -> [(Int, Int) -> Double] {
        let sides: [(Int) -> Double] =
            (withConstants ? [{ _ in 1 }] : [])
            + [{ self.wave(key, $0, false) }, { self.wave(key, $0, true) }]
        var result: [(Int, Int) -> Double] = []
        for (i, left) in sides.enumerated() {
            for (j, right) in sides.enumerated() where !(withConstants && i == 0 && j == 0) {
                result.append { left($0) * right($1) }
            }
        }
        return result
    }

    /// −ln softmax of the right answer from differences of logits, so that tiny losses keep their
    /// digits and large logits do not overflow.
    private func preciseLoss(_ logits: [Double], _ grid: GroupGrid, train: Bool?) -> Double {
        var (sum, count) = (0.0, 0.0)
        for pair in 0..<order * order where train == nil || grid.isTrain[pair] == train {
            let row = Array(logits[pair * order..<(pair + 1) * order])
            let answer = grid.answers[pair]
            let others = row.indices.filter { $0 != answer }.map { row[$0] - row[answer] }
            let largest = max(0, others.max() ?? 0)
            let rest = others.reduce(0) { $0 + exp($1 - largest) }
            sum += largest == 0 ? log1p(rest) : largest + log(rest + exp(-largest))
            count += 1
        }
        return sum / count
    }

    @Test(
        "losses of 1e-60 keep their digits, and logits whose exponentials overflow are taken as they are",
        arguments: [1.0, 60, 250, 900, 1e5])
    func widelySpreadLogits(scale: Double) throws {
        let grid = try grid()
        // Logits that favour the right answer, with some that do not fit in any exponential.
        var values = logits(seed: 9).map { $0 * scale / 8 }
        for pair in 0..<order * order {
            values[pair * order + grid.answers[pair]] += scale * (pair % 5 == 0 ? -1 : 2)
        }
        let rows = modularMeasures(
            logits: values, on: grid, options: ModularMeasureOptions(keys: keys))
        let constant = projected(values, on: [{ _, _ in 1 }])
        let sums: [(Int, Int) -> Double] = keys.flatMap { key in
            [false, true].map { sine in
                { x, y in self.wave(key, grid.answers[x * 7 + y], sine) }
            }
        }
        // Rounding of the projections and of sums of exponents is relative to the logits.
        let tolerance = 1e-13 * max(10, scale)
        for (variant, functions) in [
            ("sum", sums), ("block2x2", keys.flatMap { block($0, withConstants: false) }),
            ("block3x3", keys.flatMap { block($0, withConstants: true) }),
        ] {
            let part = projected(values, on: functions)
            for (measure, changed) in [
                ("restricted_loss", zip(part, constant).map { $0 + $1 }),
                ("excluded_loss", zip(values, part).map { $0 - $1 }),
            ] {
                for (split, train) in [("train", true), ("test", false), ("all", nil)] {
                    let expected = preciseLoss(changed, grid, train: train)
                    let value = try #require(rows.value(measure, variant: variant, split: split))
                    #expect(
                        abs(value - expected) <= tolerance * expected,
                        "\(measure) \(variant) \(split): \(value) \(expected)")
                }
            }
        }
        let loss = try #require(rows.value("loss", split: "train"))
        #expect(abs(loss / preciseLoss(values, grid, train: true) - 1) <= tolerance)
        let single = (1...3).map { key -> Double in
            let part = projected(
                values,
                on: [false, true].map { sine in
                    { x, y in self.wave(key, grid.answers[x * 7 + y], sine) }
                })
            return preciseLoss(zip(values, part).map { $0 - $1 }, grid, train: true)
        }
        let largest = try #require(
            rows.value("largest_single_excluded_loss", variant: "sum", split: "train"))
        #expect(abs(largest / (single.max() ?? 0) - 1) <= tolerance)
    }

    @Test("coefficients of pure cosine logits, and all of their power explained")
    func coefficients() throws {
        let grid = try grid()
        var values = [Double](repeating: 0, count: 343)
        for pair in 0..<49 {
            for column in 0..<7 {
                values[pair * 7 + column] =
                    3 * wave(2, (grid.answers[pair] + 7 - column) % 7, false)
            }
        }
        let rows = modularMeasures(
            logits: values, on: grid, options: ModularMeasureOptions(keys: [2]))
        let norm = (343.0 / 2).squareRoot()
        #expect(
            abs((rows.value("trig_coefficient", variant: "2", split: "all") ?? 0) - 3 * norm)
                < 1e-10)
        #expect(abs(rows.value("trig_coefficient", variant: "1", split: "all") ?? 1) < 1e-10)
        let explained = rows.value("logit_fraction_explained", variant: "cos")
        #expect(abs((explained ?? 0) - 1) < 1e-12)
        // Without its only frequency the network guesses.
        let excluded = rows.value("excluded_loss", variant: "sum", split: "all")
        #expect(abs((excluded ?? 0) - log(7)) < 1e-12)
    }

    @Test("zeros, NaN, foreign keys and full training sets have defined answers")
    func edgeCases() throws {
        let grid = try grid()
        let zeros = modularMeasures(
            logits: [Double](repeating: 0, count: 343), on: grid,
            options: ModularMeasureOptions(keys: [2, 9, -1, 0]))
        #expect(zeros.value("logit_fraction_explained", variant: "cos") == nil)
        #expect(abs((zeros.value("loss", split: "all") ?? 0) - log(7)) < 1e-14)
        var broken = logits(seed: 1)
        broken[5] = .nan
        let rows = modularMeasures(
            logits: broken, on: grid, options: ModularMeasureOptions(keys: [2]))
        for (measure, variant) in [
            ("loss", ""), ("excluded_loss", "sum"), ("restricted_loss", "block2x2"),
            ("excluded_loss", "block3x3"),
        ] {
            let value = rows.value(measure, variant: variant, split: "all")
            #expect(value?.isNaN == true, "\(measure) \(variant)")
        }
        let full = GroupGrid(try FiniteGroup(.cyclic(7)), trainRows: 0..<49)
        let trained = modularMeasures(
            logits: logits(seed: 2), on: full, options: ModularMeasureOptions(keys: []))
        #expect(trained.value("loss", split: "test") == nil)
        #expect(trained.value("loss", split: "train") != nil)
    }

    @Test("neurons of one frequency are found, constant ones are not assigned")
    func neurons() throws {
        let grid = try grid()
        var hidden: [Double] = []
        for pair in 0..<49 {
            let (x, y) = (pair / 7, pair % 7)
            hidden += [
                1 + wave(3, x, false) + wave(3, y, false), 5,
                wave(1, x, true) * wave(1, y, false) + 0.1 * wave(2, x, false),
            ]
        }
        let found = neuronFrequencies(hidden: hidden, on: grid)
        #expect(found.frequency == [3, 0, 1])
        #expect(abs(found.explained[0] - 1) < 1e-12)
        #expect(found.explained[1] == 0)
        #expect(found.clusters() == [3: 1, 1: 1])
    }

    private func smallModel(
        _ hidden: Int = 12
    ) throws -> (
        ModelConfiguration, Networks.Task, [Tensor]
    ) {
        let model = ModelConfiguration(
            task: TaskConfiguration(operation: .add, modulus: 7, trainFraction: 0.5),
            network: NetworkConfiguration(layers: 1, width: 8, heads: 2, mlpWidth: hidden))
        let task = try model.makeTask()
        var generator = SeededGenerator(seed: 11)
        let layout = try model.layout(for: task)
        let parameters: [Double] = layout.initialParameters(using: &generator)
        return (model, task, layout.unpack(parameters))
    }

    @Test("permuting neurons leaves every measure")
    func neuronPermutation() throws {
        let (model, task, weights) = try smallModel()
        let permuted = weights.map { tensor -> Tensor in
            let values = tensor.doubles() ?? []
            let order = Array((0..<12).reversed())
            switch tensor.name {
            case "blocks.0.mlp.input":
                let moved = (0..<8).flatMap { row in order.map { values[row * 12 + $0] } }
                return Tensor(name: tensor.name, shape: tensor.shape, values: moved)
            case "blocks.0.mlp.input_bias":
                return Tensor(name: tensor.name, shape: [12], values: order.map { values[$0] })
            case "blocks.0.mlp.output":
                let moved = order.flatMap { row in values[row * 8..<(row + 1) * 8] }
                return Tensor(name: tensor.name, shape: tensor.shape, values: Array(moved))
            default: return tensor
            }
        }
        let analysis = try ProgressAnalysis(model, task: task)
        let keys = try analysis.keys(of: weights)
        var options = ProgressOptions()
        options.includesAblations = true
        options.includesIrreps = true
        let one = try analysis.measures(of: weights, keys: keys, options: options)
        let other = try analysis.measures(of: permuted, keys: keys, options: options)
        #expect(one.map(\.measure) == other.map(\.measure))
        #expect(one.contains { $0.measure == "ablated_loss" })
        for (first, second) in zip(one, other) {
            let (a, b) = (first.value ?? 0, second.value ?? 0)
            #expect(abs(a - b) <= 1e-10 * max(1, abs(a)), "\(first.measure) \(first.variant)")
        }
    }

    @Test("ablations that remove nothing or everything are known")
    func ablations() throws {
        let (model, task, weights) = try smallModel()
        let grid = try GroupGrid(task)
        let view = try NetworkView(model, task: task, grid: grid, weights: weights)
        let clusters = NeuronFrequencies(
            frequency: [Int](repeating: 1, count: 12), explained: [Double](repeating: 0, count: 12))
        let rows = neuronAblations(view, keys: [1, 2, 3], clusters: clusters)
        let plain = modularMeasures(
            logits: view.logits, on: grid, options: ModularMeasureOptions(keys: []))
        let loss = try #require(plain.value("loss", split: "all"))
        // No neuron is in a cluster, so none changes.
        let kept = rows.value("ablated_loss", variant: "neurons_by_quadratics", split: "all")
        #expect(abs((kept ?? 0) - loss) < 1e-12)
        // With all frequencies the map's directions carry all but the constant logits, so that the
        // two ablations split the hidden layer's effect between them.
        #expect(rows.value("ablated_loss", variant: "map_null_space", split: "all") != nil)
        #expect(rows.count { $0.variant.hasPrefix("without_frequency") } == 9)
    }

    @Test("ablations along the answer and in blocks are explicit projections of the hidden layer")
    func hiddenProjections() throws {
        let (model, task, weights) = try smallModel()
        let grid = try GroupGrid(task)
        let view = try NetworkView(model, task: task, grid: grid, weights: weights)
        let order = grid.order
        let (pairs, width) = (order * order, view.hidden.count / (order * order))
        let clusters = NeuronFrequencies(
            frequency: [Int](repeating: 1, count: width),
            explained: [Double](repeating: 0, count: width))
        /// The loss with the hidden layer projected on functions of (x, y) and the constant.
        func loss(_ functions: [(Int, Int) -> Double], keeping: Bool) throws -> Double {
            var change = [Double](repeating: 0, count: view.hidden.count)
            let all = (keeping ? [{ _, _ in 1.0 }] : []) + functions
            for function in all {
                let raw = (0..<pairs).map { function($0 / order, $0 % order) }
                let squares = raw.reduce(0) { $0 + $1 * $1 }
                for neuron in 0..<width {
                    let along =
                        (0..<pairs).reduce(0.0) {
                            $0 + raw[$1] * view.hidden[$1 * width + neuron]
                        } / squares
                    for pair in 0..<pairs { change[pair * width + neuron] += along * raw[pair] }
                }
            }
            let shifts = (0..<pairs).flatMap { pair in
                (0..<order).map { column in
                    (0..<width).reduce(view.logits[pair * order + column]) { sum, neuron in
                        let place = pair * width + neuron
                        let shift =
                            keeping ? change[place] - view.hidden[place] : -change[place]
                        return sum + shift * view.neuronLogitMap[neuron * order + column]
                    }
                }
            }
            return try #require(
                modularMeasures(
                    logits: shifts, on: grid, options: ModularMeasureOptions(keys: [])
                ).value("loss", split: "test"))
        }
        func wave(_ key: Int, _ phase: Double) -> (Int) -> Double {
            { cos(2 * .pi * Double(key * $0) / Double(order) - phase) }
        }
        let keys = [1, 3]
        let rows = neuronAblations(view, keys: keys, clusters: clusters)
        let answers = keys.flatMap { key in
            [0, Double.pi / 2].map { phase in
                { (x: Int, y: Int) in wave(key, phase)(grid.answers[x * order + y]) }
            }
        }
        let blocks = keys.flatMap { key -> [(Int, Int) -> Double] in
            let waves: [(Int) -> Double] = [{ _ in 1 }, wave(key, 0), wave(key, .pi / 2)]
            return (1..<9).map { place in
                { waves[place / 3]($0) * waves[place % 3]($1) }
            }
        }
        for (variant, functions, keeping) in [
            ("answer_directions", answers, true), ("without_answer_directions", answers, false),
            ("blocks3x3", blocks, true),
        ] {
            let expected = try loss(functions, keeping: keeping)
            let value = try #require(
                rows.value("ablated_loss", variant: variant, split: "test"))
            // Sums of 49 products of numbers near 1, a few of them in a row.
            #expect(abs(value - expected) < 1e-11 * max(1, abs(expected)), "\(variant)")
        }
    }

    @Test(
        "the directions that the logits read are compared with the waves they need, by definition",
        arguments: [TaskOperation.add, .subtract])
    func mapDirections(operation: TaskOperation) throws {
        let model = ModelConfiguration(
            task: TaskConfiguration(operation: operation, modulus: 7, trainFraction: 0.5),
            network: NetworkConfiguration(layers: 1, width: 8, heads: 2, mlpWidth: 12))
        let task = try model.makeTask()
        let grid = try GroupGrid(task)
        var generator = SeededGenerator(seed: 12)
        let layout = try model.layout(for: task)
        let parameters: [Double] = layout.initialParameters(using: &generator)
        let view = try NetworkView(
            model, task: task, grid: grid, weights: layout.unpack(parameters))
        let rows = mapDirectionsExplained(view, keys: [1, 3, 9, 0])
        #expect(rows.map(\.variant) == ["cos/1", "sin/1", "cos/3", "sin/3"])
        for row in rows {
            let parts = row.variant.split(separator: "/")
            let key = try #require(Int(parts[1]))
            let sine = parts[0] == "sin"
            let direction = (0..<12).map { neuron in
                (0..<order).reduce(0.0) {
                    $0 + view.neuronLogitMap[neuron * order + $1] * wave(key, $1, sine)
                }
            }
            let along = (0..<49).map { pair in
                (0..<12).reduce(0.0) { $0 + view.hidden[pair * 12 + $1] * direction[$1] }
            }
            let mean = along.reduce(0, +) / 49
            let needed = grid.answers.map { wave(key, $0, sine) }
            // The residual of the best multiple of the wave.
            let multiple =
                zip(along, needed).reduce(0) { $0 + $1.0 * $1.1 }
                / needed.reduce(0) { $0 + $1 * $1 }
            let residual = zip(along, needed).reduce(0) {
                $0 + ($1.0 - mean - multiple * $1.1) * ($1.0 - mean - multiple * $1.1)
            }
            let total = along.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let value = try #require(row.value)
            #expect(value >= 0 && value <= 1)
            #expect(abs(value - (1 - residual / total)) < 1e-12, "\(row.variant)")
        }
        // A hidden layer that never fires varies nowhere.
        let silent = layout.entries.flatMap { entry in
            entry.range.map { entry.name.hasSuffix("mlp.input_bias") ? -100 : parameters[$0] }
        }
        #expect(
            mapDirectionsExplained(
                try NetworkView(model, task: task, grid: grid, weights: layout.unpack(silent)),
                keys: [1, 2]
            ).isEmpty)
    }

    @Test("a network of width 1 and weights with NaN have defined measures")
    func narrowNetwork() throws {
        let model = ModelConfiguration(
            task: TaskConfiguration(operation: .add, modulus: 5, trainFraction: 0.5),
            network: NetworkConfiguration(layers: 1, width: 1, heads: 1, mlpWidth: 1))
        let task = try model.makeTask()
        let layout = try model.layout(for: task)
        var generator = SeededGenerator(seed: 1)
        let parameters: [Double] = layout.initialParameters(using: &generator)
        let analysis = try ProgressAnalysis(model, task: task)
        let keys = try analysis.keys(of: layout.unpack(parameters))
        var options = ProgressOptions()
        options.includesAblations = true
        let rows = try analysis.measures(
            of: layout.unpack(parameters), keys: keys, options: options)
        #expect(rows.value("loss", split: "all")?.isFinite == true)
        let broken = [Double](repeating: .nan, count: parameters.count)
        let nan = try analysis.measures(of: layout.unpack(broken), keys: keys, options: options)
        #expect(nan.value("loss", split: "all")?.isNaN == true)
        let shape = try GeometryAnalysis(model, task: task)
            .measures(of: layout.unpack(parameters), keys: [1, 2])
        #expect(shape.value("circularity", variant: "1", subject: "embedding") == 0)
        #expect(shape.contains { $0.measure == "class_distance_ratio" })
    }
}
