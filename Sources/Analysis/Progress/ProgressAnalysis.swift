package import Checkpoints
package import Networks

/// The progress measures of the checkpoints of one run.
///
/// Made once per run: the task's grid, an evaluator of all pairs, and the key components, which are
/// fixed from the final weights and applied to all earlier checkpoints.
package struct ProgressAnalysis {
    package let grid: GroupGrid
    /// The names of the key components: frequencies `1` … `n/2` of a cyclic group, else names of
    /// irreducible representations.
    package let keys: [String]
    /// How the keys were chosen, stored beside the results.
    package let rule: String
    private let task: Task
    private let evaluator: NetworkEvaluator<Double>

    /// Prepares a run; keys are those of `finalWeights`.
    ///
    /// Cyclic groups take the frequencies of the neuron–logit map whose pair norm exceeds a quarter
    /// of the largest, other groups the components with a trace similarity above 0.005. Throws
    /// `UserError` where the task is no product in a group or the weights do not fit.
    package init(
        _ model: ModelConfiguration, task: Task, finalWeights: [Tensor], threadCount: Int = 1
    ) throws {
        self.task = task
        grid = try GroupGrid(task)
        evaluator = try model.evaluator(
            for: task, examples: task.allExamples, threadCount: threadCount)
        let view = try NetworkView(evaluator, task: task, grid: grid, weights: finalWeights)
        if grid.isCyclic {
            let spectrum = view.neuronLogitSpectrum
            keys = spectrum.keyComponents().map { spectrum.components[$0] }
            rule = "neuron-logit map, \(KeyFrequencyRule.standard.name)"
        } else {
            keys = groupMeasures(view.groupMeasureInput, on: grid)
                .filter { $0.measure == "key_component" }.compactMap(\.text)
            rule = "trace similarity > 0.005"
        }
    }

    /// All measures of one checkpoint.
    ///
    /// Cyclic groups: `modularMeasures`, the neurons' clusters and Gini coefficients, with
    /// `includingAblations` also the ablations. Every group whose irreps have more than one
    /// dimension, and every network but the transformer: `groupMeasures`.
    package func measures(
        of weights: [Tensor], includingAblations: Bool = false, everyFrequency: Bool = true
    ) throws -> [MeasuredValue] {
        let view = try NetworkView(evaluator, task: task, grid: grid, weights: weights)
        guard grid.isCyclic else {
            return groupMeasures(view.groupMeasureInput, on: grid, keys: keys)
        }
        let frequencies = keys.compactMap { Int($0) }
        var rows = modularMeasures(
            logits: view.logits, on: grid,
            options: ModularMeasureOptions(keys: frequencies, everyFrequency: everyFrequency))
        let clusters = neuronFrequencies(hidden: view.hidden, on: grid)
        for (frequency, count) in clusters.clusters().sorted(by: { $0.key < $1.key }) {
            rows.append(
                MeasuredValue("neuron_cluster", variant: "\(frequency)", value: Double(count)))
        }
        let width = view.leftEmbedding.count / grid.order
        rows += [
            MeasuredValue(
                "embedding_gini", variant: "pairs", value: view.embeddingSpectrum.giniOfPairs),
            MeasuredValue(
                "embedding_gini", variant: "components",
                value: gini(fourierComponentNorms(view.leftEmbedding, columns: width))),
            MeasuredValue(
                "neuron_logit_gini", variant: "pairs", value: view.neuronLogitSpectrum.giniOfPairs),
        ]
        if includingAblations {
            rows += neuronAblations(view, keys: frequencies, clusters: clusters)
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
