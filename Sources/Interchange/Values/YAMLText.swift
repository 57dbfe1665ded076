internal import Checkpoints
internal import Yams

/// YAML as settings files have it: mappings, lists, and plain values.
package enum YAMLText {
    /// A file of settings is never longer.
    private static let largestByteCount = 4 << 20
    /// Aliases repeat what they stand for; nothing real has more values.
    private static let largestNodeCount = 200_000
    private static let deepestNesting = 100

    /// The value of a text; tags of Python objects are read as what stands behind them, and nothing is
    /// executed.
    ///
    /// Errors: it is not YAML, or it is too large, in a text of `path`.
    package static func value(ofFile path: String, bytes: [UInt8]) throws -> Value {
        guard bytes.count <= largestByteCount else {
            throw UserError.unreadable(path, "it is too large for a file of settings")
        }
        do {
            guard let node = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)) else {
                return .none
            }
            var remaining = largestNodeCount
            return try value(node, depth: 0, remaining: &remaining, path: path)
        } catch let error as YamlError {
            let text = "\(error)".split(separator: "\n").first.map(String.init) ?? ""
            throw UserError.unreadable(path, "it is not YAML (\(text))")
        }
    }

    /// Keys and plain scalars that are whole numbers stay whole.
    private static func value(
        _ node: Node, depth: Int, remaining: inout Int, path: String
    ) throws -> Value {
        remaining -= 1
        guard remaining > 0, depth < deepestNesting else {
            throw UserError.unreadable(path, "it has too many values, or they nest too deep")
        }
        switch node {
        case .scalar(let scalar):
            if scalar.style == .singleQuoted || scalar.style == .doubleQuoted {
                return .text(scalar.string)
            }
            if let number = Int(scalar.string) { return .integer(number) }
            if let number = node.float { return .real(number) }
            if let number = Double(scalar.string) { return .real(number) }
            if let flag = node.bool { return .boolean(flag) }
            return ["null", "~", ""].contains(scalar.string) ? .none : .text(scalar.string)
        case .sequence(let sequence):
            var elements: [Value] = []
            for element in sequence {
                elements.append(
                    try value(element, depth: depth + 1, remaining: &remaining, path: path))
            }
            return .list(elements)
        case .mapping(let mapping):
            var entries: [Value.Entry] = []
            for (key, element) in mapping {
                entries.append(
                    .init(
                        key: .text(key.string ?? ""),
                        value: try value(
                            element, depth: depth + 1, remaining: &remaining, path: path)))
            }
            return .dictionary(entries)
        case .alias: return .none
        }
    }
}
