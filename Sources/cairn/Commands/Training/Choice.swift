internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints

/// Reading an option whose value is one of a few names.
enum Choice {
    /// The value of that name; throws one sentence with the near or all names.
    static func read<Value: RawRepresentable & CaseIterable>(
        _ text: String, option: String, as type: Value.Type = Value.self
    ) throws -> Value where Value.RawValue == String {
        if let value = Value(rawValue: text) ?? Value(rawValue: text.replacing("-", with: "_")) {
            return value
        }
        let names = Value.allCases.map(\.rawValue)
        throw UserError.usage(
            subject: "\(option) \(text)", cause: "there is no such choice",
            advice: advice(for: text, among: names))
    }

    /// Points to the nearest name, or lists all of them.
    static func advice(for text: String, among names: [String]) -> String {
        let near = NearNames.nearest(to: text, in: names)
        return near.isEmpty
            ? "choose one of \(names.joined(separator: ", "))"
            : "did you mean \(near.joined(separator: " or "))?"
    }

    /// The names as they stand in a help text.
    static func list<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> String
    where Value.RawValue == String { Value.allCases.map(\.rawValue).joined(separator: ", ") }
}
