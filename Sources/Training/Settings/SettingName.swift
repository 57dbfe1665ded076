internal import Checkpoints
internal import Networks

/// The flat name of one setting, for options, sweeps, forks and SQL, and its place in the document.
///
/// The name is the key itself, but the key `kind` goes by its section (`network`, `optimizer`) and
/// the loss's key by `loss_precision`.
package struct SettingName: Sendable, Equatable {
    package let section: String
    package let key: String

    package var flat: String {
        if key == "kind" { return section }
        return section == "loss" ? "loss_\(key)" : key
    }

    /// Whether the setting is a real number, which may be written without a point.
    var isReal: Bool { SettingName.realKeys.contains(key) }

    private static let realKeys: Set<String> = [
        "train_fraction", "initialization_scale", "dropout", "learning_rate", "momentum", "beta1",
        "beta2", "epsilon", "weight_decay", "gradient_noise", "update_noise", "final_factor",
        "weight_noise",
    ]

    private init(_ section: String, _ key: String) {
        self.section = section
        self.key = key
    }

    /// Every setting, in the order shown to people.
    package static let all: [SettingName] =
        named("task", TaskConfiguration.settingKeys)
        + named("network", NetworkConfiguration.settingKeys)
        + named("loss", LossConfiguration.settingKeys)
        + named("optimizer", OptimizerConfiguration.CodingKeys.allCases.map(\.rawValue))
        + named("schedule", LearningRateSchedule.CodingKeys.allCases.map(\.rawValue))
        + named("training", TrainingSettings.CodingKeys.allCases.map(\.rawValue))

    private static func named(_ section: String, _ keys: [String]) -> [SettingName] {
        keys.map { SettingName(section, $0) }
    }

    /// The setting of a flat name (hyphens count as underscores) or of `section.key`.
    ///
    /// Errors: there is none; similar names are suggested.
    package init(_ written: String) throws {
        let name = written.split(separator: "-").joined(separator: "_")
        guard
            let found = SettingName.all.first(where: {
                $0.flat == name || "\($0.section).\($0.key)" == name
            })
        else {
            let near = SettingName.all.map(\.flat)
                .map { (name: $0, distance: editDistance($0, name)) }
                .filter { $0.distance <= 3 || $0.name.contains(name) }
                .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3)
                .map(\.name)
            throw UserError.usage(
                subject: "setting \(written)", cause: "there is no such setting",
                advice: near.isEmpty
                    ? "the settings are \(SettingName.all.map(\.flat).joined(separator: ", "))"
                    : "did you mean \(near.joined(separator: " or "))")
        }
        self = found
    }
}

extension SettingValue {
    /// These sparse settings with some changed by name.
    ///
    /// A new kind of network or optimiser, or an operation on another kind of operands, starts from
    /// that kind's defaults: settings of the old kind do not outlive it.
    package func changing(_ changes: [(name: String, value: SettingValue)]) throws -> SettingValue {
        let named = try changes.map { (try SettingName($0.name), $0.value) }
        var result = self
        for (name, value) in named where name.key == "kind" {
            let old = result.members?[name.section]?.members?["kind"]
            if (old ?? SettingValue.usualKind(name.section)) != value {
                result = result.replacing(name.section, with: .object([:]))
            }
        }
        if named.contains(where: { $0.0.flat == "shape" && $0.1 == "constant" }) {
            var schedule = result.members?["schedule"]?.members ?? [:]
            schedule["cosine_steps"] = nil
            schedule["final_factor"] = nil
            result = result.replacing("schedule", with: .object(schedule))
        }
        for (name, value) in named where name.flat == "operation" {
            result = result.forgettingOperands(for: value)
        }
        for (name, value) in named {
            var section = result.members?[name.section]?.members ?? [:]
            section[name.key] = value
            result = result.replacing(name.section, with: .object(section))
        }
        return result
    }

    private static func usualKind(_ section: String) -> SettingValue {
        .text(section == "network" ? "transformer" : "adamw")
    }

    private func replacing(_ name: String, with section: SettingValue) -> SettingValue {
        var sections = members ?? [:]
        sections[name] = section
        return .object(sections)
    }

    /// These settings without the operands of an operation that is replaced by one of another kind.
    private func forgettingOperands(for operation: SettingValue) -> SettingValue {
        guard case .text(let name) = operation, let new = TaskOperation(named: name),
            var task = members?["task"]?.members
        else { return self }
        var old = TaskOperation.add
        if case .text(let name)? = task["operation"] { old = TaskOperation(named: name) ?? .add }
        guard old.domain != new.domain || old.domain == .sequences, old != new else { return self }
        for key in [
            "modulus", "group", "element_order", "elements", "table", "operand_length", "bits",
            "subset_size", "digits", "example_count", "layout",
        ] { task[key] = nil }
        return replacing("task", with: .object(task))
    }
}

/// The least number of inserted, deleted and replaced characters between two texts.
func editDistance(_ first: String, _ second: String) -> Int {
    let (left, right) = (Array(first), Array(second))
    var row = Array(0...right.count)
    for (i, character) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, other) in right.enumerated() {
            let replaced = diagonal + (character == other ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[right.count]
}
