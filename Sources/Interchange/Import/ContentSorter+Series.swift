internal import Checkpoints

extension ContentSorter {
    /// The steps of `checkpoints` in the TransformerLens demonstration, which counts its updates as
    /// epochs.
    private static let demonstrationSteps = "checkpoint_epochs"

    /// A list of states beside the list of their steps; answers the keys that are done with, nil where
    /// there are none.
    mutating func sortSeries(
        _ entries: [Value.Entry]
    ) throws -> [String]? {
        let lists = entries.compactMap { entry -> (name: String, steps: [Int])? in
            guard ContentWords.updateLists.contains(entry.key.label.lowercased()),
                let steps = entry.value.numbers?.map({ Int(exactly: $0) }), !steps.isEmpty,
                steps.allSatisfy({ $0 != nil })
            else { return nil }
            return (entry.key.label, steps.compactMap { $0 })
        }
        guard !lists.isEmpty,
            let states = entries.first(where: { entry in
                guard let elements = entry.value.elements, !elements.isEmpty else { return false }
                return elements.allSatisfy { $0.entries != nil && $0.holdsTensors }
                    && TorchOptimizer(elements[0], path: source) == nil
            }), let elements = states.value.elements
        else { return nil }
        let key = states.key.label
        guard
            let list = lists.first(where: { $0.name == Self.demonstrationSteps })
                ?? lists.first(where: { $0.steps.count == elements.count })
        else { return nil }
        guard list.steps.count == elements.count else {
            throw UserError.unreadable(
                source, "it has \(elements.count) \(key), but \(list.steps.count) \(list.name)")
        }
        // The list of steps of the states is that of curves beside them too.
        let isShared =
            list.name != Self.demonstrationSteps && hasCurves(entries, besides: list.name)
        for (position, (step, state)) in zip(list.steps, elements).enumerated() {
            let weights = try TensorSource(path: source, value: state)
            let prefix = "\(key).\(position)."
            series.append(SeriesState(step: step, weights: weights, prefix: prefix))
            if !isShared {
                items.append(FoundItem("\(list.name).\(position)", .step, series: position))
            }
            for name in weights.names {
                items.append(
                    FoundItem(
                        prefix + name, .tensor(try weights.stored(name)), series: position))
            }
        }
        return isShared ? [key] : [key, list.name]
    }

    /// Whether lists of numbers have the length of a list of steps.
    private func hasCurves(_ entries: [Value.Entry], besides name: String) -> Bool {
        let length = entries.first { $0.key.label == name }?.value.listLength
        return entries.contains { entry in
            guard entry.key.label != name else { return false }
            let lists = [entry.value] + (entry.value.entries ?? []).map(\.value)
            return lists.contains { $0.listLength == length && $0.looseNumbers != nil }
        }
    }
}
