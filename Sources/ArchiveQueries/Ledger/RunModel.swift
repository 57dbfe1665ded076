package import Checkpoints
package import Networks

/// The task and the network of a stored run, rebuilt from its configuration and its split.
package struct RunModel: Sendable {
    package let configuration: ModelConfiguration
    package let task: Task
    package let layout: ParameterLayout

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
    }

    /// The tokens that are operands; nil for tasks without operands.
    package var operands: Range<Int>? {
        guard task.operandCount > 0 else { return nil }
        return task.firstAnswerToken..<task.firstAnswerToken + task.operandCount
    }

    package func examples(_ split: ExampleSplit) -> Examples {
        switch split {
        case .train: task.trainExamples
        case .test: task.testExamples
        case .all: task.allExamples
        }
    }
}
