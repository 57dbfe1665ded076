internal import Checkpoints

/// The description of a run with its status, rows and steps, for `run.json` of a run folder.
struct RunText {
    private(set) var run: RunDescription
    let status: RunStatus
    let steps: [Int]

    init(run: RunDescription, status: RunStatus, steps: [Int]) {
        self.run = run
        self.status = status
        self.steps = steps
    }

    func json(format: String, version: Int) -> String {
        var json: JSONValue = ["format": .text(format), "version": .integer(version)]
        json = json.overlaid(by: run.json(settings: .value))
        json["status"] = .text(status.rawValue)
        json["train_indices"] = run.trainIndices.map { .array($0.map(JSONValue.integer)) }
        json["test_indices"] = run.testIndices.map { .array($0.map(JSONValue.integer)) }
        json["steps"] = .array(steps.map(JSONValue.integer))
        return json.json()
    }

    /// Reads what `json` writes.
    init(_ value: JSONValue, path: String) throws {
        func indices(_ key: String) throws -> [Int]? {
            guard let list = value[key]?.elements else { return nil }
            let numbers = list.compactMap(\.integer)
            guard numbers.count == list.count else {
                throw UserError.unreadable(path, "its \(key) are not whole numbers")
            }
            return numbers
        }
        guard let status = value["status"]?.text.flatMap(RunStatus.init) else {
            throw UserError.unreadable(path, "its status is unknown")
        }
        do {
            run = try RunDescription(json: value)
        } catch {
            throw UserError.unreadable(path, error.cause)
        }
        run.trainIndices = try indices("train_indices")
        run.testIndices = try indices("test_indices")
        self.status = status
        steps = try indices("steps") ?? []
    }
}
