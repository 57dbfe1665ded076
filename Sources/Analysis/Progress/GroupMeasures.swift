internal import ArrayMath
internal import Networks

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
///
/// The pairs are gone through twice or, where the components' rows exceed 128 MiB, once more for each
/// further 128 MiB. Errors: those of the evaluation of a block.
package func groupMeasures(
    _ input: GroupMeasureInput, on grid: GroupGrid, keys: [String]? = nil
) throws -> [MeasuredValue] {
    let context = try GroupMeasureContext(input, grid)
    let components = grid.characters.components
    let similarities = context.similarities()
    let chosen = keyComponents(similarities, on: grid, keys: keys)
    var changes = components.flatMap { component in
        (similarities[component.name] == nil
            ? [] : [LogitChange(part: .logits, variant: component.name, components: [component])])
            + [LogitChange(part: .hidden, variant: component.name, components: [component])]
    }
    for part in [LogitChange.Part.logits, .hidden] {
        changes.append(LogitChange(part: part, variant: "", components: chosen))
    }
    let losses = try context.losses(of: changes)
    func rows(_ part: LogitChange.Part, _ variant: String) -> [MeasuredValue] {
        losses.rows.first { $0.change.part == part && $0.change.variant == variant }?.rows ?? []
    }
    var result: [MeasuredValue] = []
    for component in components {
        if let similarity = similarities[component.name] {
            result.append(
                MeasuredValue("logit_trace_similarity", variant: component.name, value: similarity))
            result += rows(.logits, component.name)
        }
        result += context.shares([component], losses.hiddenSquares, variant: component.name)
        result += rows(.hidden, component.name)
    }
    result.append(
        MeasuredValue(
            "percent_logits_explained",
            value: components.dropFirst().reduce(0) { sum, component in
                let similarity = similarities[component.name] ?? 0
                return sum + similarity * similarity
            }))
    result += rows(.logits, "")
    let hidden = rows(.hidden, "")
    result += hidden
    result += context.explained(chosen, losses.hiddenSquares)
    result += losses.plain.measurements("loss", variant: "")
    let restricted = hidden.value("total_hidden_restricted_loss", split: "all")
    result.append(
        MeasuredValue(
            "test_loss_restricted_loss_ratio",
            value: restricted.flatMap { loss in losses.plain.test.map { $0 / loss } }))
    for (place, component) in chosen.enumerated() {
        result.append(
            MeasuredValue("key_component", position: place, value: nil, text: component.name))
    }
    return result
}

/// The names of the components that `groupMeasures` takes for keys when none are given; the pairs are
/// gone through once.
package func groupKeys(_ input: GroupMeasureInput, on grid: GroupGrid) throws -> [String] {
    let similarities = try GroupMeasureContext(input, grid).similarities()
    return keyComponents(similarities, on: grid, keys: nil).map(\.name)
}

private func keyComponents(
    _ similarities: [String: Double], on grid: GroupGrid, keys: [String]?
) -> [GroupComponent] {
    grid.characters.components.dropFirst().filter { component in
        keys?.contains(component.name) ?? (similarities[component.name].map { $0 > 0.005 } ?? false)
    }
}

/// Something that is taken from the logits of all pairs: what they, or what the hidden layer hands
/// them, have in some components, a function of the answer.
private struct LogitChange {
    enum Part: String {
        case logits = "logit"
        case hidden
    }

    let part: Part
    /// A component's name; empty for the keys together.
    let variant: String
    let components: [GroupComponent]

    var isTotal: Bool { variant.isEmpty }
    var prefix: String { isTotal ? "total_\(part.rawValue)" : part.rawValue }
}

/// Sums over the grid that all components share.
private struct GroupMeasureContext {
    private let grid: GroupGrid
    private let input: GroupMeasureInput
    private let characters: GroupCharacters
    private let order: Int
    private let width: Int
    private let sums: GroupPairSums
    /// ⟨C, K_u⟩ summed over pairs for each u = w z⁻¹, C the class-centred logits.
    private let logitSums: [Double]
    /// ‖Π f‖² of each part by component, and the squares of those parts that are not hidden.
    private let power: [String: [Double]]
    private let squares: [String: Double]

    /// Bytes that the rows of some changes may take at once.
    private static let mostBytes = 1 << 27

    init(_ input: GroupMeasureInput, _ grid: GroupGrid) throws {
        self.input = input
        self.grid = grid
        characters = grid.characters
        order = grid.order
        width = input.neuronCount
        let sums = try GroupPairSums(input, on: grid)
        self.sums = sums
        logitSums = characters.quotientSums(sums.logits)
        let parts = [
            "x_embed": (input.leftEmbedding, input.leftEmbedding.count / order),
            "y_embed": (input.rightEmbedding, input.rightEmbedding.count / order),
            "unembed": (transposed(input.unembedding, rows: width, columns: order), width),
        ]
        power = parts.mapValues { grid.characters.power($0.0, columns: $0.1) }
            .merging(GroupMeasureContext.hiddenPower(sums, width, grid)) { first, _ in first }
        squares = parts.mapValues { $0.0.reduce(0) { $0 + $1 * $1 } }
    }

    /// (1/n) tr(Sᵀ Π S) for S_x, S_y and S_xy of the hidden layer centred over inputs.
    private static func hiddenPower(
        _ sums: GroupPairSums, _ width: Int, _ grid: GroupGrid
    ) -> [String: [Double]] {
        let order = grid.order
        let parts = ["hidden_x": sums.left, "hidden_y": sums.right, "hidden_xy": sums.answer]
        return parts.mapValues { raw in
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
            result[component.name] = product / (squares * sums.logitSquares).squareRoot()
        }
        return result
    }

    // MARK: Losses

    /// What came of some changes.
    struct Losses {
        var rows: [(change: LogitChange, rows: [MeasuredValue])] = []
        /// The losses without any change.
        var plain = SplitLosses(SplitSums())
        /// ‖H‖², centred over inputs.
        var hiddenSquares = 0.0
    }

    /// The losses of the logits less each change, and of each change alone.
    func losses(of changes: [LogitChange]) throws -> Losses {
        // Behind a norm single components of the hidden layer have no losses.
        let asked = changes.filter {
            $0.part == .logits || $0.isTotal || input.form != .behindNorm
        }
        let atOnce = max(1, GroupMeasureContext.mostBytes / max(8 * order * order, 1))
        var result = Losses()
        for start in stride(from: 0, to: asked.count, by: atOnce) {
            var pass = LossPass(
                asked[start..<min(start + atOnce, asked.count)].map { ($0, rows(of: $0)) },
                grid, input, means: sums.hidden.map { $0 / Double(order * order) },
                projected: projection(of: asked.last?.components ?? []))
            try input.forEachBlock(order: order) { pass.add($0, $1) }
            result.rows += pass.measurements
            result.plain = SplitLosses(pass.plain)
            result.hiddenSquares = pass.hiddenSquares
        }
        return result
    }

    /// h[xy] of the hidden layer's projection on some components, [n, m].
    private func projection(of components: [GroupComponent]) -> [Double] {
        characters.project(sums.answer, columns: width, on: components)
            .map { $0 / Double(order) }
    }

    /// What a change takes from the logits, by answer, [n, n].
    private func rows(of change: LogitChange) -> [Double] {
        guard change.part == .logits else {
            return matrixProduct(
                projection(of: change.components), input.unembedding, rows: order, columns: order,
                inner: width)
        }
        var kernel = [Double](repeating: 0, count: order)
        for component in change.components {
            let (product, squares) = inner(component)
            for element in 0..<order {
                kernel[element] += product / squares * component.character[element]
            }
        }
        return characters.kernelMatrix(kernel)
    }

    // MARK: Shares

    private func share(
        _ part: String, _ hiddenSquares: Double, _ components: [GroupComponent]
    ) -> Double {
        let names = Set(components.map(\.name))
        let sum = zip(characters.components, power[part] ?? []).reduce(0.0) {
            names.contains($1.0.name) ? $0 + $1.1 : $0
        }
        return sum / (squares[part] ?? hiddenSquares)
    }

    private static let parts = [
        "x_embed", "y_embed", "unembed", "hidden_x", "hidden_y", "hidden_xy",
    ]

    func shares(
        _ components: [GroupComponent], _ hiddenSquares: Double, variant: String
    ) -> [MeasuredValue] {
        let each = GroupMeasureContext.parts.map {
            MeasuredValue(
                "percent_\($0)", variant: variant, value: share($0, hiddenSquares, components))
        }
        let total = ["hidden_x", "hidden_y", "hidden_xy"].reduce(0) {
            $0 + share($1, hiddenSquares, components)
        }
        return each + [MeasuredValue("total_percent_hidden", variant: variant, value: total)]
    }

    /// Sums of the shares over the key components.
    func explained(_ keys: [GroupComponent], _ hiddenSquares: Double) -> [MeasuredValue] {
        let hidden = ["hidden_x", "hidden_y", "hidden_xy"].reduce(0) {
            $0 + share($1, hiddenSquares, keys)
        }
        return [MeasuredValue("percent_hidden_explained", value: hidden)]
            + ["hidden_xy", "x_embed", "y_embed", "unembed"].map {
                MeasuredValue("percent_\($0)_explained", value: share($0, hiddenSquares, keys))
            }
    }
}

/// The losses of some changes, added up block by block.
private struct LossPass {
    private let changes: [(change: LogitChange, rows: [Double])]
    private let grid: GroupGrid
    private let input: GroupMeasureInput
    /// Means of the hidden layer over inputs, [m].
    private let means: [Double]
    /// The hidden layer's projection on the keys, [n, m]: for what stands behind a norm.
    private let projected: [Double]
    private(set) var plain = SplitSums()
    private(set) var hiddenSquares = 0.0
    /// Of the logits less each change's rows.
    private var excluded: [SplitSums]
    /// Of H U alone less the rows, and of the rest of the logits plus the rows: where a network adds
    /// something to H U.
    private var excludedAlone: [SplitSums]
    private var restrictedThrough: [SplitSums]
    /// Of the network with h, and with H − h, in the place of H behind a norm.
    private var normRestricted = SplitSums()
    private var normExcluded = SplitSums()

    init(
        _ changes: [(LogitChange, [Double])], _ grid: GroupGrid, _ input: GroupMeasureInput,
        means: [Double], projected: [Double]
    ) {
        self.changes = changes
        self.grid = grid
        self.input = input
        self.means = means
        self.projected = projected
        excluded = [SplitSums](repeating: SplitSums(), count: changes.count)
        (excludedAlone, restrictedThrough) = (excluded, excluded)
    }

    mutating func add(_ lefts: Range<Int>, _ block: PairBlock) {
        let (order, width) = (grid.order, input.neuronCount)
        let pairCount = lefts.count * order
        for row in 0..<pairCount {
            for column in 0..<width {
                let difference = block.hidden[row * width + column] - means[column]
                hiddenSquares += difference * difference
            }
        }
        let shared = PairExponentials(block.logits, on: grid, lefts: lefts)
        let none = [Double](repeating: 0, count: order * order)
        let found = shared.sums(subtracting: [none] + changes.map(\.rows))
        plain.add(found[0])
        for (place, sums) in found.dropFirst().enumerated() { excluded[place].add(sums) }
        switch input.form {
        case .plain: break
        case .linear:
            let own = matrixProduct(
                block.hidden, input.unembedding, rows: pairCount, columns: order, inner: width)
            let alone = PairExponentials(own, on: grid, lefts: lefts)
            for (place, sums) in alone.sums(subtracting: changes.map(\.rows)).enumerated() {
                excludedAlone[place].add(sums)
            }
            let rest = PairExponentials(
                zip(block.logits, own).map { $0 - $1 }, on: grid, lefts: lefts)
            let negated = changes.map { $0.rows.map { -$0 } }
            for (place, sums) in rest.sums(subtracting: negated).enumerated() {
                restrictedThrough[place].add(sums)
            }
        case .behindNorm:
            guard let readout = block.readout,
                changes.contains(where: { $0.change.part == .hidden })
            else { return }
            let kept = grid.answers[lefts.lowerBound * order..<lefts.upperBound * order].flatMap {
                projected[$0 * width..<($0 + 1) * width]
            }
            normRestricted.add(grid.lossSums(of: readout.logits(ofHidden: kept), lefts: lefts))
            normExcluded.add(
                grid.lossSums(
                    of: readout.logits(ofHidden: zip(block.hidden, kept).map { $0 - $1 }),
                    lefts: lefts))
        }
    }

    var measurements: [(change: LogitChange, rows: [MeasuredValue])] {
        changes.indices.map { (changes[$0].change, measurements(of: $0)) }
    }

    private func measurements(of place: Int) -> [MeasuredValue] {
        let (change, rows) = changes[place]
        func row(_ name: String, _ losses: SplitLosses) -> [MeasuredValue] {
            losses.measurements("\(change.prefix)_\(name)", variant: change.variant)
        }
        if change.part == .hidden, input.form == .behindNorm {
            let reason = "a layer norm stands between the hidden layer and the logits"
            return ["restricted", "excluded"].map {
                MeasuredValue("\(change.prefix)_\($0)_loss", value: nil, text: reason)
            } + row("restricted_loss_through_network", SplitLosses(normRestricted))
                + row("excluded_loss_through_network", SplitLosses(normExcluded))
        }
        let restricted = row("restricted_loss", grid.lossesOfAnswerLogits(rows))
        guard change.part == .hidden, input.form == .linear else {
            return restricted + row("excluded_loss", SplitLosses(excluded[place]))
        }
        return restricted + row("excluded_loss", SplitLosses(excludedAlone[place]))
            + row("restricted_loss_through_network", SplitLosses(restrictedThrough[place]))
            + row("excluded_loss_through_network", SplitLosses(excluded[place]))
    }
}
