package import Checkpoints
package import Networks

/// The spectrum of one tensor of a checkpoint, or of a map made of several, along the operands.
package struct NamedSpectrum: Sendable, Equatable {
    /// The tensor's name, or `neuron_logit_map`.
    package let tensor: String
    package let spectrum: FourierSpectrum
    /// Gini coefficient of the norms of the single basis functions (113 of them modulo 113).
    package let giniOfComponents: Double?

    package static let neuronLogitMap = "neuron_logit_map"
}

/// The spectra of a network's embeddings, unembedding and neuron–logit map over the task's group.
///
/// The embedding along operands, the unembedding and the neuron–logit map along answers, in the
/// group's order: residues, discrete logarithms of a multiplicative group, or elements, which are
/// then transformed by characters. Tensors that the network does not have are left out; `=` and
/// other tokens are no operands. Throws `UserError` where the weights do not fit the network.
package func weightSpectra(
    of weights: [Tensor], model: ModelConfiguration, task: Task, grid: GroupGrid
) throws -> [NamedSpectrum] {
    let maps = try NetworkMaps(model, task: task, grid: grid, weights: weights)
    var parts: [(String, [Double])] = []
    for tensor in weights {
        if let values = elementRows(of: tensor, task: task, grid: grid) {
            parts.append((tensor.name, values))
        }
    }
    parts.append((NamedSpectrum.neuronLogitMap, maps.logitRows))
    return parts.map { name, values in
        guard grid.isCyclic else {
            return NamedSpectrum(
                tensor: name, spectrum: grid.spectrum(values), giniOfComponents: nil)
        }
        let norms = grid.componentNorms(values, columns: values.count / grid.order)
        return NamedSpectrum(
            tensor: name, spectrum: grid.spectrum(ofComponentNorms: norms),
            giniOfComponents: gini(norms))
    }
}

/// The spectrum of one tensor over the task's group; nil where it has no axis of operands or answers
/// that the group covers.
package func groupSpectrum(of tensor: Tensor, task: Task, grid: GroupGrid) -> NamedSpectrum? {
    elementRows(of: tensor, task: task, grid: grid).map {
        NamedSpectrum(tensor: tensor.name, spectrum: grid.spectrum($0), giniOfComponents: nil)
    }
}

/// One row for each group element, [n, columns]: the embedding of the element as an operand, or the
/// unembedding of it as an answer.
private func elementRows(of tensor: Tensor, task: Task, grid: GroupGrid) -> [Double]? {
    guard tensor.shape.count == 2, let values = tensor.doubles() else { return nil }
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    switch tensor.name {
    case "embedding", "left_embedding", "right_embedding":
        let places = grid.operands.map { $0 + task.firstAnswerToken }
        guard places.allSatisfy({ $0 < rows }) else { return nil }
        return places.flatMap { values[$0 * columns..<($0 + 1) * columns] }
    case "unembedding":
        guard grid.columns.allSatisfy({ $0 < columns }) else { return nil }
        return grid.columns.flatMap { column in
            (0..<rows).map { values[$0 * columns + column] }
        }
    default: return nil
    }
}

/// Key components of spectra by the published rules, their share of the power, and the Gini
/// coefficients.
///
/// `key_frequency` has the rule as its variant, strongest first: its value is the frequency, or the
/// component's place, its text the component's name. `variance_explained` is the part of the power
/// beside the constant that the keys hold; `gini` is that of the norms of the single basis functions
/// (`components`) and of whole frequencies or representations (`frequencies`).
package func keyMeasures(_ spectra: [NamedSpectrum]) -> [MeasuredValue] {
    spectra.flatMap { named -> [MeasuredValue] in
        let rule = KeyFrequencyRule.standard
        let keys = named.spectrum.keyComponents(rule: rule)
        let shares = named.spectrum.shares
        let rows = keys.enumerated().map { place, key in
            MeasuredValue(
                "key_frequency", variant: rule.name, subject: named.tensor, position: place,
                value: Double(key), text: named.spectrum.components[key])
        }
        return rows
            + [
                MeasuredValue(
                    "variance_explained", variant: rule.name, subject: named.tensor,
                    value: keys.isEmpty ? nil : keys.compactMap { shares[$0] }.reduce(0, +)),
                MeasuredValue(
                    "gini", variant: "components", subject: named.tensor,
                    value: named.giniOfComponents),
                MeasuredValue(
                    "gini", variant: "frequencies", subject: named.tensor,
                    value: named.spectrum.giniOfPairs),
            ].filter { $0.value != nil }
    }
}
