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
        case .global, .storage:
            throw PickleMachine.Problem(
                cause: "its pickle keeps a class or a bare storage as a value",
                advice: "save the tensors alone, for example torch.save(model.state_dict(), …)")
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
            guard case .tensor(let tensor)? = container.items.first else {
                throw PickleMachine.Problem(cause: "its pickle holds an array without content")
            }
            return try self.tensor(tensor)
        }
    }
}
