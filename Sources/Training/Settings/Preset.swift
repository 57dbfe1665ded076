internal import Checkpoints
internal import Foundation

/// A published set-up by name.
package struct Preset: Sendable {
    package let name: String
    /// Where it was published: authors, year, and the section, figure or file.
    package let source: String
    /// What it shows, in one line.
    package let summary: String
    /// The settings that differ from the defaults.
    package let settings: SettingValue

    /// The preset of a name.
    ///
    /// Errors: there is none; similar names are suggested.
    package init(named name: String) throws {
        guard let found = Preset.all.first(where: { $0.name == name }) else {
            let near = Preset.all.map(\.name)
                .filter { editDistance($0, name) <= 3 || (name.count > 2 && $0.contains(name)) }
                .sorted { (editDistance($0, name), $0) < (editDistance($1, name), $1) }.prefix(3)
            throw UserError.usage(
                subject: "preset \(name)", cause: "there is no such preset",
                advice: near.isEmpty
                    ? "the presets are listed by cairn train --list-presets"
                    : "did you mean \(near.joined(separator: " or "))")
        }
        self = found
    }

    init(_ name: String, _ source: String, _ summary: String, _ settings: SettingValue) {
        self.name = name
        self.source = source
        self.summary = summary
        self.settings = settings
    }

    /// All presets, in the order shown to people.
    package static let all: [Preset] =
        own + powerOperations + powerInterventions + nanda + groups
        + template
}

extension SettingValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .real(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(dictionaryLiteral elements: (String, SettingValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}
