internal import Checkpoints

/// Sorts what a file holds: networks, optimisers, curves, numbers, settings, and what is not kept.
///
/// Every value of the tree becomes an item, or a part of one; none is passed over.
struct ContentSorter {
    /// One network of the file; its path is empty where it is the only one or the chief one.
    struct Network {
        let path: String
        var tensors: [(name: String, tensor: StoredTensor)]
    }

    let source: String
    var items: [FoundItem] = []
    private(set) var networks: [Network] = []
    private(set) var optimizers: [(path: String, state: TorchOptimizer)] = []
    /// Tensors of an optimiser that says no more about itself.
    private(set) var optimizerTensors: [(name: String, tensor: StoredTensor)] = []
    var series: [SeriesState] = []
    private(set) var settings: [Value.Entry] = []
    private(set) var clues = StepClues()
    /// The rows that the file lists, under the file's own names.
    private(set) var rows: [Value.Entry] = []

    /// What stands before the optimiser's tensors in Cairn's exports, and in Keras's files.
    private static let optimizerPrefixes = ["optimizer/", "optimizer."]

    private static func optimizerPrefix(of name: String) -> String? {
        optimizerPrefixes.first { name.hasPrefix($0) }
    }

    /// A longer list in settings is data.
    private static let longestSetting = 64

    /// `stem` names what has no name of its own: a lone array or list.
    init(_ content: Value, source: String, stem: String) throws {
        self.source = source
        switch content {
        case .dictionary(let entries):
            try sortRoot(KerasOptimizer.withoutGroups(entries))
        case .tensor(let tensor):
            networks.append(Network(path: "", tensors: [(stem, tensor)]))
        case .list(let elements) where content.isTensorTree:
            networks.append(
                Network(path: "", tensors: try Value.list(elements).flattened(source: source)))
        default: try sort(stem, content, isSetting: false)
        }
        for network in networks {
            let prefix = network.path.isEmpty ? "" : network.path + "."
            items += network.tensors.map { FoundItem(prefix + $0.name, .tensor($0.tensor)) }
        }
    }

    /// Everything in a file that holds nothing but settings.
    init(settings content: Value, source: String) throws {
        self.source = source
        for entry in content.entries ?? [] {
            try sort(entry.key.label, entry.value, isSetting: true)
        }
        if content.entries == nil { try sort("", content, isSetting: true) }
    }

    // MARK: - The root

    private mutating func sortRoot(_ entries: [Value.Entry]) throws {
        let content = Value.dictionary(entries)
        let chief = ContentWords.weights.first { content[$0]?.holdsTensors ?? false }
        if var done = try sortSeries(entries) {
            if let chief, !done.contains(chief) {
                try addNetwork(chief, content[chief] ?? .none, path: "")
                done.append(chief)
            }
            return try sortBeside(entries.filter { !done.contains($0.key.label) })
        }
        if let chief {
            try addNetwork(chief, content[chief] ?? .none, path: "")
            return try sortBeside(entries.filter { $0.key.label != chief })
        }
        // One nested network beside numbers is the network; several keep their paths.
        let nested = entries.filter {
            $0.value.entries != nil && $0.value.holdsTensors && !isOptimizer($0)
                && !ContentWords.bookkeeping.contains($0.key.label.lowercased())
        }
        let hasLoose = entries.contains { $0.value.tensor.map { !$0.shape.isEmpty } ?? false }
        if nested.count == 1, !hasLoose, entries.count(where: { $0.value.holdsTensors }) == 1,
            entries.count > 1
        {
            try addNetwork(nested[0].key.label, nested[0].value, path: "")
            return try sortBeside(entries.filter { $0.key.label != nested[0].key.label })
        }
        try sortStateDictionary(entries)
    }

    private func isOptimizer(_ entry: Value.Entry) -> Bool {
        Self.optimizerPrefix(of: entry.key.label) != nil
            || ContentWords.optimizers.contains(entry.key.label)
            || TorchOptimizer(entry.value, path: source) != nil
    }

    /// The tensors of a network, with everything else below its key.
    private mutating func addNetwork(_ key: String, _ value: Value, path: String) throws {
        let tensors = try value.flattened(source: source)
        networks.append(Network(path: path, tensors: tensors))
        try sortRest(of: value, name: key)
    }

    /// What stands between the tensors of a network and is none.
    private mutating func sortRest(of value: Value, name: String) throws {
        switch value {
        case .tensor: break
        case .dictionary(let entries):
            for entry in entries {
                try sortRest(of: entry.value, name: "\(name).\(entry.key.label)")
            }
        case .list(let elements) where value.holdsTensors:
            for (position, element) in elements.enumerated() {
                try sortRest(of: element, name: "\(name).\(position)")
            }
        default: try sort(name, value, isSetting: true)
        }
    }

    /// A dictionary whose tensors are one network, such as a plain `state_dict` or an `.npz` file.
    private mutating func sortStateDictionary(_ entries: [Value.Entry]) throws {
        var chosen: [Value.Entry] = []
        let vectors = entries.filter { $0.value.tensor?.shape.count == 1 }
        let hasMatrices = entries.contains { ($0.value.tensor?.shape.count ?? 0) > 1 }
        let hasSteps = vectors.contains {
            ContentWords.updateLists.union(ContentWords.epochLists).contains(
                $0.key.label.lowercased())
        }
        var beside: [Value.Entry] = []
        for entry in entries {
            let name = entry.key.label
            guard let tensor = entry.value.tensor else {
                beside.append(entry)
                continue
            }
            let isCount =
                ContentWords.updates.contains(name.lowercased())
                || ContentWords.epochs.contains(name.lowercased())
            let isCurve =
                tensor.shape.count == 1
                && (ContentWords.isCurve(name) || ContentWords.rows.contains(name)
                    || isCount || hasSteps && !hasMatrices)
            let isNumber =
                tensor.elementCount == 1 && tensor.shape.isEmpty
                && (isCount || ContentWords.isCurve(name)
                    || ContentWords.seeds.contains(name.lowercased()))
            if isCurve || isNumber || Self.optimizerPrefix(of: name) != nil {
                beside.append(entry)
            } else {
                chosen.append(entry)
            }
        }
        if !chosen.isEmpty {
            networks.append(
                Network(
                    path: "",
                    tensors: try Value.dictionary(chosen).flattened(source: source)))
        }
        try sortBeside(beside)
    }

    // MARK: - Beside a network

    private mutating func sortBeside(_ entries: [Value.Entry]) throws {
        try sortLists(entries, prefix: "") { sorter, entry in
            try sorter.sortEntry(entry)
        }
    }

    private mutating func sortEntry(_ entry: Value.Entry) throws {
        let name = entry.key.label
        let lower = name.lowercased()
        let value = entry.value
        if ContentWords.bookkeeping.contains(lower) {
            return leaveOut(name, value, "it is the trainer's own bookkeeping")
        }
        if ContentWords.rows.contains(name) {
            rows.append(entry)
            items.append(FoundItem(name, .rows))
            return
        }
        if let state = TorchOptimizer(value, path: source) { return addOptimizer(name, state) }
        if let states = value.elements.map({ $0.map { TorchOptimizer($0, path: source) } }),
            !states.isEmpty, states.allSatisfy({ $0 != nil })
        {
            for (position, state) in states.enumerated() {
                if let state { addOptimizer("\(name).\(position)", state) }
            }
            return
        }
        if isOptimizer(entry), value.holdsTensors { return try addOptimizerTensors(entry) }
        if let step = value.wholeNumber, addClue(lower, name: name, step: step, value: value) {
            return
        }
        if value.tensor.map({ !$0.shape.isEmpty && $0.shape.count != 1 }) ?? false
            || value.entries != nil && value.holdsTensors
            || value.elements != nil && value.isTensorTree
        {
            return try addNetwork(name, value, path: name)
        }
        try sort(name, value, isSetting: false)
    }

    private mutating func addOptimizer(_ path: String, _ state: TorchOptimizer) {
        if optimizers.isEmpty { clues.optimizer = state.step }
        optimizers.append((path, state))
        items.append(FoundItem(path, .optimizer, count: state.entryCount))
    }

    private mutating func addOptimizerTensors(_ entry: Value.Entry) throws {
        let name = entry.key.label
        for (path, tensor) in try Value.dictionary([entry]).flattened(source: source) {
            let start = Self.optimizerPrefix(of: name)?.count ?? name.count + 1
            optimizerTensors.append((String(path.dropFirst(start)), tensor))
            items.append(FoundItem(path, .optimizer))
        }
        try sortRest(of: entry.value, name: name)
    }

    /// Takes note of a number that says the step; false where it is something else.
    private mutating func addClue(_ lower: String, name: String, step: Int, value: Value) -> Bool {
        if let rank = ContentWords.updates.firstIndex(of: lower) {
            let known = clues.updates.flatMap {
                ContentWords.updates.firstIndex(of: $0.name.lowercased())
            }
            if known.map({ rank < $0 }) ?? true { clues.updates = (name, step) }
            items.append(FoundItem(name, .step))
            return true
        }
        guard ContentWords.epochs.contains(lower) else { return false }
        if clues.epoch == nil { clues.epoch = step }
        // An epoch is a curve of its own beside the updates.
        items.append(FoundItem(name, .scalar(Double(step))))
        return true
    }

    // MARK: - Lists

    /// The lists of steps of the dictionary around the one that is sorted, and which of them were used.
    private var outerAxes: [NumberList] = []
    private var usedOuterAxes: Set<String> = []

    /// Sorts the lists of numbers among some entries as curves that share the list of steps beside
    /// them; `rest` takes the others.
    private mutating func sortLists(
        _ entries: [Value.Entry], prefix: String,
        rest: (inout ContentSorter, Value.Entry) throws -> Void
    ) throws {
        // Lists of numbers by their name; a list of one number is a list where the others are.
        var lists: [NumberList] = []
        var others: [Value.Entry] = []
        let lengths = entries.compactMap { $0.value.listLength }
        for entry in entries {
            let label = entry.key.label
            guard let length = entry.value.listLength, !ContentWords.rows.contains(label),
                Self.optimizerPrefix(of: label) == nil,
                !ContentWords.bookkeeping.contains(label.lowercased()),
                length > 1 || lengths.allSatisfy({ $0 == 1 }) && lengths.count > 1
                    || CurveName.standard(label) != nil,
                let values = entry.value.looseNumbers
            else {
                others.append(entry)
                continue
            }
            lists.append(NumberList(name: prefix + label, label: label, values: values))
        }
        let axes = lists.filter {
            let lower = $0.label.lowercased()
            return
                (ContentWords.updateLists.contains(lower)
                || ContentWords.epochLists.contains(lower))
        }
        // Updates come before epochs where both are given.
        let ordered = axes.sorted {
            !ContentWords.epochLists.contains($0.label.lowercased())
                && ContentWords.epochLists.contains($1.label.lowercased())
        }
        let around = outerAxes
        if !ordered.isEmpty { outerAxes = ordered }
        for entry in others { try rest(&self, entry) }
        outerAxes = around
        let names = Set(lists.map(\.label))
        var usedAxes = usedOuterAxes.intersection(axes.map(\.name))
        usedOuterAxes.subtract(usedAxes)
        var curves: [FoundItem] = []
        for list in lists where !axes.contains(where: { $0.name == list.name }) {
            let axis = (ordered.isEmpty ? around : ordered).first { axis in
                axis.values.count == list.values.count
                    && axis.values.contains { $0.flatMap { Int(exactly: $0) } != nil }
            }
            if let axis { usedAxes.insert(axis.name) }
            if ordered.isEmpty, let axis { usedOuterAxes.insert(axis.name) }
            curves += Self.curve(list, axis: axis, names: names)
        }
        for axis in axes {
            if usedAxes.contains(axis.name) {
                items.append(FoundItem(axis.name, .step, count: axis.values.count))
            } else {
                curves += Self.curve(axis, axis: nil, names: names)
            }
        }
        items += curves
    }

    /// A list as a curve; values whose step is not whole are left out.
    private static func curve(
        _ list: NumberList, axis: NumberList?, names: Set<String>
    ) -> [FoundItem] {
        // Where a file has a standard curve under Cairn's own name, others keep theirs.
        let path = String(list.name.dropLast(list.label.count))
        let standard = CurveName.any(list.label, in: path) ?? CurveName.any(list.label)
        let name =
            standard == list.label || names.contains(standard)
                || names.contains { $0 != list.label && CurveName.standard($0) == standard }
            ? list.name : standard
        let steps: [Int?] =
            axis.map { $0.values.map { $0.flatMap { Int(exactly: $0) } } }
            ?? list.values.indices.map(Optional.some)
        let kind: FoundCurve.Axis =
            axis.map {
                ContentWords.epochLists.contains($0.label.lowercased()) ? .epochs : .updates
            }
            ?? .positions
        var points: [(step: Int, value: Double)] = []
        var missing = 0
        for (step, value) in zip(steps, list.values) {
            guard let value else {
                missing += 1
                continue
            }
            if let step { points.append((step, value)) }
        }
        let curve = FoundCurve(
            name: name, axis: kind, steps: points.map(\.step), values: points.map(\.value))
        let stepless = list.values.count - points.count - missing
        return [
            FoundItem(list.name, .curve(curve), count: points.count),
            FoundItem(list.name, .leftOut("nothing stands there"), count: missing),
            FoundItem(list.name, .leftOut("its step is no whole number"), count: stepless),
        ].filter { $0.count > 0 }
    }

    /// A list of numbers, some of which may be missing, under the key of a dictionary.
    private struct NumberList {
        let name: String
        let label: String
        let values: [Double?]
    }

    // MARK: - Everything else

    private mutating func sort(_ name: String, _ value: Value, isSetting: Bool) throws {
        switch value {
        case .opaque(let what): items.append(FoundItem(name, .leftOut("it is \(what)")))
        case .bytes(let bytes):
            items.append(FoundItem(name, .leftOut("it is \(bytes.count) bytes of no known kind")))
        case .real, .integer:
            let isSeed = ContentWords.seeds.contains(name.lowercased())
            if isSetting || isSeed {
                addSetting(name, value)
            } else {
                items.append(FoundItem(name, .scalar(value.number ?? .nan)))
            }
        case .boolean, .text, .none: addSetting(name, value)
        case .tensor(let tensor): try sort(tensor, name: name, isSetting: isSetting)
        case .dictionary(let entries):
            try sort(entries, name: name, isSetting: isSetting)
        case .list(let elements): try sort(elements, name: name, isSetting: isSetting)
        }
    }

    private mutating func sort(_ tensor: StoredTensor, name: String, isSetting: Bool) throws {
        guard tensor.elementCount == 1, tensor.shape.count <= 1,
            let number = Value.tensor(tensor).number
        else {
            return leaveOut(
                name, .tensor(tensor), "it is a tensor of shape \(tensor.shape) among settings")
        }
        if ContentWords.seeds.contains(name.lowercased()) || isSetting {
            addSetting(name, .real(number))
        } else {
            items.append(FoundItem(name, .scalar(number)))
        }
    }

    private mutating func addSetting(_ name: String, _ value: Value) {
        settings.append(.init(key: .text(name), value: value))
        items.append(FoundItem(name, .setting(value)))
    }

    private mutating func sort(
        _ entries: [Value.Entry], name: String, isSetting: Bool
    ) throws {
        let key = name.lowercased()
        guard !entries.isEmpty else { return addSetting(name, .text("{}")) }
        let isHistory = ContentWords.histories.contains(key)
        let isSettings = isSetting || ContentWords.settings.contains(key)
        let hasLists = entries.contains { ($0.value.listLength ?? 0) > 1 }
        let isMeasured =
            !isSettings && (isHistory || hasLists || ContentWords.isMeasured(name))
        let prefix =
            isHistory || ContentWords.settings.contains(key) ? "" : name + "."
        if isMeasured {
            return try sortLists(entries, prefix: prefix) { sorter, entry in
                try sorter.sort(prefix + entry.key.label, entry.value, isSetting: false)
            }
        }
        for entry in entries {
            try sort(prefix + entry.key.label, entry.value, isSetting: true)
        }
    }

    private mutating func sort(
        _ elements: [Value], name: String, isSetting: Bool
    ) throws {
        if !isSetting, let table = RowTable(records: elements) {
            let prefix = ContentWords.histories.contains(name.lowercased()) ? "" : name + "."
            items += table.curves(prefix: prefix)
            return
        }
        let list = Value.list(elements)
        if list.isScalar { return addSetting(name, list) }
        if isSetting, list.isPlain, elements.count <= Self.longestSetting {
            return addSetting(name, .text(list.json()))
        }
        if let values = list.looseNumbers {
            let numbers = NumberList(name: name, label: name, values: values)
            items += Self.curve(numbers, axis: nil, names: [])
            return
        }
        leaveOut(name, list, "it is a list that holds more than numbers")
    }

    /// One item for everything below a value.
    private mutating func leaveOut(_ name: String, _ value: Value, _ reason: String) {
        items.append(FoundItem(name, .leftOut(reason), count: max(1, value.leafCount)))
    }
}
