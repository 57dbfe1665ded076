package import Checkpoints
package import Networks

/// Which progress measures to compute.
package struct ProgressOptions: Sendable, Equatable {
    /// Also the losses after parts of the hidden layer are replaced.
    package var includesAblations = false
    /// For cyclic groups also the measures of group composition, by representation.
    package var includesIrreps = false
    /// The excluded loss of every frequency alone, whose largest needs no keys.
    package var includesEveryFrequency = true

    package init() {}
}

/// The key components of a run: fixed from its final weights and applied to all checkpoints.
package struct KeyComponents: Sendable, Equatable {
    /// Frequencies `1` … `n/2` of a cyclic group, else names of irreducible representations.
    package let names: [String]
    /// How they were chosen, stored beside the results.
    package let rule: String

    package init(names: [String], rule: String) {
        self.names = names
        self.rule = rule
    }
}

/// The progress measures of the checkpoints of one run.
///
/// Made once for each thread: the task's grid and an evaluator of all pairs serve all checkpoints.
package struct ProgressAnalysis {
    package let grid: GroupGrid
    private let model: ModelConfiguration
    private let task: Task
    private let threadCount: Int
    private let evaluator: NetworkEvaluator<Double>

    /// Prepares a run.
    ///
    /// Throws `UserError` where the task is no product in a group.
    package init(_ model: ModelConfiguration, task: Task, threadCount: Int = 1) throws {
        self.model = model
        self.task = task
        self.threadCount = threadCount
        grid = try GroupGrid(task)
        evaluator = try model.evaluator(
            for: task, examples: task.allExamples, threadCount: threadCount)
    }

    /// The key components of some weights, usually the last of a run.
    ///
    /// Arithmetic takes the frequencies of the neuron–logit map whose norm exceeds a quarter of the
    /// largest, group composition the components with a trace similarity above 0.005.
    /// Throws `UserError` where the weights do not fit.
    package func keys(of weights: [Tensor]) throws -> KeyComponents {
        if !isComposition, grid.isCyclic {
            let spectrum = try view(of: weights).neuronLogitSpectrum
            return KeyComponents(
                names: spectrum.keyComponents().map { spectrum.components[$0] },
                rule: "neuron-logit map, \(KeyFrequencyRule.standard.name)")
        }
        let names = try groupKeys(groupInput(of: weights), on: grid).map { name in
            grid.isCyclic
                ? "\(GroupGrid.frequency(ofComponent: name, order: grid.order))" : name
        }
        return KeyComponents(names: names, rule: "trace similarity > 0.005")
    }

    /// What the group-composition measures look at: all pairs, or blocks of them where their logits
    /// are too many to be held.
    private func groupInput(of weights: [Tensor]) throws -> GroupMeasureInput {
        grid.order * grid.order * grid.order <= GroupMeasureInput.mostLogits
            ? try view(of: weights).groupMeasureInput
            : try GroupMeasureInput(
                model, task: task, grid: grid, weights: weights, threadCount: threadCount)
    }

    /// Bytes that the measures of one checkpoint take at most, known before any is computed: the logits
    /// three times (as they are, exponentiated, projected), the hidden layer twice, of all pairs or of a
    /// block of them, and 128 MiB for the rows of components.
    package static func byteCount(_ model: ModelConfiguration, on grid: GroupGrid) -> Double {
        let (order, neurons) = (Double(grid.order), Double(model.network.neuronCount))
        let isBlocked =
            !grid.isCyclic
            && grid.order * grid.order * grid.order > GroupMeasureInput.mostLogits
        let logits =
            isBlocked
            ? max(Double(GroupMeasureInput.mostLogits), order * order) : order * order * order
        return 8 * (3 * logits + 2 * logits / order * neurons) + Double(1 << 27)
    }

    private var isComposition: Bool { task.configuration.operation == .compose }

    /// A checkpoint taken apart.
    package func view(
        of weights: [Tensor], includingAttention: Bool = false
    ) throws -> NetworkView {
        try NetworkView(
            evaluator, task: task, grid: grid, weights: weights,
            includingAttention: includingAttention)
    }

    /// All measures of one checkpoint.
    ///
    /// Cyclic groups: `modularMeasures`, trig ratios of the hidden layer, what the directions that the
    /// logits read explain and, if wanted, ablations.
    /// Every other group, group composition in a cyclic group, and where wanted: `groupMeasures`.
    package func measures(
        of weights: [Tensor], keys: KeyComponents, options: ProgressOptions = ProgressOptions()
    ) throws -> [MeasuredValue] {
        let byIrreps = !grid.isCyclic || options.includesIrreps || isComposition
        var rows: [MeasuredValue] = []
        if grid.isCyclic {
            let view = try view(of: weights)
            let frequencies = keys.names.compactMap { Int($0) }
            rows += modularMeasures(
                logits: view.logits, on: grid,
                options: ModularMeasureOptions(
                    keys: frequencies, everyFrequency: options.includesEveryFrequency))
            let width = view.hidden.count / (grid.order * grid.order)
            rows += trigRatios(
                view.hidden,
                answerSums: grid.sums(view.hidden, columns: width, by: .answer), grid,
                frequencies, name: "hidden")
            rows += mapDirectionsExplained(view, keys: frequencies)
            if options.includesAblations {
                rows += neuronAblations(
                    view, keys: frequencies,
                    clusters: neuronFrequencies(hidden: view.hidden, on: grid))
            }
        }
        if byIrreps {
            let names =
                grid.isCyclic
                ? keys.names.map { 2 * (Int($0) ?? 0) == grid.order ? "sign" : "freq_\($0)" }
                : keys.names
            let known = Set(rows.map { [$0.measure, $0.variant, $0.split] })
            rows += try groupMeasures(groupInput(of: weights), on: grid, keys: names)
                .filter {
                    $0.measure != "key_component"
                        && !known.contains([$0.measure, $0.variant, $0.split])
                }
        }
        return rows
    }
}

extension GroupGrid {
    /// Whether the group is one of residues under addition (or their logarithms).
    package var isCyclic: Bool {
        if case .cyclic = group.family { true } else { false }
    }
}
