internal import ArrayMath
internal import Networks

/// What the group-composition measures look at, in the group's order.
///
/// For the two-embedding network: E_x = left_embedding · hidden[:e], E_y = right_embedding ·
/// hidden[e:], U = unembedding. For a transformer: E_x = E_y = the embedding without the row of `=`,
/// U = mlp.output · unembedding. H is the hidden layer after its non-linearity at the read-out.
package struct GroupMeasureInput: Sendable {
    /// Logits [n², n].
    package var logits: [Double]
    /// E_x and E_y, [n, columns].
    package var leftEmbedding: [Double]
    package var rightEmbedding: [Double]
    /// H [n², m].
    package var hidden: [Double]
    /// U [m, n].
    package var unembedding: [Double]
    /// The network from its hidden layer on; nil where logits are H U.
    package var readout: NetworkReadout?

    package init(
        logits: [Double], leftEmbedding: [Double], rightEmbedding: [Double], hidden: [Double],
        unembedding: [Double], readout: NetworkReadout? = nil
    ) {
        self.readout = readout
        self.logits = logits
        self.leftEmbedding = leftEmbedding
        self.rightEmbedding = rightEmbedding
        self.hidden = hidden
        self.unembedding = unembedding
    }
}

/// The measures of Chughtai and others (2023) for every component of the group, by characters.
///
/// `keys` names the key components; nil takes those whose trace similarity exceeds 0.005. Each
/// measure is named as published with the component as its variant; totals have no variant.
/// `hidden_restricted_loss` and `hidden_excluded_loss` are h U and (H − h) U, as published: attention's
/// skip and biases are dropped. Networks that have them, or layer norms, also get the losses
/// `…_through_network` with h or H − h in the place of H and everything else as it is; behind a layer
/// norm the published ones have no meaning and no value, and only totals are computed. Where
/// the published values come from faulty representations (3-dimensional ones of A5, hidden measures
/// of cyclic groups) these are the correct ones. Shares of nothing (a width of zeros) are NaN.
package func groupMeasures(
    _ input: GroupMeasureInput, on grid: GroupGrid, keys: [String]? = nil
) -> [MeasuredValue] {
    let context = GroupMeasureContext(input, grid)
    let listed = Array(grid.characters.components.dropFirst())
    let similarities = context.similarities()
    let chosen = listed.filter { component in
        keys?.contains(component.name) ?? (similarities[component.name].map { $0 > 0.005 } ?? false)
    }
    var result: [MeasuredValue] = []
    for component in grid.characters.components {
        if let similarity = similarities[component.name] {
            result.append(
                MeasuredValue("logit_trace_similarity", variant: component.name, value: similarity))
            result += context.logitLosses([component], variant: component.name, prefix: "logit")
        }
        result += context.shares([component], variant: component.name)
        result += context.hiddenLosses([component], variant: component.name, prefix: "hidden")
    }
    result.append(
        MeasuredValue(
            "percent_logits_explained",
            value: listed.reduce(0) { sum, component in
                let similarity = similarities[component.name] ?? 0
                return sum + similarity * similarity
            }))
    result += context.logitLosses(chosen, variant: "", prefix: "total_logit")
    let hidden = context.hiddenLosses(chosen, variant: "", prefix: "total_hidden", isTotal: true)
    result += hidden
    result += context.explained(chosen)
    let plain = context.shared.losses()
    result += plain.measurements("loss", variant: "")
    let restricted = hidden.value("total_hidden_restricted_loss", split: "all")
    result.append(
        MeasuredValue(
            "test_loss_restricted_loss_ratio",
            value: restricted.flatMap { loss in plain.test.map { $0 / loss } }))
    for (place, component) in chosen.enumerated() {
        result.append(
            MeasuredValue("key_component", position: place, value: nil, text: component.name))
    }
    return result
}

/// Sums over the grid that all components share.
private struct GroupMeasureContext {
    let grid: GroupGrid
    let input: GroupMeasureInput
    let characters: GroupCharacters
    let order: Int
    let width: Int
    /// ⟨C, K_u⟩ summed over pairs for each u = w z⁻¹, C the class-centred logits.
    let logitSums: [Double]
    let centredSquares: Double
    /// The losses of the centred logits too: what all classes have in common drops out of them.
    let shared: PairExponentials
    /// The logits H U alone, and what the network adds to them; nil where that is nothing.
    let plain: PairExponentials?
    let rest: PairExponentials?
    /// S_xy of the uncentred hidden layer, [n, m].
    let answerSums: [Double]
    let power: [String: [Double]]
    let squares: [String: Double]

    init(_ input: GroupMeasureInput, _ grid: GroupGrid) {
        self.input = input
        self.grid = grid
        characters = grid.characters
        order = grid.order
        width = input.hidden.count / max(order * order, 1)
        shared = PairExponentials(input.logits, on: grid)
        if let readout = input.readout, readout.isLinear, !readout.isPlain {
            let own = matrixProduct(
                input.hidden, input.unembedding, rows: order * order, columns: order, inner: width)
            plain = PairExponentials(own, on: grid)
            rest = PairExponentials(zip(input.logits, own).map { $0 - $1 }, on: grid)
        } else {
            (plain, rest) = (nil, nil)
        }
        let centredLogits = GroupMeasureContext.classCentred(input.logits, order)
        centredSquares = centredLogits.reduce(0) { $0 + $1 * $1 }
        logitSums = characters.quotientSums(
            grid.sums(centredLogits, columns: order, by: .answer))
        answerSums = grid.sums(input.hidden, columns: width, by: .answer)
        let parts = [
            "x_embed": (input.leftEmbedding, input.leftEmbedding.count / order),
            "y_embed": (input.rightEmbedding, input.rightEmbedding.count / order),
            "unembed": (transposed(input.unembedding, rows: width, columns: order), width),
        ]
        power = parts.mapValues { grid.characters.power($0.0, columns: $0.1) }
            .merging(
                GroupMeasureContext.hiddenPower(input.hidden, width, answerSums, grid)
            ) { first, _ in first }
        var squares = parts.mapValues { $0.0.reduce(0) { $0 + $1 * $1 } }
        let total = GroupMeasureContext.centredSquares(input.hidden, width)
        for name in ["hidden_x", "hidden_y", "hidden_xy"] { squares[name] = total }
        self.squares = squares
    }

    private static func classCentred(_ logits: [Double], _ order: Int) -> [Double] {
        var centred = logits
        for start in stride(from: 0, to: logits.count, by: order) {
            let mean = logits[start..<start + order].reduce(0, +) / Double(order)
            for column in start..<start + order { centred[column] -= mean }
        }
        return centred
    }

    /// (1/n) tr(Sᵀ Π S) for S_x, S_y and S_xy of the hidden layer centred over inputs.
    private static func hiddenPower(
        _ hidden: [Double], _ width: Int, _ answerSums: [Double], _ grid: GroupGrid
    ) -> [String: [Double]] {
        let order = grid.order
        let sums: [String: [Double]] = [
            "hidden_x": grid.sums(hidden, columns: width, by: .left),
            "hidden_y": grid.sums(hidden, columns: width, by: .right), "hidden_xy": answerSums,
        ]
        return sums.mapValues { raw in
            var centred = raw
            for column in 0..<width {
                var mean = 0.0
                for row in 0..<order { mean += raw[row * width + column] }
                mean /= Double(order)
                for row in 0..<order { centred[row * width + column] -= mean }
            }
            return grid.characters.power(centred, columns: width).map { $0 / Double(order) }
        }
    }

    private static func centredSquares(_ hidden: [Double], _ width: Int) -> Double {
        let rows = hidden.count / max(width, 1)
        var means = [Double](repeating: 0, count: width)
        for row in 0..<rows {
            for column in 0..<width { means[column] += hidden[row * width + column] }
        }
        for column in 0..<width { means[column] /= Double(rows) }
        var sum = 0.0
        for row in 0..<rows {
            for column in 0..<width {
                let difference = hidden[row * width + column] - means[column]
                sum += difference * difference
            }
        }
        return sum
    }

    /// ⟨C, K_ρ⟩ and ‖K_ρ‖² with K_ρ[x, y, z] = χ_ρ(x y z⁻¹).
    private func inner(_ component: GroupComponent) -> (product: Double, squares: Double) {
        let product = zip(component.character, logitSums).reduce(0) { $0 + $1.0 * $1.1 }
        let squares = component.character.reduce(0) { $0 + $1 * $1 }
        return (product, squares * Double(order * order))
    }

    /// The cosine between the class-centred logits and K_ρ, for all but the trivial component.
    func similarities() -> [String: Double] {
        var result: [String: Double] = [:]
        for component in characters.components.dropFirst() {
            let (product, squares) = inner(component)
            result[component.name] = product / (squares * centredSquares).squareRoot()
        }
        return result
    }

    func logitLosses(
        _ components: [GroupComponent], variant: String, prefix: String
    ) -> [MeasuredValue] {
        var kernel = [Double](repeating: 0, count: order)
        for component in components {
            let (product, squares) = inner(component)
            for element in 0..<order {
                kernel[element] += product / squares * component.character[element]
            }
        }
        let rows = characters.kernelMatrix(kernel)
        let restricted = grid.lossesOfAnswerLogits(rows)
        let excluded = shared.losses(subtracting: [rows])[0]
        return restricted.measurements("\(prefix)_restricted_loss", variant: variant)
            + excluded.measurements("\(prefix)_excluded_loss", variant: variant)
    }

    func hiddenLosses(
        _ components: [GroupComponent], variant: String, prefix: String, isTotal: Bool = false
    ) -> [MeasuredValue] {
        let projected = characters.project(answerSums, columns: width, on: components)
            .map { $0 / Double(order) }
        if let readout = input.readout, !readout.isLinear {
            guard isTotal else { return [] }
            return lossesBehindNorm(readout, projected, prefix: prefix)
        }
        let rows = matrixProduct(
            projected, input.unembedding, rows: order, columns: order, inner: width)
        let restricted = grid.lossesOfAnswerLogits(rows)
        let excluded = (plain ?? shared).losses(subtracting: [rows])[0]
        var result =
            restricted.measurements("\(prefix)_restricted_loss", variant: variant)
            + excluded.measurements("\(prefix)_excluded_loss", variant: variant)
        if let rest {
            result += rest.losses(subtracting: [rows.map { -$0 }])[0].measurements(
                "\(prefix)_restricted_loss_through_network", variant: variant)
            result += shared.losses(subtracting: [rows])[0].measurements(
                "\(prefix)_excluded_loss_through_network", variant: variant)
        }
        return result
    }

    private func lossesBehindNorm(
        _ readout: NetworkReadout, _ projected: [Double], prefix: String
    ) -> [MeasuredValue] {
        let kept = grid.answers.flatMap { projected[$0 * width..<($0 + 1) * width] }
        let restricted = grid.losses(of: readout.logits(ofHidden: kept))
        let excluded = grid.losses(
            of: readout.logits(ofHidden: zip(input.hidden, kept).map { $0 - $1 }))
        let reason = "a layer norm stands between the hidden layer and the logits"
        return ["restricted", "excluded"].map {
            MeasuredValue("\(prefix)_\($0)_loss", value: nil, text: reason)
        } + restricted.measurements("\(prefix)_restricted_loss_through_network", variant: "")
            + excluded.measurements("\(prefix)_excluded_loss_through_network", variant: "")
    }

    private func share(_ part: String, _ components: [GroupComponent]) -> Double {
        let names = Set(components.map(\.name))
        let sum = zip(characters.components, power[part] ?? []).reduce(0.0) {
            names.contains($1.0.name) ? $0 + $1.1 : $0
        }
        return sum / (squares[part] ?? 0)
    }

    private static let parts = [
        "x_embed", "y_embed", "unembed", "hidden_x", "hidden_y", "hidden_xy",
    ]

    func shares(_ components: [GroupComponent], variant: String) -> [MeasuredValue] {
        let each = GroupMeasureContext.parts.map {
            MeasuredValue("percent_\($0)", variant: variant, value: share($0, components))
        }
        let total = ["hidden_x", "hidden_y", "hidden_xy"].reduce(0) { $0 + share($1, components) }
        return each + [MeasuredValue("total_percent_hidden", variant: variant, value: total)]
    }

    /// Sums of the shares over the key components.
    func explained(_ keys: [GroupComponent]) -> [MeasuredValue] {
        let hidden = ["hidden_x", "hidden_y", "hidden_xy"].reduce(0) { $0 + share($1, keys) }
        return [MeasuredValue("percent_hidden_explained", value: hidden)]
            + ["hidden_xy", "x_embed", "y_embed", "unembed"].map {
                MeasuredValue("percent_\($0)_explained", value: share($0, keys))
            }
    }
}
