internal import Checkpoints

/// The optimiser in a Keras file: `vars.0` counts the updates, `vars.1` is the learning rate, then two
/// moments for each trainable variable, one after the other.
///
/// Older Keras names each variable: `adam_w.iteration`, `adam_w.hidden_kernel_momentum`.
enum KerasOptimizer {
    /// The arrays of an older Keras file without the groups that stand before all of them.
    static func withoutGroups(_ entries: [Value.Entry]) -> [Value.Entry] {
        let groups = ["model_weights.": "", "optimizer_weights.": "optimizer."]
        guard entries.contains(where: { $0.key.label.hasPrefix("model_weights.") }) else {
            return entries
        }
        return entries.map { entry in
            let name = entry.key.label
            guard let group = groups.first(where: { name.hasPrefix($0.key) }) else { return entry }
            return .init(
                key: .text(group.value + name.dropFirst(group.key.count)), value: entry.value)
        }
    }

    /// The tensors under the names of the weights they belong to, and what the optimiser counts; nil
    /// where they are not Keras's.
    static func state(
        _ tensors: [(name: String, tensor: StoredTensor)], weights: TensorSource?
    ) -> (tensors: [(name: String, tensor: StoredTensor)], step: Int?, rate: Double?)? {
        let numbered = tensors.compactMap { entry -> (Int, StoredTensor)? in
            let parts = entry.name.split(separator: ".")
            guard parts.count == 2, parts[0] == "vars", let number = Int(parts[1]) else {
                return nil
            }
            return (number, entry.tensor)
        }.sorted { $0.0 < $1.0 }
        if numbered.isEmpty { return named(tensors) }
        guard numbered.count == tensors.count, numbered.count >= 2, numbered[0].0 == 0,
            !numbered[0].1.elementType.isTrainable, numbered[0].1.shape.isEmpty
        else { return nil }
        let step = Value.tensor(numbered[0].1).wholeNumber
        let rate = Value.tensor(numbered[1].1).number
        let moments = Array(numbered.dropFirst(2))
        let names = weights?.parameterNames ?? []
        let fits =
            moments.count == 2 * names.count
            && zip(names.indices, names).allSatisfy { place, name in
                moments[2 * place].1.shape == weights?.shape(name)
                    && moments[2 * place + 1].1.shape == weights?.shape(name)
            }
        // Layers stand in the order of their names, variables in that of the model: equal shapes
        // could be each other's, so only shapes that tell them apart are certain.
        let shapes = names.compactMap { weights?.shape($0) }
        let isCertain = fits && Set(shapes).count == shapes.count
        let kept = moments.enumerated().map { place, moment in
            let field = place.isMultiple(of: 2) ? "first_moment" : "second_moment"
            return isCertain
                ? ("\(field)/\(names[place / 2])", moment.1) : ("vars.\(moment.0)", moment.1)
        }
        return (kept, step, rate)
    }

    /// The optimiser of an older file, whose moments keep their names.
    private static func named(
        _ tensors: [(name: String, tensor: StoredTensor)]
    ) -> (tensors: [(name: String, tensor: StoredTensor)], step: Int?, rate: Double?)? {
        func last(_ name: String) -> String {
            String(name.split(separator: ".").last?.split(separator: ":").first ?? "")
        }
        guard let count = tensors.first(where: { ["iteration", "iter"].contains(last($0.name)) }),
            !count.tensor.elementType.isTrainable, count.tensor.shape.isEmpty
        else { return nil }
        let rate = tensors.first { last($0.name) == "learning_rate" }
        return (
            tensors.filter { $0.name != count.name && $0.name != rate?.name },
            Value.tensor(count.tensor).wholeNumber, rate.flatMap { Value.tensor($0.tensor).number }
        )
    }
}
