internal import ArrayMath
package import Checkpoints
package import Networks

/// What the weights of a network alone say about its way from operands to answers, in the order of
/// the task's group; no example is evaluated.
package struct NetworkMaps: Sendable {
    package let grid: GroupGrid
    /// What each operand adds: E_x and E_y, [n, columns].
    package let leftEmbedding: [Double]
    package let rightEmbedding: [Double]
    /// The map from neurons to logits, [m, n].
    ///
    /// Through layer norms that stand between, it is their scale on what is left of the mean; the
    /// positive factor by which a norm multiplies each example is left out.
    package let neuronLogitMap: [Double]

    /// Takes apart the weights of a checkpoint.
    ///
    /// Throws `UserError` where the weights do not fit the network.
    package init(
        _ model: ModelConfiguration, task: Task, grid: GroupGrid, weights: [Tensor]
    ) throws {
        let layout = try model.layout(for: task)
        try self.init(
            model.network, layout: layout, task: task, grid: grid,
            parameters: layout.pack(weights, as: Double.self))
    }

    init(
        _ network: NetworkConfiguration, layout: ParameterLayout, task: Task, grid: GroupGrid,
        parameters: [Double]
    ) throws {
        self.grid = grid
        let space = task.tokenSpace
        let (order, classes) = (grid.order, space.classCount)
        let width = network.neuronCount
        let parts = NetworkParts(layout: layout, parameters: parameters)
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
            let block = "blocks.\(network.layers - 1)"
            var output = Array(try parts.values("\(block).mlp.output"))
            for name in (network.normalization == .post ? ["\(block).mlp_norm"] : [])
                + (network.finalNorm ? ["final_norm"] : [])
            {
                let scale = Array(try parts.values("\(name).scale"))
                for row in 0..<width {
                    let start = row * network.width
                    let mean =
                        output[start..<start + network.width].reduce(0, +) / Double(network.width)
                    for column in scale.indices {
                        output[start + column] = (output[start + column] - mean) * scale[column]
                    }
                }
            }
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
            let half = space.vocabulary * width
            leftEmbedding = operandRows(map.prefix(half), columns: width)
            rightEmbedding = operandRows(map.dropFirst(half).prefix(half), columns: width)
            neuronLogitMap = kept(Array(try parts.values("unembedding")), columns: classes)
        case .feedforward where network.widths.values.count == 1 && network.readout == .trained:
            let map = try parts.values("layers.0.weight")
            let half = space.vocabulary * width
            leftEmbedding = operandRows(map.prefix(half), columns: width)
            rightEmbedding = operandRows(map.dropFirst(half).prefix(half), columns: width)
            neuronLogitMap = kept(Array(try parts.values("output.weight")), columns: classes)
                .map { network.outputScale * $0 }
        case .feedforward, .attentionOnly:
            throw UserError(
                .failure, subject: "network \(network.kind.rawValue)",
                cause: "it has no single hidden layer between operands and answers",
                advice: "these measures need a transformer, or a network of one hidden layer")
        }
    }

    /// The power of the neuron–logit map [m, n] in each component along its logit axis.
    package var neuronLogitSpectrum: FourierSpectrum { grid.spectrum(logitRows) }

    /// The neuron–logit map with the logit axis first, [n, m].
    package var logitRows: [Double] {
        transposed(neuronLogitMap, rows: neuronLogitMap.count / grid.order, columns: grid.order)
    }

    package var embeddingSpectrum: FourierSpectrum { grid.spectrum(leftEmbedding) }
}

extension GroupGrid {
    /// The power of a function [n, columns] on the group; cyclic groups by frequency 0 … n/2.
    package func spectrum(_ values: [Double]) -> FourierSpectrum {
        let columns = values.count / order
        guard isCyclic else { return characters.spectrum(values, columns: columns) }
        return spectrum(ofComponentNorms: componentNorms(values, columns: columns))
    }

    /// The norms of the n Fourier coefficients of a function [n, columns] on a cyclic group.
    func componentNorms(_ values: [Double], columns: Int) -> [Double] {
        fourierComponentNorms(values, columns: columns, basis: fourierBasis)
    }

    /// The spectrum over a cyclic group by frequency: the squares of cosine and sine added.
    func spectrum(ofComponentNorms norms: [Double]) -> FourierSpectrum {
        FourierSpectrum(
            basis: characters.basis, components: (0...order / 2).map(String.init),
            power: (0...order / 2).map { frequency in
                let rows = frequency == 0 ? [0] : basisRows(ofFrequency: frequency, count: order)
                return rows.reduce(0) { $0 + norms[$1] * norms[$1] }
            })
    }
}

/// Named pieces of a flat parameter vector.
struct NetworkParts {
    let layout: ParameterLayout
    let parameters: [Double]

    /// The values of a tensor that not every network has; empty where this one does not.
    func optionalValues(_ name: String) -> [Double] {
        layout.entry(name).map { Array(parameters[$0.range]) } ?? []
    }

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
