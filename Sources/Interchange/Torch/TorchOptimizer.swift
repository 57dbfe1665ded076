internal import Checkpoints

/// The state of a PyTorch optimiser, `{"state": {0: {…}}, "param_groups": […]}`.
struct TorchOptimizer: Sendable {
    private let states: [(number: Int, fields: Value)]
    private let groups: [Value]
    private let path: String
    /// The tensors and numbers in it.
    let entryCount: Int

    /// nil for anything that is not an optimiser's state.
    init?(_ value: Value?, path: String) {
        guard let value, let state = value["state"]?.entries,
            let groups = value["param_groups"]?.elements
        else { return nil }
        states = state.compactMap { entry in entry.key.whole.map { ($0, entry.value) } }
        self.groups = groups
        self.path = path
        entryCount = max(1, value.leafCount)
    }

    /// The settings of the first group of parameters, such as `lr` and `weight_decay`.
    func setting(_ name: String) -> Value? { groups.first?[name] }

    /// The updates done, where the optimiser counts them: that of the parameter updated most often.
    var step: Int? {
        states.compactMap { $0.fields["step"]?.number.flatMap { Int(exactly: $0) } }.max()
    }

    private static let names = [
        "exp_avg": "first_moment", "exp_avg_sq": "second_moment", "momentum_buffer": "momentum",
        "max_exp_avg_sq": "largest_second_moment",
    ]
    /// Fields with the shape of their parameter.
    private static let shapedFields = [
        "exp_avg", "exp_avg_sq", "momentum_buffer", "square_avg", "sum", "acc_delta", "exp_inf",
        "grad_avg", "max_exp_avg_sq", "ax", "mu", "prev",
    ]

    /// Adam's moments in the shape of the weights, momentum of SGD, and whatever else it remembers.
    ///
    /// `parameters` are the names of the file in its order, with their shapes. Where it is not certain
    /// which is which, all keep the numbers of the optimiser and `note` says so.
    func converted(
        parameters: [(name: String, shape: [Int])], map: TensorMap?
    ) throws -> (state: StreamedOptimizerState, note: String?) {
        let names = parameterNames(parameters)
        var tensors: [StreamedTensor] = []
        var fields: [String] = []
        for state in states {
            for entry in state.fields.entries ?? [] where entry.value.tensor != nil {
                let field = entry.key.label
                if field != "step", !fields.contains(field) { fields.append(field) }
            }
        }
        for field in fields.sorted() {
            let name = Self.names[field] ?? field
            let moments = states.sorted { $0.number < $1.number }.compactMap { state in
                state.fields[field]?.tensor.map { (number: state.number, tensor: $0) }
            }
            guard let names else {
                tensors += moments.map { $0.tensor.streamed(named: "\(name)/\($0.number)") }
                continue
            }
            let source = TensorSource(
                path: path,
                tensors: moments.map { (names[$0.number] ?? String($0.number), $0.tensor) })
            let recipes = map?.recipes.filter { $0.sources.allSatisfy(source.contains) } ?? []
            let made = try TensorMap(recipes).weights(of: source)
            let used = Set(recipes.flatMap(\.sources))
            let rest = try source.all().filter { !used.contains($0.name) }
            tensors += (made + rest).map { $0.named("\(name)/\($0.name)") }
        }
        let note =
            names == nil && !tensors.isEmpty
            ? "which parameter is which in its optimiser is not certain, so its tensors keep the "
                + "optimiser's numbers" : nil
        return (
            StreamedOptimizerState(tensors: tensors, attributes: attributes.json(sorted: true)),
            note
        )
    }

    // MARK: - Which number is which parameter

    /// The numbers of all parameters, group by group.
    private var numbers: [[Int]] {
        groups.map { ($0["params"]?.elements ?? []).compactMap(\.whole) }
    }

    /// The shape of a parameter, as far as its state shows it.
    private func shape(_ fields: Value) -> [Int]? {
        Self.shapedFields.lazy.compactMap { fields[$0]?.tensor?.shape }.first
    }

    /// The name of each number; nil where it is not certain.
    private func parameterNames(_ parameters: [(name: String, shape: [Int])]) -> [Int: String]? {
        let shapes = Dictionary(
            states.compactMap { state in shape(state.fields).map { (state.number, $0) } },
            uniquingKeysWith: { first, _ in first })
        func fits(_ order: [(name: String, shape: [Int])]) -> [Int: String]? {
            let all = numbers.flatMap { $0 }
            guard all.count == order.count, Set(all).count == all.count else { return nil }
            for (number, parameter) in zip(all, order)
            where shapes[number].map({ $0 != parameter.shape }) ?? false {
                return nil
            }
            return Dictionary(
                zip(all, order.map(\.name)), uniquingKeysWith: { first, _ in first })
        }
        let shapeOf = Dictionary(
            parameters.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        let listed = groups.flatMap { ($0["param_names"]?.elements ?? []).compactMap(\.textual) }
        if !listed.isEmpty, let named = fits(listed.map { ($0, shapeOf[$0] ?? []) }) {
            return named
        }
        var found: [[Int: String]] = []
        for orders in [parameters, parameters.filter { $0.name != "lm_head.weight" }] {
            for order in candidates(orders) {
                if let names = fits(order), !found.contains(names) { found.append(names) }
            }
            if !found.isEmpty { break }
        }
        if found.count == 1 { return found[0] }
        return found.isEmpty ? byShape(parameters, shapes) : nil
    }

    /// The orders in which programs register parameters: as they stand; those of two and more axes
    /// before the others; those with decay before biases and norms.
    private func candidates(
        _ parameters: [(name: String, shape: [Int])]
    ) -> [[(name: String, shape: [Int])]] {
        let sizes = numbers.map(\.count)
        guard sizes.count > 1 else { return [parameters] }
        var orders = [parameters]
        func add(_ isFirst: ((name: String, shape: [Int])) -> Bool) {
            let (first, second) = (parameters.filter(isFirst), parameters.filter { !isFirst($0) })
            if sizes == [first.count, second.count] { orders.append(first + second) }
            if sizes == [second.count, first.count] { orders.append(second + first) }
        }
        add { $0.shape.count >= 2 }
        add { parameter in
            let name = parameter.name.lowercased()
            return !name.hasSuffix("bias") && !name.contains("norm") && !name.contains("ln_")
                && !name.contains("ln1") && !name.contains("ln2")
        }
        add { !$0.name.hasSuffix("bias") }
        return orders
    }

    /// By shape and order: certain where the parameters of a shape are as many as the states of it,
    /// and all in one group.
    private func byShape(
        _ parameters: [(name: String, shape: [Int])], _ shapes: [Int: [Int]]
    ) -> [Int: String]? {
        guard !shapes.isEmpty, shapes.count == states.count else { return nil }
        var group: [Int: Int] = [:]
        for (index, members) in numbers.enumerated() {
            for number in members { group[number] = index }
        }
        let order = numbers.flatMap { $0 }
        var names: [Int: String] = [:]
        for (shape, members) in Dictionary(
            grouping: order.filter { shapes[$0] != nil },
            by: {
                shapes[$0] ?? []
            })
        {
            let named = parameters.filter { $0.shape == shape }
            guard named.count == members.count, Set(members.map { group[$0] }).count == 1 else {
                return nil
            }
            for (number, parameter) in zip(members, named) { names[number] = parameter.name }
        }
        return names
    }

    private var attributes: Value {
        var entries: [Value.Entry] = []
        if let step { entries.append(.init(key: .text("step"), value: .integer(step))) }
        let settings = groups.map { group in
            Value.dictionary(
                (group.entries ?? []).filter { $0.key.textual != "params" && $0.value.isScalar })
        }
        entries.append(.init(key: .text("param_groups"), value: .list(settings)))
        return .dictionary(entries)
    }
}

extension Value {
    /// A number, a text, a truth value or nothing, or a short list of them.
    var isScalar: Bool {
        switch self {
        case .none, .boolean, .integer, .real, .text: true
        case .list(let elements): elements.count <= 16 && elements.allSatisfy(\.isScalar)
        case .bytes, .tensor, .dictionary, .opaque: false
        }
    }

    /// The value as a typed hyperparameter; lists become JSON text.
    var hyperparameter: ScalarValue? {
        switch self {
        case .none: ScalarValue.null
        case .boolean(let flag): .boolean(flag)
        case .integer(let number): .integer(number)
        case .real(let number): .real(number)
        case .text(let text): .text(text)
        case .list where isScalar: .text(json())
        case .tensor(let tensor) where tensor.elementCount == 1:
            number.map(ScalarValue.real)
        default: nil
        }
    }
}
