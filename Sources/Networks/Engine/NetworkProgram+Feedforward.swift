internal import ArrayMath

extension NetworkProgram {
    /// Hidden layers one after the other, then the output: all on the read-out rows, one for each
    /// example.
    ///
    /// Examples of tokens enter as their one-hot codes, whose share of the first layer is computed
    /// once for each token.
    mutating func buildFeedforward() {
        let widths = network.widths.values
        var current: Slot?
        for (layer, width) in widths.enumerated() {
            var input = current
            let name = "layers.\(layer)"
            if let slot = input, network.normalizesInput(of: layer) {
                input = appendNorm("\(name).norm", slot)
            }
            let sum = appendLayer(name, input, width)
            var output = appendActivation(sum, on: .readouts)
            if network.residual, let current, current.columns == width {
                let total = slot(.readouts, width)
                append(SumOperation(current, output, into: total), on: .readouts)
                output = total
            }
            if network.normalization == .post { output = appendNorm("\(name).norm", output) }
            hidden.append(output)
            current = output
        }
        switch network.readout {
        case .trained: logits = appendLayer("output", current, space.classCount)
        case .mean, .signs:
            guard let current else { preconditionFailure("a fixed read-out reads a hidden layer") }
            logits = slot(.readouts, 1)
            append(
                FixedReadoutOperation(
                    current, coefficients: fixedCoefficients(current.columns), into: logits),
                on: .readouts)
        }
        if network.outputScale != 1 {
            let outputs = logits
            logits = slot(.readouts, outputs.columns)
            append(
                ScaleOperation(outputs, by: Scalar(network.outputScale), into: logits),
                on: .readouts)
        }
    }

    /// X·W + b of a hidden layer, or of the data where there is none before it.
    private mutating func appendLayer(_ name: String, _ input: Slot?, _ width: Int) -> Slot {
        let (weight, bias) = (required("\(name).weight"), offset("\(name).bias"))
        if input == nil, space.featureCount == 0 {
            let share = slot(.inputs, width)
            let blocks = (0..<space.length).map { weight + $0 * space.vocabulary * width }
            append(EmbeddingOperation(embeddings: blocks, into: share), on: .inputs)
            let output = slot(.readouts, width)
            append(SourceSumOperation(share, into: output), on: .readouts)
            if let bias { append(BiasOperation(output, bias: bias), on: .readouts) }
            return output
        }
        var source = input
        if source == nil {
            let features = slot(.readouts, space.featureCount)
            append(FeatureOperation(into: features), on: .readouts)
            source = features
        }
        guard let source else { preconditionFailure("a layer has an input") }
        let output = slot(.readouts, width)
        append(
            LinearOperation(
                source, weight: weight, bias: bias, isInputConstant: input == nil, into: output),
            on: .readouts)
        return output
    }

    private func fixedCoefficients(_ width: Int) -> [Scalar] {
        switch network.readout {
        case .trained: []
        case .mean: [Scalar](repeating: 1 / Scalar(width), count: width)
        case .signs:
            (0..<width).map { (2 * $0 < width ? 1 : -1) / Scalar(width).squareRoot() }
        }
    }
}
