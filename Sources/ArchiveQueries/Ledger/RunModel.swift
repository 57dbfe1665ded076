package import Checkpoints
internal import Foundation
package import Networks

/// The task and the network of a stored run, rebuilt from its configuration and its split.
package struct RunModel: Sendable {
    package let configuration: ModelConfiguration
    package let task: Task
    package let layout: ParameterLayout
    /// Whether the run lists the rows that it trained on, or its configuration states the rule that
    /// chose them; without either the task's own default would be a guess.
    package let knowsSplit: Bool
    private let id: String

    /// Rebuilds them.
    ///
    /// `data` gives the arrays of a digest, for a run that learnt from arrays.
    /// Errors: the configuration does not say what the task and the network are.
    package init(
        _ run: RunDescription, data: (Digest) throws -> [Tensor] = { _ in [] }
    ) throws {
        configuration = try ModelConfiguration(configurationOf: run)
        task = try configuration.makeTask(of: run, data: data)
        layout = try configuration.layout(for: task)
        let stated = try? JSONDecoder().decode(Stated.self, from: Data(run.configuration.utf8))
        knowsSplit =
            run.trainIndices != nil
            || stated?.task?.split.map { $0 != "unknown" } ?? false
        id = run.id
    }

    /// The tokens that are operands; nil for tasks without operands.
    package var operands: Range<Int>? {
        guard task.operandCount > 0 else { return nil }
        return task.firstAnswerToken..<task.firstAnswerToken + task.operandCount
    }

    /// The examples of a split.
    ///
    /// Errors: the run's split is not known, or has no such rows.
    package func examples(_ split: ExampleSplit) throws -> Examples {
        if split == .all { return task.allExamples }
        guard knowsSplit else { throw RunModel.unknownSplit(run: id, split) }
        let examples =
            switch split {
            case .train: task.trainExamples
            case .test: task.testExamples
            case .all: task.allExamples
            case .trainClean: task.allExamples.subset(task.trainIndices)
            }
        guard examples.count > 0 else {
            throw UserError.missing(
                subject: "run \(id)", cause: "it has no rows in the split \(split.rawValue)",
                advice: "choose --split all")
        }
        return examples
    }

    private static func unknownSplit(run: String, _ split: ExampleSplit) -> UserError {
        .missing(
            subject: "run \(run)",
            cause:
                "nothing says which rows it trained on, so that there is no \(split.rawValue) split",
            advice:
                "choose --split all, or give the rows with cairn describe RUN --split-indices FILE")
    }

    private struct Stated: Decodable {
        struct Task: Decodable { let split: String? }
        let task: Task?
    }
}
