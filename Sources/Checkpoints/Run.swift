/// What a run is, written once when it begins and never changed.
package struct RunDescription: Sendable, Equatable {
    /// Unique across archives: 16 lowercase hexadecimal digits for runs that Cairn starts.
    package var id: String
    /// A name for people; need not be unique.
    package var name: String
    /// Seconds since 1970-01-01T00:00:00Z.
    package var createdAt: Double
    /// What is learned, for example `subtract mod 59`; empty when unknown.
    package var task: String
    /// The kind of network, for example `transformer` or `mlp`; empty when unknown.
    package var network: String
    /// The seed of the run's random streams; nil when unknown.
    package var seed: Int?
    /// The complete configuration as a JSON object with sorted keys.
    ///
    /// It is enough to rebuild task, network, optimiser and schedule. `{}` for runs whose
    /// configuration is unknown.
    package var configuration: String
    /// The same settings flattened for queries, in the order shown to people.
    package var hyperparameters: [Hyperparameter]
    /// The run and step this run was forked from.
    package var parent: Parent?
    /// Rows of the task's table used for training, in the order of use; nil when unknown.
    package var trainIndices: [Int]?
    /// Rows of the task's table used for testing; nil when unknown.
    package var testIndices: [Int]?
    /// Versions of the programs and libraries that produced the run, by name.
    package var versions: [String: String]
    /// Where an imported run came from; nil for a run that Cairn trained.
    package var origin: Origin?

    /// A checkpoint of another run.
    package struct Parent: Sendable, Equatable {
        package var run: String
        package var step: Int

        package init(run: String, step: Int) {
            self.run = run
            self.step = step
        }
    }

    /// The source of an imported run.
    package struct Origin: Sendable, Equatable {
        /// The path as the user gave it.
        package var path: String
        /// Hexadecimal SHA-256 of the source (of the sorted list of files for a folder).
        package var digest: String
        /// The layout that was recognised, for example `rep_theory`.
        package var layout: String

        package init(path: String, digest: String, layout: String) {
            self.path = path
            self.digest = digest
            self.layout = layout
        }
    }

    package init(
        id: String, name: String, createdAt: Double, task: String = "", network: String = "",
        seed: Int? = nil, configuration: String = "{}", hyperparameters: [Hyperparameter] = [],
        parent: Parent? = nil, trainIndices: [Int]? = nil, testIndices: [Int]? = nil,
        versions: [String: String] = [:], origin: Origin? = nil
    ) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
        self.task = task
        self.network = network
        self.seed = seed
        self.configuration = configuration
        self.hyperparameters = hyperparameters
        self.parent = parent
        self.trainIndices = trainIndices
        self.testIndices = testIndices
        self.versions = versions
        self.origin = origin
    }

    /// A fresh random run id of 16 hexadecimal digits.
    package static func randomID(using generator: inout some RandomNumberGenerator) -> String {
        let digits = String(generator.next() as UInt64, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Where a run stands.
package enum RunStatus: String, Codable, CaseIterable, Sendable {
    /// A process is writing it.
    case running
    /// It reached its last step.
    case finished
    /// It was stopped on purpose or its process died; `resume` continues it.
    case interrupted
    /// It ended with an error.
    case failed
    /// It was trained elsewhere.
    case imported
}
