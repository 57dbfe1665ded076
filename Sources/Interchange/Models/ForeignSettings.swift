internal import Checkpoints

/// The settings of a foreign run as typed hyperparameters.
enum HyperparameterList {
    /// The run's own settings, then those of its optimiser; where the two contradict each other,
    /// the optimiser says what was done and the setting is kept as `configured_…`.
    static func make(settings: Value?, optimizer: TorchOptimizer?) -> [Hyperparameter] {
        var list: [Hyperparameter] = []
        flatten(settings, prefix: "", into: &list)
        for name in ["lr", "weight_decay", "betas", "eps", "momentum", "amsgrad"] {
            guard let value = optimizer?.setting(name)?.hyperparameter else { continue }
            guard let index = list.firstIndex(where: { $0.name == name }) else {
                list.append(Hyperparameter(name, value))
                continue
            }
            guard !isSame(list[index].value, value) else { continue }
            list[index] = Hyperparameter("configured_\(name)", list[index].value)
            list.append(Hyperparameter(name, value))
        }
        return list
    }

    private static func isSame(_ left: ScalarValue, _ right: ScalarValue) -> Bool {
        switch (left, right) {
        case (.integer(let whole), .real(let real)), (.real(let real), .integer(let whole)):
            Double(whole) == real
        default: left == right
        }
    }

    private static func flatten(
        _ value: Value?, prefix: String, into list: inout [Hyperparameter]
    ) {
        for entry in value?.entries ?? [] {
            let name = prefix + entry.key.label
            if let setting = entry.value.hyperparameter {
                list.append(Hyperparameter(name, setting))
            } else {
                flatten(entry.value, prefix: name + ".", into: &list)
            }
        }
    }
}

/// The section `optimizer` of a configuration, from what an optimiser or settings say.
enum OptimizerSection {
    /// nil unless the rule is known to be Adam's with decoupled decay: betas without a rule's name
    /// are those of AdamW in every published layout.
    static func section(_ optimizer: TorchOptimizer?, settings: Value?) -> Value? {
        let betas = optimizer?.setting("betas")?.numbers ?? settings?["betas"]?.numbers
        let isGrok = settings?["math_operator"] != nil
        guard let beta = betas ?? (isGrok ? [0.9, 0.98] : nil), beta.count == 2 else { return nil }
        // The grokking paper's code multiplies a rate of 1 by its schedule.
        let rate =
            isGrok
            ? settings?["max_lr"]?.number
            : optimizer?.setting("initial_lr")?.number ?? optimizer?.setting("lr")?.number
                ?? settings?["lr"]?.number
        let decay = optimizer?.setting("weight_decay")?.number ?? settings?["weight_decay"]?.number
        return .object([
            ("kind", .text("adamw")), ("learning_rate", rate.map(Value.real)),
            ("beta1", .real(beta[0])), ("beta2", .real(beta[1])),
            ("epsilon", (optimizer?.setting("eps")?.number).map(Value.real)),
            ("weight_decay", decay.map(Value.real)),
        ])
    }
}
