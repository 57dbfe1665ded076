package import Checkpoints
package import Networks

extension GroupMeasureInput {
    /// The pairs of a checkpoint, evaluated in blocks of left operands: what is held at a time is the
    /// logits of one block, however large the group.
    ///
    /// Throws `UserError` where the weights do not fit the network.
    package init(
        _ model: ModelConfiguration, task: Task, grid: GroupGrid, weights: [Tensor],
        threadCount: Int = 1, mostLogits: Int = GroupMeasureInput.mostLogits
    ) throws {
        let network = model.network
        let layout = try model.layout(for: task)
        let parameters: [Double] = try layout.pack(weights)
        let parts = NetworkParts(layout: layout, parameters: parameters)
        let maps = try NetworkMaps(
            network, layout: layout, task: task, grid: grid, parameters: parameters)
        let classCount = task.tokenSpace.classCount
        func readout(_ middle: [Double]) throws -> NetworkReadout {
            try NetworkReadout(
                network, parts: parts, grid: grid, classCount: classCount, middle: middle)
        }
        let (isTransformer, last) = (network.kind == .transformer, network.lastHiddenLayer)
        try self.init(
            order: grid.order, leftEmbedding: maps.leftEmbedding,
            rightEmbedding: maps.rightEmbedding, unembedding: maps.neuronLogitMap,
            neuronCount: network.neuronCount, form: readout([]).form, mostLogits: mostLogits
        ) { lefts in
            let rows = grid.rows[lefts.lowerBound * grid.order..<lefts.upperBound * grid.order]
            let evaluator: NetworkEvaluator<Double> = try model.evaluator(
                for: task, examples: task.allExamples.subset(rows), threadCount: threadCount)
            let values = try evaluator.logitsAndActivations(
                parameters,
                [.mlpHidden(layer: last)] + (isTransformer ? [.middle(layer: last)] : []))
            /// Of each example's first answer, which is the product, some columns.
            func kept(_ values: [Double], width: Int, columns: [Int]) -> [Double] {
                let step = width * evaluator.examples.targetsPerExample
                if step == width, columns.elementsEqual(0..<width) { return values }
                return stride(from: 0, to: values.count, by: max(step, 1)).flatMap { row in
                    columns.map { values[row + $0] }
                }
            }
            func whole(_ values: [Double], width: Int) -> [Double] {
                kept(values, width: width, columns: Array(0..<width))
            }
            return PairBlock(
                logits: kept(values.logits, width: classCount, columns: grid.columns),
                hidden: whole(values.activations[0], width: network.neuronCount),
                readout: try readout(
                    isTransformer ? whole(values.activations[1], width: network.width) : []))
        }
    }
}
