/// Turns what a pickle built into a value, with bounds on what sharing can multiply.
struct PickleValueReader {
    let containers: [PickleContainer]
    private var remaining: Int
    private var remainingTextBytes: Int
    private let largestContent: Int
    private var content = 0

    /// Nothing real nests deeper; what does, or refers to itself, is refused.
    static let deepestNesting = 100
    /// A shared list is copied at each use, so a small pickle could promise endless values.
    private static let freeValueCount = 1 << 20
    private static let valuesPerByte = 4
    /// The same for texts, which may each be long.
    private static let freeTextBytes = 1 << 24
    private static let textBytesPerByte = 16

    /// `byteCount` is that of the pickle; all tensors may take `largestContent` bytes.
    init(containers: [PickleContainer], byteCount: Int, largestContent: Int) {
        self.containers = containers
        self.largestContent = largestContent
        remaining = max(Self.freeValueCount, byteCount.saturatingProduct(Self.valuesPerByte))
        remainingTextBytes = max(
            Self.freeTextBytes, byteCount.saturatingProduct(Self.textBytesPerByte))
    }

    private mutating func text(_ byteCount: Int) throws {
        remainingTextBytes -= byteCount
        guard remainingTextBytes >= 0 else {
            throw PickleMachine.Problem(cause: "its pickle repeats its texts without end")
        }
    }

    /// A tensor counts at each place that refers to it: each is stored.
    private mutating func tensor(_ tensor: StoredTensor) throws -> Value {
        content = content.saturatingSum(tensor.readByteCount)
        guard content <= largestContent else {
            throw PickleMachine.Problem(
                cause: "its tensors would take \(content) bytes and more, too many for a file of "
                    + "its size",
                advice: "save expanded tensors with .contiguous(), and each tensor once")
        }
        return .tensor(tensor)
    }

    mutating func value(of item: PickleItem, depth: Int = 0) throws -> Value {
        remaining -= 1
        guard remaining > 0 else {
            throw PickleMachine.Problem(cause: "its pickle repeats itself without end")
        }
        guard depth < Self.deepestNesting else {
            throw PickleMachine.Problem(
                cause: "its pickle nests deeper than \(Self.deepestNesting) levels, or in itself")
        }
        switch item {
        case .none: return .none
        case .boolean(let flag): return .boolean(flag)
        case .integer(let number): return .integer(number)
        case .real(let number): return .real(number)
        case .text(let text):
            try self.text(text.utf8.count)
            return .text(text)
        case .bytes(let bytes):
            try text(bytes.count)
            return .bytes(bytes)
        case .tensor(let tensor): return try self.tensor(tensor)
        case .global(.elementType(_, let name)): return .text("torch.\(name)")
        case .global(.className(let name)): return .text(name)
        case .global(.unknown(let name)):
            try text(name.utf8.count)
            return .opaque("the class or function \(name)")
        case .global(let known): return .opaque("the class or function \(known)")
        case .storage: return .opaque("a storage without a tensor")
        case .container(let position): return try value(of: containers[position], depth: depth)
        }
    }

    private mutating func value(of container: PickleContainer, depth: Int) throws -> Value {
        switch container.kind {
        case .list, .tuple:
            return .list(try container.items.map { try value(of: $0, depth: depth + 1) })
        case .dictionary:
            var entries: [Value.Entry] = []
            var positions: [String: Int] = [:]
            for position in stride(from: 0, to: container.items.count, by: 2) {
                let entry = Value.Entry(
                    key: try value(of: container.items[position], depth: depth + 1),
                    value: try value(of: container.items[position + 1], depth: depth + 1))
                // As in Python, a later value of a text key takes the place of the earlier one.
                guard let name = entry.key.textual, let earlier = positions[name] else {
                    if let name = entry.key.textual { positions[name] = entries.count }
                    entries.append(entry)
                    continue
                }
                entries[earlier] = entry
            }
            return .dictionary(entries)
        case .arrayType:
            guard case .text(let code)? = container.items.first else { return .none }
            return .text(code)
        case .array:
            guard let content = container.items.first else {
                throw PickleMachine.Problem(cause: "its pickle holds an array without content")
            }
            return try value(of: content, depth: depth + 1)
        case .object: return try object(container, depth: depth)
        }
    }

    /// An object of an unknown class: the dictionary of its attributes, with the class's name; opaque
    /// where it has none.
    private mutating func object(_ container: PickleContainer, depth: Int) throws -> Value {
        guard case .text(let name)? = container.items.first else {
            throw PickleMachine.Problem(cause: "its pickle holds an object without a class")
        }
        try text(name.utf8.count)
        let state =
            container.items.count > 1 ? try value(of: container.items[1], depth: depth + 1) : .none
        // Attributes in slots come as a second dictionary.
        let parts = state.entries.map { [$0] } ?? (state.elements ?? []).compactMap(\.entries)
        let entries = parts.flatMap { $0 }
        guard !entries.isEmpty else {
            let isInWords = name.hasPrefix("a ") || name.hasPrefix("an ")
            return .opaque(isInWords ? name : "an object of \(name)")
        }
        let fields = Value.dictionary(entries)
        if let module = fields.moduleTensors { return module }
        return .dictionary([.init(key: .text("__class__"), value: .text(name))] + entries)
    }
}

extension Value {
    /// The tensors of a module of PyTorch that was saved whole, as its `state_dict` would name them;
    /// nil for anything else.
    fileprivate var moduleTensors: Value? {
        guard let parameters = self["_parameters"]?.entries, let modules = self["_modules"]?.entries
        else { return nil }
        let skipped = Set((self["_non_persistent_buffers_set"]?.elements ?? []).map(\.label))
        let buffers = (self["_buffers"]?.entries ?? []).filter { !skipped.contains($0.key.label) }
        let own = (parameters + buffers).filter { entry in
            if case .none = entry.value { false } else { true }
        }
        return .dictionary(own + modules)
    }
}
