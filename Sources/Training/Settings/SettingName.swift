package import Checkpoints
internal import Networks

/// The flat name of one setting, for options, sweeps, forks and SQL, and its place in the document.
///
/// The name is the key itself, but the key `kind` goes by its section (`network`, `optimizer`) and
/// the loss's general keys by `loss_precision` and `loss_reduction`.
package struct SettingName: Sendable, Equatable {
    package let section: String
    package let key: String

    package var flat: String {
        if key == "kind" { return section }
        return key == "precision" || key == "reduction" ? "loss_\(key)" : key
    }

    /// Whether the setting is a real number, which may be written without a point.
    var isReal: Bool { SettingName.realKeys.contains(key) }

    private static let realKeys: Set<String> = [
        "train_fraction", "initialization_scale", "dropout", "learning_rate", "momentum", "beta1",
        "beta2", "epsilon", "weight_decay", "gradient_noise", "update_noise", "final_factor",
        "weight_noise", "activation_strength", "output_scale", "accuracy_threshold",
        "input_mean", "input_deviation", "answer_noise", "teacher_scale", "signal", "flip_chance",
        "filter_decay", "filter_gain", "clip_norm", "clip_value", "sharpness_radius",
        "adam_learning_rate",
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
            let near = NearNames.nearest(to: name, in: SettingName.all.map(\.flat))
            throw UserError.usage(
                subject: "setting \(written)", cause: "there is no such setting",
                advice: near.isEmpty
                    ? "the settings are \(SettingName.all.map(\.flat).joined(separator: ", "))"
                    : "did you mean \(near.joined(separator: " or "))")
        }
        self = found
    }
}

extension JSONValue {
    /// These sparse settings with some changed by name.
    ///
    /// A new kind of network or optimiser, or an operation on another kind of operands, starts from
    /// that kind's defaults: settings of the old kind do not outlive it.
    package func changing(_ changes: [(name: String, value: JSONValue)]) throws -> JSONValue {
        let named = try changes.map { (try SettingName($0.name), $0.value) }
        var result = self
        for (name, value) in named where name.key == "kind" {
            let old = result[name.section]?["kind"]
            if (old ?? JSONValue.usualKind(name.section)) != value {
                result[name.section] = [:]
            }
        }
        for (name, value) in named where name.flat == "shape" {
            var schedule = result["schedule"] ?? [:]
            guard schedule["shape"] ?? "constant" != value else { continue }
            for key in LearningRateSchedule.shapeKeys { schedule[key] = nil }
            result["schedule"] = schedule
        }
        for (name, value) in named where name.flat == "operation" {
            result = result.forgettingOperands(for: value)
        }
        for (name, value) in named {
            var section = result[name.section] ?? [:]
            section[name.key] = value
            result[name.section] = section
        }
        return result
    }

    private static func usualKind(_ section: String) -> JSONValue {
        switch section {
        case "network": "transformer"
        case "loss": "cross_entropy"
        default: "adamw"
        }
    }

    /// These settings without the operands of an operation that is replaced by one of another kind.
    private func forgettingOperands(for operation: JSONValue) -> JSONValue {
        guard let new = operation.text.flatMap(TaskOperation.init(named:)), var task = self["task"]
        else { return self }
        let old = task["operation"]?.text.flatMap(TaskOperation.init(named:)) ?? .add
        guard old.domain != new.domain || old.domain == .sequences || old.domain == .arrays,
            old != new
        else { return self }
        // The seed is for whatever a task draws; the layout belongs to the kind of operands.
        let operands = TaskOperation.allCases.flatMap(\.settings).filter { $0 != "task_seed" }
        for key in operands + ["layout"] { task[key] = nil }
        if (old.domain == .arrays) != (new.domain == .arrays) { task["train_fraction"] = nil }
        var result = self
        result["task"] = task
        return result
    }
}

extension JSONValue {
    /// The value that a person wrote on a command line: a number, `true`, `false`, `null`, else
    /// text.
    package init(written text: String) {
        switch text {
        case "true": self = .boolean(true)
        case "false": self = .boolean(false)
        case "null", "none": self = .null
        default:
            if let integer = Int(text) {
                self = .integer(integer)
            } else if let real = Double(text), real.isFinite {
                self = .real(real)
            } else {
                self = .text(text)
            }
        }
    }
}
