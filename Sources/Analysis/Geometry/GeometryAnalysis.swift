internal import ArrayMath
package import Checkpoints
internal import Foundation
package import Networks

/// The geometry of the checkpoints of one run: embeddings, hidden layer and logits.
///
/// Made once for each thread. The hidden layer is looked at on at most 1,500 held-out rows, or
/// training rows where none is held out: a random sample, the same for every checkpoint, since the
/// first rows of a table have few left operands.
package struct GeometryAnalysis {
    /// The most rows of each split that are evaluated.
    package static let mostRows = 1500

    private let model: ModelConfiguration
    private let task: Task
    private let grid: GroupGrid?
    private let evaluators: [(split: String, evaluator: NetworkEvaluator<Double>)]

    /// Prepares a run; where its split is not known, all rows are held out and trained on alike.
    package init(
        _ model: ModelConfiguration, task: Task, knowsSplit: Bool = true, seed: UInt64 = 0,
        threadCount: Int = 1
    ) throws {
        self.model = model
        self.task = task
        grid = try? GroupGrid(task)
        let splits =
            knowsSplit
            ? [("test", task.testIndices), ("train", task.trainIndices)]
            : [("all", Array(0..<task.allExamples.count))]
        evaluators =
            try splits
            .filter { !$0.1.isEmpty }
            .map { split, indices in
                let rows = GeometryAnalysis.sample(of: indices, seed: seed)
                return (
                    split,
                    try model.evaluator(
                        for: task, examples: task.allExamples.subset(rows),
                        threadCount: threadCount)
                )
            }
    }

    /// At most `mostRows` of the rows, each equally likely, in table order.
    package static func sample(of indices: [Int], seed: UInt64) -> [Int] {
        var rows = indices.sorted()
        guard rows.count > mostRows else { return rows }
        var generator = ProbeGenerator(seed: seed)
        generator.shuffle(&rows)
        return rows.prefix(mostRows).sorted()
    }

    /// The key frequencies of some weights' embedding, for `circularity`; none where the task is not
    /// a product in a cyclic group.
    package func keys(of weights: [Tensor]) throws -> [Int] {
        guard let grid, grid.isCyclic else { return [] }
        return try NetworkMaps(model, task: task, grid: grid, weights: weights)
            .embeddingSpectrum.keyComponents()
    }

    /// The measures of one checkpoint.
    ///
    /// Of each embedding's operands: `principal_variance` (place = component, shares of variance),
    /// `participation_ratio`, `intrinsic_dimension`, `circularity` of each key. Of the hidden layer at
    /// the read-out: `hidden_rows` (how many rows are looked at), `class_distance_ratio` (inter over intra, classes
    /// are answers),
    /// `representation_entropy`, `representation_effective_rank` (its exponential before it is divided by
    /// ln d), `participation_ratio`. Of the logits: `softmax_collapse` for single
    /// and double precision. `last_layer_norm` is that of the unembedding. A measure whose definition
    /// does not hold has no value, and a text that says why.
    package func measures(of weights: [Tensor], keys: [Int]) throws -> [MeasuredValue] {
        var result = weights.flatMap { tensor -> [MeasuredValue] in
            guard GeometryAnalysis.isEmbedding(tensor), let values = operandRows(tensor) else {
                return []
            }
            return embeddingGeometry(
                values, columns: tensor.shape[1], name: tensor.name, keys: keys)
        }
        for (place, entry) in evaluators.enumerated() {
            let parameters: [Double] = try entry.evaluator.layout.pack(weights)
            if place == 0 {
                result += try hiddenMeasures(entry.evaluator, parameters, split: entry.split)
            }
            let logits = entry.evaluator.logits(parameters)
            result += [("float32", 23), ("float64", 52)].map { variant, bits in
                MeasuredValue(
                    "softmax_collapse", variant: variant, split: entry.split,
                    value: softmaxCollapseShare(
                        logits: logits, classCount: entry.evaluator.space.classCount,
                        fractionBits: bits), of: logits, orBecause: "there is a single answer")
            }
        }
        let last =
            weights.first { $0.name == "unembedding" } ?? weights.first { $0.name == "embedding" }
        if let last, let values = last.doubles() {
            result.append(
                MeasuredValue("last_layer_norm", subject: last.name, value: vectorNorm(values)))
        }
        return result
    }

    private func hiddenMeasures(
        _ evaluator: NetworkEvaluator<Double>, _ parameters: [Double], split: String
    ) throws -> [MeasuredValue] {
        let network = evaluator.network
        let width = network.neuronCount
        guard width > 0 else { return [] }
        let hidden = try evaluator.activations(
            parameters, .mlpHidden(layer: network.lastHiddenLayer))
        func row(_ measure: String, _ value: Double?, _ cause: String) -> MeasuredValue {
            MeasuredValue(
                measure, split: split, subject: "hidden", value: value, of: hidden,
                orBecause: cause)
        }
        let ratio =
            evaluator.examples.targetsPerExample == 1 && evaluator.examples.answerWidth == 0
            ? classDistanceRatio(
                features: hidden, columns: width, labels: evaluator.examples.targets.map(Int.init))
            : nil
        let entropy = representationEntropy(hidden, columns: width)
        return [
            row("hidden_rows", Double(evaluator.examples.count), ""),
            row(
                "representation_entropy", entropy, "a single neuron, or none that is active"),
            row(
                "representation_effective_rank", entropy.map { exp($0 * log(Double(width))) },
                "a single neuron, or none that is active"),
            row(
                "participation_ratio",
                PrincipalComponents(hidden, columns: width).participationRatio, "nothing varies"),
            row(
                "class_distance_ratio", ratio,
                "it needs one answer for each example and two classes"),
        ]
    }

    static func isEmbedding(_ tensor: Tensor) -> Bool {
        ["embedding", "left_embedding", "right_embedding"].contains(tensor.name)
    }

    /// The rows of an embedding that belong to operands, in the group's order where there is one.
    private func operandRows(_ tensor: Tensor) -> [Double]? {
        let operands = grid?.operands ?? Array(0..<task.operandCount)
        let rows = operands.map { $0 + task.firstAnswerToken }
        guard tensor.shape.count == 2, let last = rows.max(), last < tensor.shape[0],
            let values = tensor.doubles()
        else { return nil }
        let columns = tensor.shape[1]
        return rows.flatMap { values[$0 * columns..<($0 + 1) * columns] }
    }
}

extension MeasuredValue {
    /// A measure of some numbers, or why it has no value: because they are not finite, or for the
    /// given cause.
    fileprivate init(
        _ measure: String, variant: String = "", split: String = "", subject: String = "",
        value: Double?, of numbers: [Double], orBecause cause: String
    ) {
        let value = value.flatMap { $0.isFinite ? $0 : nil }
        var text: String?
        if value == nil {
            text = numbers.allSatisfy(\.isFinite) ? cause : "not all of its numbers are finite"
        }
        self.init(
            measure, variant: variant, split: split, subject: subject, value: value, text: text)
    }
}

/// The geometry of the rows of one embedding [n, columns]: see `GeometryAnalysis.measures`.
func embeddingGeometry(
    _ values: [Double], columns: Int, name: String, keys: [Int]
) -> [MeasuredValue] {
    let parts = PrincipalComponents(values, columns: columns)
    let shares = parts.shares.prefix(10).enumerated().map { place, share in
        MeasuredValue("principal_variance", subject: name, position: place, value: share)
    }
    func row(
        _ measure: String, _ variant: String, _ value: Double?, _ cause: String
    )
        -> MeasuredValue
    {
        MeasuredValue(
            measure, variant: variant, subject: name, value: value, of: values, orBecause: cause)
    }
    return shares
        + keys.map { key in
            row(
                "circularity", "\(key)", circularity(values, columns: columns, frequency: key),
                "the frequency has no power, or no sine")
        } + [
            row("participation_ratio", "", parts.participationRatio, "nothing varies"),
            row(
                "intrinsic_dimension", "two_nearest",
                twoNeighbourDimension(values, columns: columns), "too few different rows"),
        ]
}

/// The geometry that weights alone have: of each embedding, with all its rows.
package func weightGeometry(of weights: [Tensor]) -> [MeasuredValue] {
    weights.flatMap { tensor -> [MeasuredValue] in
        guard GeometryAnalysis.isEmbedding(tensor), tensor.shape.count == 2,
            let values = tensor.doubles()
        else { return [] }
        return embeddingGeometry(values, columns: tensor.shape[1], name: tensor.name, keys: [])
    }
}
