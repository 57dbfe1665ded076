extension RunDescription {
    /// How the values of settings are written.
    ///
    /// 1 and 1.0 are the same number in JSON, and NaN is none, so each setting also names its type.
    package enum SettingForm {
        /// As texts: the form of run files.
        case text
        /// As JSON values: the form of exported folders.
        case value
    }

    /// What is wrong with a description.
    package struct Problem: Error {
        package let cause: String
    }

    /// The description as JSON, without the rows of the task's table and without what is nil.
    ///
    /// The names are part of the formats of run files and of exported folders.
    package func json(settings form: SettingForm) -> JSONValue {
        var json: JSONValue = [
            "id": .text(id), "name": .text(name), "created_at": .real(createdAt),
            "task": .text(task), "network": .text(network),
        ]
        json["seed"] = seed.map(JSONValue.integer)
        json["configuration"] = .text(configuration)
        json["hyperparameters"] = .array(
            hyperparameters.map { parameter in
                [
                    "name": .text(parameter.name), "type": .text(parameter.value.type),
                    "value": form == .text
                        ? .text(parameter.value.written) : .scalar(parameter.value),
                ]
            })
        json["parent_run"] = (parent?.run).map(JSONValue.text)
        json["parent_step"] = (parent?.step).map(JSONValue.integer)
        json["versions"] = .object(
            versions.sorted { $0.key < $1.key }.map { .init($0.key, .text($0.value)) })
        json["origin_path"] = (origin?.path).map(JSONValue.text)
        json["origin_digest"] = (origin?.digest).map(JSONValue.text)
        json["origin_layout"] = (origin?.layout).map(JSONValue.text)
        return json
    }

    /// Reads what `json` writes, in either form; a `Problem` says what is missing.
    package init(json: JSONValue) throws(Problem) {
        func text(_ key: String) throws(Problem) -> String {
            guard let text = json[key]?.text else { throw Problem(cause: "it has no \(key)") }
            return text
        }
        self.init(
            id: try text("id"), name: try text("name"), createdAt: json["created_at"]?.real ?? 0,
            task: try text("task"), network: try text("network"), seed: json["seed"]?.integer,
            configuration: try text("configuration"))
        for setting in json["hyperparameters"]?.elements ?? [] {
            guard let name = setting["name"]?.text, let type = setting["type"]?.text else {
                throw Problem(cause: "a hyperparameter has no name and type")
            }
            guard let value = ScalarValue(setting["value"]?.scalar ?? .null, type: type) else {
                throw Problem(cause: "hyperparameter \(name) is not of the type \(type)")
            }
            hyperparameters.append(Hyperparameter(name, value))
        }
        if let run = json["parent_run"]?.text, let step = json["parent_step"]?.integer {
            parent = Parent(run: run, step: step)
        }
        for member in json["versions"]?.members ?? [] {
            versions[member.name] = member.value.text
        }
        if let path = json["origin_path"]?.text, let digest = json["origin_digest"]?.text {
            origin = Origin(path: path, digest: digest, layout: json["origin_layout"]?.text ?? "")
        }
    }
}

extension ScalarValue {
    /// The name of the value's type, as files and the index store it.
    package var type: String {
        switch self {
        case .null: "none"
        case .boolean: "boolean"
        case .integer: "integer"
        case .real: "real"
        // Bytes are kept as base64.
        case .text, .blob: "text"
        }
    }

    /// The value of a stored type, from a value of that type or from its text; nil if neither.
    fileprivate init?(_ stored: ScalarValue, type: String) {
        if type == stored.type || (type == "none" && stored == .text("")) {
            self = type == "none" ? .null : stored
            return
        }
        let text = stored.string
        let value: ScalarValue? =
            switch type {
            case "boolean": text.flatMap(Bool.init).map(ScalarValue.boolean)
            case "integer": text.flatMap { Int($0) }.map(ScalarValue.integer)
            case "real": (stored.real ?? text.flatMap { Double($0) }).map(ScalarValue.real)
            default: nil
            }
        guard let value else { return nil }
        self = value
    }
}
