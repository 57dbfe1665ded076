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

    package init(
        name: String? = nil, task: TaskConfiguration? = nil, trainIndices: [Int]? = nil,
        network: NetworkMapping? = nil, step: Int? = nil, stepsFrom: StepSource? = nil,
        stepsPerEpoch: Int? = nil, hdf5: HDF5Opening = .refused
    ) {
        self.name = name
        self.task = task
        self.trainIndices = trainIndices
        self.network = network
        self.step = step
        self.stepsFrom = stepsFrom
        self.stepsPerEpoch = stepsPerEpoch
        self.hdf5 = hdf5
    }
}
