internal import ArrayMath
package import Checkpoints
package import Networks

/// A checkpoint of a network whose task is a product in a finite group, taken apart for analysis.
///
/// Everything is in `Double` and in the group's order. Needs the network's hidden layer: of a
/// transformer the last block's. Of examples with several answers the first one counts.
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
    /// The network from its hidden layer on.
    package let readout: NetworkReadout
    /// Attention to the first operand; empty for networks without attention.
    package let attention: [HeadAttention]

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
        _ evaluator: NetworkEvaluator<Double>, task: Task, grid: GroupGrid, weights: [Tensor],
        includingAttention: Bool = false
    ) throws {
        let parameters: [Double] = try evaluator.layout.pack(weights)
        let network = evaluator.network
        self.grid = grid
        let (isTransformer, last) = (network.kind == .transformer, network.lastHiddenLayer)
        let values = try evaluator.logitsAndActivations(
            parameters,
            [.mlpHidden(layer: last)] + (isTransformer ? [.middle(layer: last)] : []))
        let classes = evaluator.space.classCount
        let answers = evaluator.examples.targetsPerExample
        /// Of examples with several answers the first, which is the product.
        func gathered(_ values: [Double], width: Int, columns: [Int]) -> [Double] {
            guard answers > 1 else {
                return grid.gather(values, width: width, columns: columns)
            }
            let first = Swift.stride(from: 0, to: values.count, by: width * answers).flatMap {
                values[$0..<$0 + width]
            }
            return grid.gather(first, width: width, columns: columns)
        }
        logits = gathered(values.logits, width: classes, columns: grid.columns)
        let width = network.neuronCount
        hidden = gathered(values.activations[0], width: width, columns: Array(0..<width))
        readout = try NetworkReadout(
            network, parts: NetworkParts(layout: evaluator.layout, parameters: parameters),
            grid: grid, classCount: classes,
            middle: isTransformer
                ? gathered(
                    values.activations[1], width: network.width,
                    columns: Array(0..<network.width)) : [])
        let maps = try NetworkMaps(
            network, layout: evaluator.layout, task: task, grid: grid, parameters: parameters)
        leftEmbedding = maps.leftEmbedding
        rightEmbedding = maps.rightEmbedding
        neuronLogitMap = maps.neuronLogitMap
        attention =
            includingAttention
            ? try HeadAttention.all(
                of: evaluator, parameters, on: grid,
                operandPosition: GroupGrid.operandPositions(of: task).0) : []
    }

    /// The input of the group-composition measures.
    package var groupMeasureInput: GroupMeasureInput {
        GroupMeasureInput(
            logits: logits, leftEmbedding: leftEmbedding, rightEmbedding: rightEmbedding,
            hidden: hidden, unembedding: neuronLogitMap,
            neuronCount: neuronLogitMap.count / max(grid.order, 1), readout: readout)
    }

    /// The power of the neuron–logit map [m, n] in each component along its logit axis.
    package var neuronLogitSpectrum: FourierSpectrum {
        grid.spectrum(
            transposed(
                neuronLogitMap, rows: neuronLogitMap.count / grid.order,
                columns: grid.order))
    }

    /// The power of the left operand's embedding in each component.
    package var embeddingSpectrum: FourierSpectrum { grid.spectrum(leftEmbedding) }
}
