internal import ArrayMath
package import Checkpoints
package import Networks

/// A checkpoint of a network whose task is a product in a finite group, taken apart for analysis.
///
/// Everything is in `Double` and in the group's order. Needs the network's hidden layer: of a
/// transformer the last block's.
package struct NetworkView {
    package let grid: GroupGrid
    /// Logits [n², n], the other classes left out.
    package let logits: [Double]
    /// The hidden layer after its non-linearity at the read-out, [n², m].
    package let hidden: [Double]
    /// What each operand adds: E_x and E_y, [n, columns].
    package let leftEmbedding: [Double]
    package let rightEmbedding: [Double]
    /// The map from neurons to logits, [m, n].
    package let neuronLogitMap: [Double]

    /// Evaluates a checkpoint on all pairs of its task.
    ///
    /// Throws `UserError` where the task has no group or the weights do not fit the network.
    package init(
        _ model: ModelConfiguration, task: Task, grid: GroupGrid, weights: [Tensor],
        threadCount: Int = 1
    ) throws {
        let evaluator = try model.evaluator(
            for: task, examples: task.allExamples, threadCount: threadCount, as: Double.self)
        try self.init(evaluator, task: task, grid: grid, weights: weights)
    }

    /// The same with an evaluator of all examples that is used for many checkpoints.
    package init(
        _ evaluator: NetworkEvaluator<Double>, task: Task, grid: GroupGrid, weights: [Tensor]
    ) throws {
        let parameters: [Double] = try evaluator.layout.pack(weights)
        let network = evaluator.network
        self.grid = grid
        let order = grid.order
        let classes = evaluator.space.classCount
        logits = grid.gatherLogits(evaluator.logits(parameters), classCount: classes)
        let width = network.kind == .transformer ? network.mlpWidth : network.hiddenWidth
        hidden = try grid.gather(
            evaluator.activations(parameters, .mlpHidden(layer: max(0, network.layers - 1))),
            width: width, columns: Array(0..<width))
        let parts = NetworkParts(layout: evaluator.layout, parameters: parameters)
        func kept(_ matrix: [Double], columns: Int) -> [Double] {
            (0..<matrix.count / columns).flatMap { row in
                grid.columns.map { matrix[row * columns + $0] }
            }
        }
        func operandRows(_ matrix: ArraySlice<Double>, columns: Int) -> [Double] {
            grid.operands.flatMap { operand in
                let start = matrix.startIndex + (operand + task.firstAnswerToken) * columns
                return matrix[start..<start + columns]
            }
        }
        switch network.kind {
        case .transformer:
            let embedding = try parts.values("embedding")
            leftEmbedding = operandRows(embedding, columns: network.width)
            rightEmbedding = leftEmbedding
            let unembedding =
                network.tied
                ? transposed(Array(embedding), rows: classes, columns: network.width)
                : Array(try parts.values("unembedding"))
            let output = Array(try parts.values("blocks.\(network.layers - 1).mlp.output"))
            neuronLogitMap = matrixProduct(
                output, kept(unembedding, columns: classes), rows: width, columns: order,
                inner: network.width)
        case .mlp:
            let columns = network.embeddingWidth
            let map = Array(try parts.values("hidden"))
            func side(_ name: String, _ part: Range<Int>) throws -> [Double] {
                let rows = operandRows(try parts.values(name), columns: columns)
                return matrixProduct(
                    rows,
                    Array(map[part.lowerBound * width..<part.upperBound * width]), rows: order,
                    columns: width, inner: columns)
            }
            leftEmbedding = try side("left_embedding", 0..<columns)
            rightEmbedding = try side("right_embedding", columns..<2 * columns)
            neuronLogitMap = kept(Array(try parts.values("unembedding")), columns: classes)
        case .oneHot:
            let map = try parts.values("hidden")
            let half = evaluator.space.vocabulary * width
            leftEmbedding = operandRows(map.prefix(half), columns: width)
            rightEmbedding = operandRows(map.dropFirst(half).prefix(half), columns: width)
            neuronLogitMap = kept(Array(try parts.values("unembedding")), columns: classes)
        }
    }

    /// The input of the group-composition measures.
    package var groupMeasureInput: GroupMeasureInput {
        GroupMeasureInput(
            logits: logits, leftEmbedding: leftEmbedding, rightEmbedding: rightEmbedding,
            hidden: hidden, unembedding: neuronLogitMap)
    }

    /// The power of the neuron–logit map [m, n] in each component along its logit axis.
    package var neuronLogitSpectrum: FourierSpectrum {
        spectrum(
            transposed(
                neuronLogitMap, rows: neuronLogitMap.count / grid.order,
                columns: grid.order))
    }

    /// The power of the left operand's embedding in each component.
    package var embeddingSpectrum: FourierSpectrum { spectrum(leftEmbedding) }

    /// The power of a function [n, columns] on the group; cyclic groups by frequency 0 … n/2.
    package func spectrum(_ values: [Double]) -> FourierSpectrum {
        let columns = values.count / grid.order
        let spectrum = grid.characters.spectrum(values, columns: columns)
        guard case .cyclic(let count) = grid.group.family else { return spectrum }
        // By rising frequency, as the plain Fourier transform lists them.
        func frequency(_ name: String) -> Int {
            name == "trivial" ? 0 : name == "sign" ? count / 2 : Int(name.dropFirst(5)) ?? 0
        }
        let ordered = spectrum.components.indices.sorted {
            frequency(spectrum.components[$0]) < frequency(spectrum.components[$1])
        }
        return FourierSpectrum(
            basis: spectrum.basis,
            components: ordered.map { String(frequency(spectrum.components[$0])) },
            power: ordered.map { spectrum.power[$0] })
    }
}

/// Named pieces of a flat parameter vector.
private struct NetworkParts {
    let layout: ParameterLayout
    let parameters: [Double]

    func values(_ name: String) throws -> ArraySlice<Double> {
        guard let entry = layout.entry(name) else {
            throw UserError.missing(
                subject: "tensor \(name)", cause: "the network of this run has none")
        }
        return parameters[entry.range]
    }
}

/// The transposed of a row-major [rows, columns] matrix.
func transposed(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
    var result = matrix
    for row in 0..<rows {
        for column in 0..<columns { result[column * rows + row] = matrix[row * columns + column] }
    }
    return result
}
