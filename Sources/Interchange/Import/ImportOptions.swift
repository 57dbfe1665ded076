package import Networks

/// What the person who imports knows and the files do not say.
package struct ImportOptions: Sendable {
    /// Where steps come from.
    package enum StepSource: String, Sendable, CaseIterable {
        /// The number in the name of each file.
        case name
        /// What each file itself says.
        case content
        /// The count of the optimiser.
        case optimizer
        /// The list of steps beside many states or curves.
        case list
    }

    /// An option that applies to some things that are imported and not to others.
    package enum Choice: String, Sendable, CaseIterable {
        case task = "--task"
        case network = "--network"
        case splitIndices = "--split-indices"
        case step = "--step"
        case stepsFrom = "--steps-from"
        case stepsPerEpoch = "--steps-per-epoch"

        /// Why it applies to nothing.
        var cause: String {
            switch self {
            case .task: "nothing that is imported has a network that such a task fits"
            case .network: "nothing that is imported has weights that it could map"
            case .splitIndices: "nothing that is imported has weights that were trained on rows"
            case .step: "nothing that is imported is a checkpoint alone"
            case .stepsFrom: "no checkpoint that is imported has steps from there"
            case .stepsPerEpoch: "nothing that is imported counts epochs"
            }
        }
    }

    /// What was given of these.
    package var choices: Set<Choice> {
        let given: [(Choice, Bool)] = [
            (.task, task != nil), (.network, network != nil), (.splitIndices, trainIndices != nil),
            (.step, step != nil), (.stepsFrom, stepsFrom != nil),
            (.stepsPerEpoch, stepsPerEpoch != nil),
        ]
        return Set(given.filter(\.1).map(\.0))
    }

    /// What of these changes the content of a run beside its description, as part of its id: the same
    /// files with another answer are another run.
    var identity: String {
        let answers = [
            step.map { "step \($0)" }, stepsFrom.map { "steps from \($0.rawValue)" },
            stepsPerEpoch.map { "epochs of \($0)" }, network.map { "\($0.recipes)" },
        ]
        return answers.compactMap { $0 }.map { "\n" + $0 }.joined()
    }

    /// The name of the run; nil takes the name of the file or folder.
    package var name: String?
    package var task: TaskConfiguration?
    /// The rows that were trained on, in the order of use.
    package var trainIndices: [Int]?
    /// How the tensors map to a network.
    package var network: NetworkMapping?
    /// The step of the one checkpoint that is imported.
    package var step: Int?
    /// nil weighs all evidence.
    package var stepsFrom: StepSource?
    /// The updates of one epoch, which makes steps of epochs.
    package var stepsPerEpoch: Int?
    package var hdf5: HDF5Opening
    package var database: DatabaseOpening

    package init(
        name: String? = nil, task: TaskConfiguration? = nil, trainIndices: [Int]? = nil,
        network: NetworkMapping? = nil, step: Int? = nil, stepsFrom: StepSource? = nil,
        stepsPerEpoch: Int? = nil, hdf5: HDF5Opening = .refused,
        database: DatabaseOpening = .refused
    ) {
        self.name = name
        self.task = task
        self.trainIndices = trainIndices
        self.network = network
        self.step = step
        self.stepsFrom = stepsFrom
        self.stepsPerEpoch = stepsPerEpoch
        self.hdf5 = hdf5
        self.database = database
    }
}
