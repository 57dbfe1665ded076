internal import Checkpoints

extension Value {
    /// The tree of a JSON text.
    init(_ json: JSONValue) {
        switch json {
        case .scalar(.null): self = .none
        case .scalar(.boolean(let flag)): self = .boolean(flag)
        case .scalar(.integer(let number)): self = .integer(number)
        case .scalar(.real(let number)): self = .real(number)
        case .scalar(.text(let text)): self = .text(text)
        case .scalar(.blob(let bytes)): self = .bytes(bytes)
        case .array(let values): self = .list(values.map(Value.init))
        case .object(let members):
            self = .dictionary(
                members.map { Entry(key: .text($0.name), value: Value($0.value)) })
        }
    }

    /// The tree of a JSON file; errors name it.
    init(jsonFile path: String, bytes: [UInt8]) throws {
        self.init(try JSONValue(file: path, bytes: bytes))
    }

    /// The value as JSON in one line, keys in the order given or sorted.
    ///
    /// Tensors become null; NaN and infinities become the texts `NaN`, `Infinity`, `-Infinity`.
    package func json(sorted: Bool = false) -> String { jsonValue.json(sorted: sorted) }

    private var jsonValue: JSONValue {
        switch self {
        case .none, .tensor, .opaque: .null
        case .boolean(let flag): .boolean(flag)
        case .integer(let number): .integer(number)
        case .real(let number): .real(number)
        case .text(let text): .text(text)
        case .bytes(let bytes): .array(bytes.map { .integer(Int($0)) })
        case .list(let elements): .array(elements.map(\.jsonValue))
        case .dictionary(let entries):
            .object(entries.map { .init($0.key.label, $0.value.jsonValue) })
        }
    }
}

extension JSONValue {
    /// The tree of a JSON file; errors name it.
    init(file path: String, bytes: [UInt8]) throws {
        do {
            try self.init(parsing: bytes)
        } catch let problem as Problem {
            throw UserError.unreadable(path, "it is not JSON: \(problem)")
        }
    }
}
