package import Checkpoints
internal import Foundation

/// A published set-up by name.
package struct Preset: Sendable {
    package let name: String
    /// Where it was published: authors, year, and the section, figure or file.
    package let source: String
    /// What it shows, in one line.
    package let summary: String
    /// The settings that differ from the defaults.
    package let settings: JSONValue

    /// The preset of a name.
    ///
    /// Errors: there is none; similar names are suggested.
    package init(named name: String) throws {
        guard let found = Preset.all.first(where: { $0.name == name }) else {
            let near = NearNames.nearest(to: name, in: Preset.all.map(\.name))
            throw UserError.usage(
                subject: "preset \(name)", cause: "there is no such preset",
                advice: near.isEmpty
                    ? "the presets are listed by cairn train --list-presets"
                    : "did you mean \(near.joined(separator: " or "))")
        }
        self = found
    }

    init(_ name: String, _ source: String, _ summary: String, _ settings: JSONValue) {
        self.name = name
        self.source = source
        self.summary = summary
        self.settings = settings
    }

    /// All presets, in the order shown to people.
    package static let all: [Preset] =
        own + powerOperations + powerInterventions + nanda + groups
        + template + omnigrokRuns + networksOnData + edgeRuns + faster
}
