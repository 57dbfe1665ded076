package import Checkpoints
internal import Foundation

/// What a foreign file holds, as a tree: numbers, texts, lists, dictionaries and tensors.
///
/// Nothing in it is executable. Lists stand for lists and tuples, dictionaries keep their order.
package enum Value: Sendable {
    case none
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    case bytes([UInt8])
    /// Apart, so that a million numbers do not each take the room of a tensor's description.
    indirect case tensor(StoredTensor)
    case list([Value])
    case dictionary([Entry])
    /// Something that is not read, in words: an object of an unknown class, a function, an array of
    /// something that is no number.
    indirect case opaque(String)

    /// One key of a dictionary with its value.
    package struct Entry: Sendable {
        package let key: Value
        package let value: Value

        package init(key: Value, value: Value) {
            self.key = key
            self.value = value
        }
    }
}

extension Value {
    /// The value at a text key of a dictionary; nil for any other value.
    package subscript(_ key: String) -> Value? {
        entries?.first { $0.key.textual == key }?.value
    }

    /// The element of a list at a position; nil for any other value and beyond the end.
    package subscript(_ position: Int) -> Value? {
        guard case .list(let elements) = self, elements.indices.contains(position) else {
            return nil
        }
        return elements[position]
    }

    package var entries: [Entry]? {
        guard case .dictionary(let entries) = self else { return nil }
        return entries
    }

    package var elements: [Value]? {
        guard case .list(let elements) = self else { return nil }
        return elements
    }

    package var textual: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    package var tensor: StoredTensor? {
        guard case .tensor(let tensor) = self else { return nil }
        return tensor
    }

    package var whole: Int? {
        guard case .integer(let number) = self else { return nil }
        return number
    }

    /// A real or whole number, or the only element of a tensor that is in memory or on disk.
    package var number: Double? {
        switch self {
        case .real(let number): number
        case .integer(let number): Double(number)
        case .tensor(let tensor) where tensor.elementCount == 1:
            try? tensor.load(named: "number").doubles()?.first
        default: nil
        }
    }

    /// The numbers of a list or of a tensor with one axis; nil when any is missing.
    package var numbers: [Double]? {
        switch self {
        case .list(let elements):
            let numbers = elements.compactMap(\.number)
            return numbers.count == elements.count ? numbers : nil
        case .tensor(let tensor) where tensor.shape.count == 1:
            return try? tensor.load(named: "numbers").doubles()
        default: return nil
        }
    }

    /// Every tensor below this value, in the order of the file, named by its keys and positions
    /// joined with dots; a lone tensor is named `tensor`.
    ///
    /// Errors: two different places of one name, a name that cannot be stored, or more tensors than
    /// `largestTensorCount`.
    package func flattened(source: String) throws -> [(name: String, tensor: StoredTensor)] {
        var found: [(name: String, tensor: StoredTensor)] = []
        try collect(into: &found, path: "", source: source)
        var names: Set<String> = []
        for (name, _) in found where !names.insert(name).inserted {
            throw UserError.unreadable(source, "it holds two tensors named \(name)")
        }
        return found
    }

    /// The tensors of `flattened`, read.
    package func tensors(source: String) throws -> [Tensor] {
        try flattened(source: source).map { try $0.tensor.load(named: $0.name) }
    }

    /// Nothing real has more tensors in one state, and each takes room in every index.
    package static let largestTensorCount = 100_000
    /// Nothing real has longer names; nested keys could make each name as long as the file.
    package static let longestName = 1024

    private func collect(
        into found: inout [(name: String, tensor: StoredTensor)], path: String, source: String
    ) throws {
        guard path.utf8.count <= Self.longestName else {
            throw UserError.unreadable(
                source,
                "it has a name of more than \(Self.longestName) bytes "
                    + "(\(path.prefix(40))…)")
        }
        let prefix = path.isEmpty ? "" : path + "."
        switch self {
        case .tensor(let tensor):
            guard !path.utf8.contains(0) else {
                throw UserError.unreadable(
                    source,
                    "the name of a tensor holds the character NUL "
                        + "(\(path.replacingOccurrences(of: "\0", with: "\\0")))")
            }
            guard found.count < Self.largestTensorCount else {
                throw UserError.unreadable(
                    source, "it has more than \(Self.largestTensorCount) tensors")
            }
            found.append((path.isEmpty ? "tensor" : path, tensor))
        case .list(let elements):
            for (position, element) in elements.enumerated() {
                try element.collect(
                    into: &found, path: prefix + String(position), source: source)
            }
        case .dictionary(let entries):
            for entry in entries {
                try entry.value.collect(
                    into: &found, path: prefix + entry.key.label, source: source)
            }
        default: break
        }
    }

    /// A key as a part of a name.
    package var label: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .boolean(let flag): String(flag)
        case .list(let elements): elements.map(\.label).joined(separator: ",")
        case .none: "None"
        case .opaque(let name): name
        case .bytes, .tensor, .dictionary: "key"
        }
    }
}
