internal import Analysis
internal import ArrayMath
internal import Checkpoints
internal import Networks

/// How alike checkpoints are, layer by layer: to the one before, to the last of the run, and to one of
/// any run.
package struct SimilarityAnalysis: CheckpointAnalysis {
    /// A checkpoint of a run.
    package struct Reference: Sendable, Equatable {
        package let run: String
        package let step: Int

        package init(run: String, step: Int) {
            self.run = run
            self.step = step
        }
    }

    package static let kind = AnalysisKind.similarity
    package static let codeVersion = "1"
    package static let view = "measurements"

    /// A further checkpoint to compare with, of this run or of another.
    package var other: Reference?
    /// The seed of the rows that hidden layers are compared on.
    package var seed = 0

    package init() {}

    package let defaultSteps = StepSelection.spaced(20)

    package var question: Question {
        let name = other.map { Question.json("\($0.run)@\($0.step)") }
        return Question(.similarity, ["other": name ?? "null"], seed: seed)
    }

    package func companions(of step: Int, among steps: [Int]) -> [Int] {
        let before = steps.last { $0 < step }
        let last = steps.last.flatMap { $0 == step ? nil : $0 }
        return Set([before, last].compactMap { $0 }).sorted()
    }

    package func contextDigest(of step: Int, in run: AnalysedRun) throws -> String? {
        let own = run.digest(ofSteps: companions(of: step, among: run.steps))
        return try other.map { try own + run.sibling($0.run).digest(ofSteps: [$0.step]) } ?? own
    }

    package func check(_ run: AnalysedRun) throws {
        guard let other else { return }
        let sibling = try run.sibling(other.run)
        guard sibling.digests[other.step] != nil else {
            throw UserError.missing(
                subject: "run \(other.run), step \(other.step)",
                cause: "no checkpoint is stored there")
        }
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        let (steps, model, chosen) = (run.steps, try? run.model, other)
        let layers = model.map { HiddenLayers($0, seed: UInt64(bitPattern: Int64(seed))) }
        let further = try chosen.map { try Further($0, run.sibling($0.run), layers) }
        return CheckpointPlan { surroundings in
            let evaluator = try layers?.evaluator(threadCount: surroundings.threadCount)
            return { input in
                let own = try Representations(input.weights, evaluator, layers?.split)
                var rows: [any ResultRow] = []
                for (step, weights) in input.companions.sorted(by: { $0.key < $1.key })
                where step != input.step {
                    let compared = try Representations(weights, evaluator, layers?.split)
                    let variants =
                        (step == steps.last ? ["last"] : [])
                        + (step == steps.last { $0 < input.step } ? ["previous"] : [])
                    rows += variants.flatMap { own.rows(comparedWith: compared, as: $0) }
                }
                if let further {
                    rows += own.rows(comparedWith: further.values, as: further.name)
                }
                return rows.isEmpty
                    ? [MeasurementRow("kernel_alignment", text: "there is nothing to compare with")]
                    : rows
            }
        }
    }

    /// The checkpoint of another run, evaluated once.
    private struct Further: Sendable {
        let name: String
        let values: Representations

        init(_ reference: Reference, _ run: AnalysedRun, _ layers: HiddenLayers?) throws {
            name = "\(reference.run)@\(reference.step)"
            let model = try? run.model
            // Hidden layers are compared on the same rows: only where the tasks have them.
            let isSame =
                model.flatMap { model in layers.map { $0.hasExamples(of: model) } } ?? false
            values = try Representations(
                run.weights(at: reference.step),
                isSame ? layers?.evaluator(of: model, threadCount: 1) : nil, layers?.split)
        }
    }
}

/// The examples that hidden layers are compared on.
private struct HiddenLayers: Sendable {
    private let model: RunModel
    private let rows: [Int]
    /// The split that the rows are from.
    let split: ExampleSplit

    init(_ model: RunModel, seed: UInt64) {
        self.model = model
        split = model.knowsSplit && !model.task.testIndices.isEmpty ? .test : .all
        rows = GeometryAnalysis.sample(
            of: split == .test
                ? model.task.testIndices : Array(0..<model.task.allExamples.count), seed: seed)
    }

    func hasExamples(of other: RunModel) -> Bool {
        let (one, two) = (model.task.allExamples, other.task.allExamples)
        return one.count == two.count && one.subset(rows) == two.subset(rows)
    }

    func evaluator(
        of other: RunModel? = nil, threadCount: Int
    ) throws -> NetworkEvaluator<Double> {
        let model = other ?? self.model
        return try model.configuration.evaluator(
            for: model.task, examples: model.task.allExamples.subset(rows),
            threadCount: threadCount)
    }
}

/// What is compared of a checkpoint: each matrix by its rows, the hidden layer and the logits by the
/// examples.
private struct Representations: Sendable {
    private struct Layer: Sendable {
        let values: [Double]
        let rows: Int
        let columns: Int
        /// Of rows that are examples; nil for the rows of a matrix.
        let split: ExampleSplit?
    }

    /// What a layer is known by: a network may have a matrix of the name of a layer.
    private struct Key: Hashable {
        let name: String
        let isOfExamples: Bool
    }

    private var layers: [(key: Key, layer: Layer)] = []

    init(
        _ weights: [Tensor], _ evaluator: NetworkEvaluator<Double>?, _ split: ExampleSplit?
    ) throws {
        for tensor in weights where tensor.shape.count >= 2 && !tensor.shape.contains(0) {
            guard let values = tensor.doubles() else { continue }
            add(tensor.name, values, columns: values.count / tensor.shape[0], split: nil)
        }
        guard let evaluator, let split else { return }
        let network = evaluator.network
        let parameters: [Double] = try evaluator.layout.pack(weights)
        let hasHidden = network.neuronCount > 0
        let found = try evaluator.logitsAndActivations(
            parameters, hasHidden ? [.mlpHidden(layer: network.lastHiddenLayer)] : [])
        add("logits", found.logits, columns: evaluator.space.classCount, split: split)
        if hasHidden {
            add("hidden", found.activations[0], columns: network.neuronCount, split: split)
        }
    }

    private mutating func add(
        _ name: String, _ values: [Double], columns: Int, split: ExampleSplit?
    ) {
        layers.append(
            (
                Key(name: name, isOfExamples: split != nil),
                Layer(
                    values: values, rows: values.count / columns, columns: columns, split: split)
            ))
    }

    func rows(comparedWith other: Representations, as variant: String) -> [any ResultRow] {
        let byKey = Dictionary(other.layers.map { ($0.key, $0.layer) }) { first, _ in first }
        return layers.flatMap { key, layer -> [any ResultRow] in
            guard let second = byKey[key], second.rows == layer.rows else { return [] }
            let found = RepresentationSimilarity(
                layer.values, columns: layer.columns, and: second.values,
                columns: second.columns, rows: layer.rows)
            let numbers: [(String, Double?)] = [
                ("kernel_alignment", found?.alignment),
                ("unbiased_kernel_alignment", found?.unbiasedAlignment),
                ("procrustes_distance", found?.procrustesDistance),
            ]
            return numbers.map { measure, value in
                MeasurementRow(
                    measure, variant: variant, split: layer.split?.rawValue ?? "",
                    subject: key.name, value: value,
                    text: value != nil
                        ? nil
                        : found == nil
                            ? "not all of its numbers are finite"
                            : "one of the two does not vary, or has too few rows")
            }
        }
    }
}
