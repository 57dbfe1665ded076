internal import Checkpoints

/// The description of a run as JSON, for `run.json` of a run folder.
struct RunText {
    let run: RunDescription
    let status: RunStatus
    let steps: [Int]

    init(run: RunDescription, status: RunStatus, steps: [Int]) {
        self.run = run
        self.status = status
        self.steps = steps
    }

    func value(format: String, version: Int) -> Value {
        .object([
            ("format", .text(format)), ("version", .integer(version)), ("id", .text(run.id)),
            ("name", .text(run.name)), ("created_at", .real(run.createdAt)),
            ("status", .text(status.rawValue)), ("task", .text(run.task)),
            ("network", .text(run.network)), ("seed", run.seed.map(Value.integer)),
            ("configuration", .text(run.configuration)),
            ("hyperparameters", .list(run.hyperparameters.map(Self.value))),
            ("parent_run", (run.parent?.run).map(Value.text)),
            ("parent_step", (run.parent?.step).map(Value.integer)),
            ("train_indices", run.trainIndices.map { .list($0.map(Value.integer)) }),
            ("test_indices", run.testIndices.map { .list($0.map(Value.integer)) }),
            (
                "versions",
                .dictionary(
                    run.versions.sorted { $0.key < $1.key }.map {
                        .init(key: .text($0.key), value: .text($0.value))
                    })
            ),
            ("origin_path", (run.origin?.path).map(Value.text)),
            ("origin_digest", (run.origin?.digest).map(Value.text)),
            ("origin_layout", (run.origin?.layout).map(Value.text)),
            ("steps", .list(steps.map(Value.integer))),
        ])
    }

    /// The type of a value cannot be told from JSON alone: 1 and 1.0 are the same number there.
    private static func value(_ parameter: Hyperparameter) -> Value {
        let (type, value): (String, Value) =
            switch parameter.value {
            case .integer(let number): ("integer", .integer(number))
            case .real(let number): ("real", .real(number))
            case .text(let text): ("text", .text(text))
            case .boolean(let flag): ("boolean", .boolean(flag))
            case .none: ("none", .none)
            }
        return .object([("name", .text(parameter.name)), ("type", .text(type)), ("value", value)])
    }

    /// Reads what `value` writes.
    init(_ value: Value, path: String) throws {
        func text(_ key: String) throws -> String {
            guard let text = value[key]?.textual else {
                throw UserError.unreadable(path, "it has no \(key)")
            }
            return text
        }
        func indices(_ key: String) throws -> [Int]? {
            guard let list = value[key]?.elements else { return nil }
            let numbers = list.compactMap(\.whole)
            guard numbers.count == list.count else {
                throw UserError.unreadable(path, "its \(key) are not whole numbers")
            }
            return numbers
        }
        guard let status = RunStatus(rawValue: try text("status")) else {
            throw UserError.unreadable(path, "its status is unknown")
        }
        var run = RunDescription(
            id: try text("id"), name: try text("name"),
            createdAt: value["created_at"]?.number ?? 0, task: try text("task"),
            network: try text("network"), seed: value["seed"]?.whole,
            configuration: try text("configuration"),
            trainIndices: try indices("train_indices"), testIndices: try indices("test_indices"))
        run.hyperparameters = try (value["hyperparameters"]?.elements ?? []).map {
            try Self.hyperparameter($0, path: path)
        }
        if let parent = value["parent_run"]?.textual, let step = value["parent_step"]?.whole {
            run.parent = .init(run: parent, step: step)
        }
        for entry in value["versions"]?.entries ?? [] {
            run.versions[entry.key.label] = entry.value.textual
        }
        if let path = value["origin_path"]?.textual, let digest = value["origin_digest"]?.textual {
            run.origin = .init(
                path: path, digest: digest, layout: value["origin_layout"]?.textual ?? "")
        }
        self.run = run
        self.status = status
        steps = try indices("steps") ?? []
    }

    private static func hyperparameter(_ value: Value, path: String) throws -> Hyperparameter {
        guard let name = value["name"]?.textual, let type = value["type"]?.textual else {
            throw UserError.unreadable(path, "a hyperparameter has no name and type")
        }
        switch (type, value["value"]) {
        case ("integer", .integer(let number)?): return Hyperparameter(name, .integer(number))
        case ("real", .text("NaN")?): return Hyperparameter(name, .real(.nan))
        case ("real", .text("Infinity")?): return Hyperparameter(name, .real(.infinity))
        case ("real", .text("-Infinity")?): return Hyperparameter(name, .real(-.infinity))
        case ("real", let number?):
            if let number = number.number { return Hyperparameter(name, .real(number)) }
        case ("text", .text(let text)?): return Hyperparameter(name, .text(text))
        case ("boolean", .boolean(let flag)?): return Hyperparameter(name, .boolean(flag))
        case ("none", _): return Hyperparameter(name, .none)
        default: break
        }
        throw UserError.unreadable(path, "hyperparameter \(name) is not of the type \(type)")
    }
}
