internal import ArrayMath
internal import Foundation

extension NetworkProgram {
    /// The residual stream entering a block, with the queries, keys and values made from it.
    private struct Stream {
        var residual: Slot
        var query: Slot
        var key: Slot
        var value: Slot
    }

    /// The decoder transformer: embeddings, then blocks of attention and a hidden layer, each added
    /// to the residual stream, then the unembedding at the read-out rows.
    ///
    /// The kind `attention_only` has no hidden layers.
    mutating func buildTransformer() {
        let embedded = slot(.inputs, network.width)
        append(
            EmbeddingOperation(
                embeddings: [Int](repeating: required("embedding"), count: space.length),
                positions: offset("positions"), fixedPositions: fixedPositions(), into: embedded),
            on: .inputs)
        var stream = prepareBlock(0, of: embedded, on: .inputs)
        var last = embedded
        for block in 0..<network.layers {
            let isLast = block == network.layers - 1
            let domain: RowDomain = isLast ? .readouts : .prefixes
            last = appendBlock(block, stream, on: domain)
            if !isLast { stream = prepareBlock(block + 1, of: last, on: domain) }
        }
        if network.finalNorm { last = appendNorm("final_norm", last) }
        logits = slot(.readouts, space.classCount)
        append(
            LinearOperation(
                last, weight: network.tied ? required("embedding") : required("unembedding"),
                isTransposed: network.tied, bias: offset("unembedding_bias"), into: logits),
            on: .readouts)
    }

    /// Queries, keys and values of a block, on the rows that enter it.
    ///
    /// The last block needs queries
    /// only where something is read out.
    private mutating func prepareBlock(
        _ block: Int, of residual: Slot, on domain: RowDomain
    )
        -> Stream
    {
        let name = "blocks.\(block)"
        let input =
            network.normalization == .pre
            ? appendNorm("\(name).attention_norm", residual) : residual
        let isLast = block == network.layers - 1
        var slots: [Slot] = []
        for part in ["query", "key", "value"] {
            let output = slot(domain, network.heads * network.headWidth)
            let tensor = "\(name).attention.\(part)"
            if let entry = layout.entry(tensor) { headMatrices.append(entry) }
            append(
                LinearOperation(
                    input, weight: required(tensor), bias: offset("\(tensor)_bias"),
                    rows: part == "query" && isLast ? .queries : .all, into: output), on: domain)
            slots.append(output)
        }
        return Stream(residual: residual, query: slots[0], key: slots[1], value: slots[2])
    }

    private mutating func appendBlock(_ block: Int, _ stream: Stream, on domain: RowDomain) -> Slot
    {
        let name = "blocks.\(block)"
        let (width, heads) = (network.width, network.heads)
        let probabilities = slot(domain, heads * space.length)
        let mixed = slot(domain, heads * network.headWidth)
        append(
            AttentionOperation(
                query: stream.query, key: stream.key, value: stream.value, heads: heads,
                probabilities: probabilities, into: mixed), on: domain)
        attention.append(probabilities)
        var middle = slot(domain, width)
        // A block between two others keeps its rows' own residual; the first and the last block's
        // rows find theirs among the rows of another domain.
        append(
            LinearOperation(
                mixed, weight: required("\(name).attention.output"),
                bias: offset("\(name).attention.output_bias"),
                residual: stream.residual.domain == domain
                    ? .sameRow(stream.residual) : .sourceRow(stream.residual), into: middle),
            on: domain)
        if network.normalization == .post { middle = appendNorm("\(name).attention_norm", middle) }
        guard network.kind != .attentionOnly else {
            residual.append(middle)
            return middle
        }
        self.middle.append(middle)
        let input =
            network.normalization == .pre ? appendNorm("\(name).mlp_norm", middle) : middle
        let sum = slot(domain, network.mlpWidth)
        append(
            LinearOperation(
                input, weight: required("\(name).mlp.input"),
                bias: offset("\(name).mlp.input_bias"), into: sum), on: domain)
        let activated = appendActivation(sum, on: domain)
        hidden.append(activated)
        var output = slot(domain, width)
        let drops = network.dropout > 0
        append(
            LinearOperation(
                activated, weight: required("\(name).mlp.output"),
                bias: offset("\(name).mlp.output_bias"),
                residual: drops ? .none : .sameRow(middle), into: output), on: domain)
        if drops {
            append(DropoutOperation(output, layer: block, chance: network.dropout), on: domain)
            append(ResidualOperation(middle, addedTo: output), on: domain)
        }
        if network.normalization == .post { output = appendNorm("\(name).mlp_norm", output) }
        residual.append(output)
        return output
    }

    mutating func appendNorm(_ name: String, _ input: Slot) -> Slot {
        let statistics = slot(input.domain, 2)
        let output = slot(input.domain, input.columns)
        append(
            LayerNormOperation(
                input, scale: required("\(name).scale"), shift: required("\(name).shift"),
                statistics: statistics, into: output), on: input.domain)
        return output
    }

    /// sin(t / 10000^(i/width)) in even columns i, cos(t / 10000^((i−1)/width)) in odd ones.
    private func fixedPositions() -> [Scalar] {
        guard network.positions == .sinusoidal else { return [] }
        return (0..<space.length).flatMap { position in
            (0..<network.width).map { column in
                let exponent = Double(column - column % 2) / Double(network.width)
                let angle = Double(position) / pow(10_000, exponent)
                return Scalar(column % 2 == 0 ? sin(angle) : cos(angle))
            }
        }
    }
}
