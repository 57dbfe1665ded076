internal import ArrayMath
package import Checkpoints
package import Networks

/// The geometry of a checkpoint's embeddings, hidden layer and logits.
///
/// Of the embedding of the operands: `principal_variance` (place = component, shares of variance),
/// `participation_ratio`, `circularity` of each key frequency. Of the hidden layer at the read-out:
/// `class_distance_ratio` (inter over intra, classes are answers, on at most 1,500 held-out rows in
/// table order), `representation_entropy`, `participation_ratio`. Of the logits:
/// `softmax_collapse` for single and double precision on train and test rows. Measures whose
/// definition does not hold have no value.
package func geometryMeasures(
    of weights: [Tensor], model: ModelConfiguration, task: Task, keys: [Int] = [],
    threadCount: Int = 1
) throws -> [MeasuredValue] {
    let held = task.testIndices.isEmpty ? task.trainIndices : task.testIndices
    let rows = Array(held.sorted().prefix(1500))
    let examples = task.allExamples.subset(rows)
    let evaluator: NetworkEvaluator<Double> = try model.evaluator(
        for: task, examples: examples, threadCount: threadCount)
    let parameters = try evaluator.layout.pack(weights, as: Double.self)
    let network = evaluator.network
    let width = network.kind == .transformer ? network.mlpWidth : network.hiddenWidth
    let hidden = try evaluator.activations(
        parameters, .mlpHidden(layer: max(0, network.layers - 1)))
    let answers = examples.targetsPerExample
    var result: [MeasuredValue] = []
    for tensor in weights where tensor.name.hasSuffix("embedding") && tensor.name != "unembedding" {
        guard let values = operandRows(tensor, task: task) else { continue }
        result += embeddingMeasures(values, columns: tensor.shape[1], name: tensor.name, keys: keys)
    }
    let entropy = representationEntropy(hidden, columns: width)
    let spread = PrincipalComponents(hidden, columns: width).participationRatio
    result.append(
        MeasuredValue("representation_entropy", split: "test", subject: "hidden", value: entropy))
    result.append(
        MeasuredValue("participation_ratio", split: "test", subject: "hidden", value: spread))
    if answers == 1 {
        result.append(
            MeasuredValue(
                "class_distance_ratio", split: "test", subject: "hidden",
                value: classDistanceRatio(
                    features: hidden, columns: width, labels: examples.targets.map(Int.init))))
    }
    let logits = evaluator.logits(parameters)
    for (variant, bits) in [("float32", 23), ("float64", 52)] {
        result.append(
            MeasuredValue(
                "softmax_collapse", variant: variant, split: "test",
                value: softmaxCollapseShare(
                    logits: logits, classCount: evaluator.space.classCount, fractionBits: bits)))
    }
    return result
}

/// The rows of an embedding that belong to operands; nil for another shape.
private func operandRows(_ tensor: Tensor, task: Task) -> [Double]? {
    let first = task.firstAnswerToken
    guard tensor.shape.count == 2, task.operandCount > 0,
        tensor.shape[0] >= first + task.operandCount, let values = tensor.doubles()
    else { return nil }
    let columns = tensor.shape[1]
    return Array(values[first * columns..<(first + task.operandCount) * columns])
}

private func embeddingMeasures(
    _ values: [Double], columns: Int, name: String, keys: [Int]
) -> [MeasuredValue] {
    let parts = PrincipalComponents(values, columns: columns)
    let shares = parts.shares.prefix(10).enumerated().map { place, share in
        MeasuredValue("principal_variance", subject: name, position: place, value: share)
    }
    let circles = keys.map { key in
        MeasuredValue(
            "circularity", variant: "\(key)", subject: name,
            value: circularity(values, columns: columns, frequency: key))
    }
    return shares + circles + [
        MeasuredValue("participation_ratio", subject: name, value: parts.participationRatio),
        MeasuredValue(
            "intrinsic_dimension", variant: "two_nearest", subject: name,
            value: twoNeighbourDimension(values, columns: columns)),
    ]
}
