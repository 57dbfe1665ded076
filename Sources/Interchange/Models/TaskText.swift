internal import Checkpoints
internal import Foundation
package import Networks

/// A task as people write it in one line.
package enum TaskText {
    /// `add mod 113`, `compose in S5`, or a JSON object with the keys of the section `task`.
    ///
    /// Where nothing says how the rows were divided, the split is unknown.
    package static func configuration(_ text: String) throws -> TaskConfiguration {
        if text.hasPrefix("{") { return try configuration(json: text) }
        var task = try task(text)
        task.split = .unknown
        return task
    }

    private static func task(_ text: String) throws -> TaskConfiguration {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 3, let operation = TaskOperation(named: words[0]) else {
            throw UserError.usage(
                subject: "--task \(text)", cause: "it is not understood",
                advice: "write 'add mod 113' or 'compose in S5'")
        }
        if words[1] == "mod", let modulus = Int(words[2]) {
            return TaskConfiguration(operation: operation, modulus: modulus)
        }
        guard words[1] == "in" else {
            throw UserError.usage(
                subject: "--task \(text)", cause: "it names neither a modulus nor a group",
                advice: "write 'add mod 113' or 'compose in S5'")
        }
        return TaskConfiguration(operation: operation, group: words[2])
    }

    /// The same from a value of a line: a text, or an object.
    static func configuration(_ value: Value) throws -> TaskConfiguration {
        try value.textual.map { try configuration($0) } ?? configuration(json: value.json())
    }

    private static func configuration(json text: String) throws -> TaskConfiguration {
        do {
            var task = try JSONDecoder().decode(TaskConfiguration.self, from: Data(text.utf8))
            let keys =
                Value(try JSONValue(parsing: Array(text.utf8))).entries?.map(\.key.label) ?? []
            if Set(keys).isDisjoint(with: ["split", "split_seed", "train_fraction"]) {
                task.split = .unknown
            }
            return task
        } catch let error as UserError {
            throw error
        } catch {
            throw UserError.usage(
                subject: "--task \(text)", cause: "it is not a JSON object of a task")
        }
    }
}
