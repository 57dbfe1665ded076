internal import ArrayMath
internal import Checkpoints
internal import Foundation
internal import Networks

/// How logits follow from the last hidden layer.
package enum ReadoutForm: Sendable {
    /// The hidden layer times the neuron–logit map and nothing else.
    case plain
    /// That, and something that the hidden layer does not change: biases, attention's skip.
    case linear
    /// Through layer norms.
    case behindNorm
}

/// What a network does between its last hidden layer and its logits, at the read-out of all pairs of a
/// grid: logits of a changed hidden layer are then the network's own.
///
/// With the hidden layer H: H · output + bias + the residual stream after attention, layer norms that
/// follow, unembedding and its bias. Networks of one hidden layer have the unembedding alone.
package struct NetworkReadout: Sendable {
    /// One layer norm: scale and shift.
    private struct Norm: Sendable {
        let scale: [Double]
        let shift: [Double]
    }

    /// Whether logits are a linear function of the hidden layer plus something that it does not
    /// change.
    package var isLinear: Bool { norms.isEmpty }
    private let isPlain: Bool
    package var form: ReadoutForm { isLinear ? isPlain ? .plain : .linear : .behindNorm }
    private let neurons: Int
    private let width: Int
    private let order: Int
    /// [m, width]; empty for networks without a residual stream.
    private let output: [Double]
    /// What is added to H · output, [n², width].
    private let stream: [Double]
    private let norms: [Norm]
    /// [width, n], or [m, n] without a residual stream.
    private let unembedding: [Double]
    private let bias: [Double]

    /// Takes the last block of a network apart.
    ///
    /// `middle` is the residual stream after its attention, [n², width]. Throws `UserError` where the
    /// weights lack a tensor.
    init(
        _ network: NetworkConfiguration, parts: NetworkParts, grid: GroupGrid, classCount: Int,
        middle: [Double]
    ) throws {
        order = grid.order
        func kept(_ matrix: [Double]) -> [Double] {
            (0..<matrix.count / classCount).flatMap { row in
                grid.columns.map { matrix[row * classCount + $0] }
            }
        }
        guard network.kind == .transformer else {
            (neurons, width) = (network.neuronCount, 0)
            (output, stream, norms) = ([], [], [])
            let isLayered = network.kind == .feedforward
            let map = kept(Array(try parts.values(isLayered ? "output.weight" : "unembedding")))
            let shift = parts.optionalValues(isLayered ? "output.bias" : "unembedding_bias")
            let scale = isLayered ? network.outputScale : 1
            unembedding = scale == 1 ? map : map.map { scale * $0 }
            bias = shift.isEmpty ? [] : grid.columns.map { scale * shift[$0] }
            isPlain = bias.isEmpty
            return
        }
        let width = network.width
        let block = "blocks.\(network.layers - 1)"
        (neurons, self.width) = (network.mlpWidth, width)
        output = Array(try parts.values("\(block).mlp.output"))
        let shift = parts.optionalValues("\(block).mlp.output_bias")
        stream =
            shift.isEmpty
            ? middle : middle.indices.map { middle[$0] + shift[$0 % width] }
        var norms: [Norm] = []
        for name in (network.normalization == .post ? ["\(block).mlp_norm"] : [])
            + (network.finalNorm ? ["final_norm"] : [])
        {
            norms.append(
                Norm(
                    scale: Array(try parts.values("\(name).scale")),
                    shift: Array(try parts.values("\(name).shift"))))
        }
        self.norms = norms
        unembedding = kept(
            network.tied
                ? transposed(
                    Array(try parts.values("embedding")), rows: classCount, columns: width)
                : Array(try parts.values("unembedding")))
        let classBias = parts.optionalValues("unembedding_bias")
        bias = classBias.isEmpty ? [] : grid.columns.map { classBias[$0] }
        isPlain = false
    }

    /// The network's logits [n², n] for a hidden layer [n², m].
    package func logits(ofHidden hidden: [Double]) -> [Double] {
        let pairs = hidden.count / max(neurons, 1)
        guard !output.isEmpty else {
            let logits = matrixProduct(
                hidden, unembedding, rows: pairs, columns: order, inner: neurons)
            return addingBias(to: logits)
        }
        var values = matrixProduct(hidden, output, rows: pairs, columns: width, inner: neurons)
        for index in values.indices { values[index] += stream[index] }
        for norm in norms { NetworkReadout.apply(norm, to: &values, width: width) }
        return addingBias(
            to: matrixProduct(
                values, unembedding, rows: pairs, columns: order, inner: width))
    }

    private func addingBias(to logits: [Double]) -> [Double] {
        guard !bias.isEmpty else { return logits }
        return logits.indices.map { logits[$0] + bias[$0 % order] }
    }

    private static func apply(_ norm: Norm, to values: inout [Double], width: Int) {
        values.withUnsafeMutableBufferPointer { values in
            for start in Swift.stride(from: 0, to: values.count, by: width) {
                var (sum, squares) = (0.0, 0.0)
                for index in start..<start + width { sum += values[index] }
                let mean = sum / Double(width)
                for index in start..<start + width {
                    squares += (values[index] - mean) * (values[index] - mean)
                }
                let factor = 1 / (squares / Double(width) + 1e-5).squareRoot()
                for column in 0..<width {
                    values[start + column] =
                        (values[start + column] - mean) * factor * norm.scale[column]
                        + norm.shift[column]
                }
            }
        }
    }
}
