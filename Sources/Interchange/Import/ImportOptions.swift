package import Networks

/// What the person who imports knows and the files do not say.
package struct ImportOptions: Sendable {
    /// The name of the run; nil takes the name of the file or folder.
    package var name: String?
    package var task: TaskConfiguration?
    /// The rows that were trained on, in the order of use.
    package var trainIndices: [Int]?
    /// How the tensors map to a network.
    package var network: NetworkMapping?
    package var hdf5: HDF5Opening

    package init(
        name: String? = nil, task: TaskConfiguration? = nil, trainIndices: [Int]? = nil,
        network: NetworkMapping? = nil, hdf5: HDF5Opening = .refused
    ) {
        self.name = name
        self.task = task
        self.trainIndices = trainIndices
        self.network = network
        self.hdf5 = hdf5
    }
}
