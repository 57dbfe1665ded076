internal import Checkpoints

/// One state of a file on its way into a run.
struct MemberState {
    let member: RunDraft.Member
    let step: Int?
    let weights: TensorSource
    /// What stands before the names of its tensors in the file.
    let prefix: String
    /// Its place in a file of many; nil for the file's own state.
    let position: Int?

    func source(_ draft: RunDraft) -> String { member.path.isEmpty ? draft.root : member.path }

    /// Names, types and shapes, for comparison with other steps.
    func layout(_ model: ForeignModel?) -> String {
        weights.names.sorted().map { name in
            let tensor = weights.tensor(at: name)
            return "\(name)\u{1f}\(tensor?.elementType.rawValue ?? "") \(tensor?.shape ?? [])"
        }.joined(separator: "\u{1e}")
    }

    /// The first difference between two layouts, in words.
    func difference(_ own: String, _ usual: String) -> String {
        func entries(_ layout: String) -> [String: String] {
            Dictionary(
                layout.split(separator: "\u{1e}").map { entry in
                    let parts = entry.split(separator: "\u{1f}", maxSplits: 1)
                    return (String(parts[0]), String(parts.last ?? ""))
                }, uniquingKeysWith: { first, _ in first })
        }
        let (own, usual) = (entries(own), entries(usual))
        for name in usual.keys.sorted() {
            guard let found = own[name] else { return "\(name) is missing" }
            if found != usual[name] { return "\(name) is \(found) instead of \(usual[name] ?? "")" }
        }
        return "\(own.keys.sorted().first { usual[$0] == nil } ?? "a tensor") is new"
    }

    /// The state as it is stored.
    func made(model: ForeignModel?) -> ImportedRun.State {
        let (weights, file, isOwn) = (weights, member.file, position == nil)
        return ImportedRun.State(
            step: step ?? 0, source: member.path.isEmpty ? file.path : member.path
        ) {
            var tensors = try model?.map.weights(of: weights) ?? weights.all()
            if model != nil {
                let names = Set(tensors.map(\.name))
                // Further networks of the file stay beside the one that is known.
                tensors += try weights.all().filter {
                    file.furtherNames.contains($0.name) && !names.contains($0.name)
                }
            }
            // The optimiser of a file belongs to the file's own step.
            return (tensors, isOwn ? try file.optimizerState(model: model) : nil)
        }
    }

    /// Each item of the state where it is stored.
    func items(step: Int, model: ForeignModel?) -> [ImportItem] {
        let roles = Dictionary(
            zip(weights.names, weights.roles), uniquingKeysWith: { first, _ in first })
        var targets: [String: String] = [:]
        for recipe in model?.map.recipes ?? [] {
            for source in recipe.sources { targets[source] = recipe.target }
        }
        return each { item, name in
            guard case .tensor = item.content else {
                return .stored(step: step, name: "the optimiser's state", role: nil)
            }
            guard model != nil, !member.file.furtherNames.contains(name) else {
                return .stored(step: step, name: name, role: roles[name] ?? .parameter)
            }
            if let target = targets[name] {
                return .stored(step: step, name: target, role: .parameter)
            }
            return .leftOut(
                roles[name] == .buffer
                    ? "the network that Cairn computes has it built in"
                    : "the network that Cairn computes does not use it")
        }
    }

    /// Each item of the state with the same fate.
    func items(fate: ImportItem.Fate) -> [ImportItem] { each { _, _ in fate } }

    private func each(
        _ fate: (_ item: FoundItem, _ name: String) -> ImportItem.Fate
    ) -> [ImportItem] {
        // Items have the names of the file, the weights may be without the wrappers'.
        let isOwn = position == nil
        var found: [ImportItem] = []
        for (path, items) in [(member.path, member.file.items)]
            + member.further.map({ ($0.path, $0.items) })
        {
            for item in items {
                switch item.content {
                case .tensor:
                    guard item.series == position else { continue }
                    let name = String(item.name.dropFirst(prefix.count))
                    let bare = weights.contains(name) ? name : weights.nameEnding(name)
                    found.append(ImportItem(item, file: path, fate(item, bare)))
                case .optimizer where isOwn:
                    found.append(ImportItem(item, file: path, fate(item, "")))
                // A list of steps is one of curves.
                case .step where item.series == position && item.count == 1:
                    found.append(
                        ImportItem(item, file: path, .stored(step: step, name: "", role: nil)))
                default: break
                }
            }
        }
        return found
    }
}

extension TensorSource {
    /// The name that a longer one ends in, after what a wrapper put before it.
    fileprivate func nameEnding(_ name: String) -> String {
        var rest = name[...]
        while let dot = rest.firstIndex(of: ".") {
            rest = rest[rest.index(after: dot)...]
            if contains(String(rest)) { return String(rest) }
        }
        return name
    }
}
