internal import Checkpoints

/// The state of a PyTorch optimiser, `{"state": {0: {…}}, "param_groups": […]}`.
struct TorchOptimizer: Sendable {
    private let state: Value
    private let groups: [Value]
    private let path: String

    /// nil for anything that is not an optimiser's state.
    init?(_ value: Value?, path: String) {
        guard let value, let state = value["state"], state.entries != nil,
            let groups = value["param_groups"]?.elements
        else { return nil }
        self.state = state
        self.groups = groups
        self.path = path
    }

    /// The settings of the first group of parameters, such as `lr` and `weight_decay`.
    func setting(_ name: String) -> Value? { groups.first?[name] }

    /// The updates done, where the optimiser counts them.
    var step: Int? {
        state.entries?.first?.value["step"]?.number.flatMap { Int(exactly: $0) }
    }

    /// Adam's moments in the shape of the weights, or momentum of SGD.
    ///
    /// `parameters` are the names of the file in the order in which the optimiser counts them. A
    /// state of another size is kept under the numbers of the optimiser.
    func converted(
        parameters: [String], map: TensorMap?
    ) throws -> StreamedOptimizerState {
        var tensors: [StreamedTensor] = []
        let fields = [
            ("exp_avg", "first_moment"), ("exp_avg_sq", "second_moment"),
            ("momentum_buffer", "momentum"),
        ]
        let entries = state.entries ?? []
        let isComplete = entries.count == parameters.count
        let numbered = Dictionary(
            entries.compactMap { entry in entry.key.whole.map { ($0, entry.value) } },
            uniquingKeysWith: { first, _ in first })
        for (field, name) in fields {
            let moments = (0..<entries.count).compactMap { position in
                numbered[position]?[field]?.tensor.map { (position, $0) }
            }
            guard !moments.isEmpty else { continue }
            if isComplete, moments.count == parameters.count {
                let source = TensorSource(
                    path: path, tensors: moments.map { (parameters[$0.0], $0.1) })
                let made = try map?.weights(of: source) ?? source.all()
                tensors += made.map { $0.named("\(name)/\($0.name)") }
            } else {
                tensors += moments.map { $0.1.streamed(named: "\(name)/\($0.0)") }
            }
        }
        return StreamedOptimizerState(tensors: tensors, attributes: attributes.json(sorted: true))
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
        case .bytes, .tensor, .dictionary: false
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
