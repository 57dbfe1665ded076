internal import Checkpoints
internal import Foundation

/// One foreign file, read and sorted: networks, optimisers, curves, numbers, settings.
struct ForeignFile: Sendable {
    let path: String
    /// What reading found; planning gives each a fate.
    let items: [FoundItem]
    /// The runs that a table tells apart, where the file is one.
    let tableParts: [RowTable.Part]
    /// The weights of the file's own step; nil when it has none.
    ///
    /// Those of the chief network have their own names, those of others their path.
    let weights: TensorSource?
    /// The names in `weights` of networks beside the chief one.
    let furtherNames: Set<String>
    /// The weights of further steps, where one file holds many.
    let series: [SeriesState]
    let settings: Value?
    /// The optimisers, with their paths; the first is that of the chief network.
    let optimizers: [(path: String, state: TorchOptimizer)]
    /// The optimiser's tensors of a file that says no more about it: Keras, or Cairn's own exports.
    let optimizerTensors: TensorSource?
    let optimizerAttributes: Value?
    let clues: StepClues
    /// The rows of a split that the file lists, under its own names.
    let rows: Value

    /// The state of the chief network's optimiser.
    var optimizer: TorchOptimizer? { optimizers.first?.state }

    /// A file whose tensors, curves and numbers are these items.
    init(
        path: String, items: [FoundItem], tableParts: [RowTable.Part] = [],
        weights: TensorSource? = nil, furtherNames: Set<String> = [],
        series: [SeriesState] = [], settings: Value? = nil,
        optimizers: [(path: String, state: TorchOptimizer)] = [],
        optimizerTensors: TensorSource? = nil, optimizerAttributes: Value? = nil,
        clues: StepClues = StepClues(), rows: Value = .dictionary([])
    ) {
        self.path = path
        self.items = items
        self.tableParts = tableParts
        self.weights = weights
        self.furtherNames = furtherNames
        self.series = series
        self.settings = settings
        self.optimizers = optimizers
        self.optimizerTensors = optimizerTensors
        self.optimizerAttributes = optimizerAttributes
        self.clues = clues
        self.rows = rows
    }

    /// Reads a file of any format that holds tensors, by what it begins with.
    static func read(_ path: String, hdf5: HDF5Opening) throws -> ForeignFile {
        let (value, notes) = try FileFormat.value(ofFile: path, hdf5: hdf5)
        return try ForeignFile(path: path, content: value, notes: notes)
    }

    /// Sorts what a file holds; `notes` say what its reader left out.
    init(path: String, content: Value, notes: [String] = []) throws {
        let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let sorted = try ContentSorter(content, source: path, stem: stem)
        var tensors: [(name: String, tensor: StoredTensor)] = []
        var further: Set<String> = []
        for network in sorted.networks {
            for (name, tensor) in network.tensors {
                let full = network.path.isEmpty ? name : "\(network.path).\(name)"
                tensors.append((full, tensor))
                if !network.path.isEmpty, sorted.networks.contains(where: { $0.path.isEmpty }) {
                    further.insert(full)
                }
            }
        }
        var names: Set<String> = []
        if let twice = tensors.first(where: { !names.insert($0.name).inserted }) {
            throw UserError.unreadable(path, "it holds two tensors named \(twice.name)")
        }
        let source = tensors.isEmpty ? nil : TensorSource(path: path, tensors: tensors)
        var clues = sorted.clues
        var optimizerTensors = sorted.optimizerTensors
        var attributes: Value?
        if let keras = KerasOptimizer.state(optimizerTensors, weights: source) {
            optimizerTensors = keras.tensors
            clues.optimizer = keras.step
            attributes = .object([
                ("step", keras.step.map(Value.integer)),
                ("learning_rate", keras.rate.map(Value.real)),
            ])
        }
        self.init(
            path: path,
            items: sorted.items + notes.map { FoundItem("", .leftOut($0)) },
            weights: source, furtherNames: further, series: sorted.series,
            settings: sorted.settings.isEmpty ? nil : .dictionary(sorted.settings),
            optimizers: sorted.optimizers,
            optimizerTensors: optimizerTensors.isEmpty && attributes == nil
                ? nil : TensorSource(path: path, tensors: optimizerTensors),
            optimizerAttributes: attributes, clues: clues, rows: .dictionary(sorted.rows))
    }

    /// The optimiser's memory, in Cairn's names where the network is known.
    func optimizerState(model: ForeignModel?) throws -> StreamedOptimizerState? {
        try convertedOptimizer(model: model).state
    }

    /// The memory of all optimisers, with a sentence where something about it is not certain.
    func convertedOptimizer(
        model: ForeignModel?
    ) throws -> (state: StreamedOptimizerState?, note: String?) {
        guard let chief = optimizer else {
            let state = try optimizerTensors.map {
                StreamedOptimizerState(
                    tensors: try $0.all(),
                    attributes: (optimizerAttributes ?? .dictionary([])).json(sorted: true))
            }
            return (state, nil)
        }
        var (state, note) = try chief.converted(
            parameters: parameters(model: model), map: model?.map)
        for (path, further) in optimizers.dropFirst() {
            let stem = path.lowercased().split { !$0.isLetter }.last.map(String.init) ?? ""
            let names = parameters(model: nil).filter { $0.name.lowercased().hasPrefix(stem) }
            let added = try further.converted(parameters: names, map: nil)
            note = note ?? added.note
            state = StreamedOptimizerState(
                tensors: state.tensors + added.state.tensors.map { $0.named("\(path)/\($0.name)") },
                attributes: state.attributes)
        }
        return (state, note)
    }

    /// The trainable tensors in the order of the file.
    private func parameters(model: ForeignModel?) -> [(name: String, shape: [Int])] {
        guard let weights else { return [] }
        let names = model?.parameters ?? weights.parameterNames
        return names.filter { !furtherNames.contains($0) }.compactMap { name in
            weights.shape(name).map { (name, $0) }
        }
    }

    /// The file with the tensors of others that belong to the same state: shards, and the optimiser
    /// in a file of its own.
    func joined(with others: [ForeignFile]) throws -> ForeignFile {
        var tensors =
            weights.map { weights in
                weights.names.compactMap { name in weights.tensor(at: name).map { (name, $0) } }
            } ?? []
        var names = Set(tensors.map(\.0))
        for other in others {
            for name in other.weights?.names ?? [] {
                guard names.insert(name).inserted else {
                    throw UserError.unreadable(
                        other.path, "its tensor \(name) is in another file of the same state too")
                }
                if let tensor = other.weights?.tensor(at: name) { tensors.append((name, tensor)) }
            }
        }
        let optimizers = self.optimizers + others.flatMap(\.optimizers)
        var clues = clues
        for other in others {
            clues.updates = clues.updates ?? other.clues.updates
            clues.epoch = clues.epoch ?? other.clues.epoch
            clues.optimizer = clues.optimizer ?? other.clues.optimizer
        }
        let settings = ([self.settings] + others.map(\.settings)).compactMap { $0?.entries }
            .flatMap { $0 }
        return ForeignFile(
            path: path, items: items,
            weights: tensors.isEmpty ? nil : TensorSource(path: path, tensors: tensors),
            furtherNames: furtherNames, series: series,
            settings: settings.isEmpty ? nil : .dictionary(settings), optimizers: optimizers,
            optimizerTensors: optimizerTensors ?? others.lazy.compactMap(\.optimizerTensors).first,
            optimizerAttributes: optimizerAttributes, clues: clues, rows: rows)
    }
}

/// How foreign HDF5 files are opened: the caller decides, because a hostile one can crash the HDF5
/// library and is therefore read by another process.
package struct HDF5Opening: Sendable {
    /// What a file holds; `notes` say what was left out.
    package typealias Content = (value: Value, notes: [String])

    let read: @Sendable (_ path: String) throws -> Content

    package init(_ read: @escaping @Sendable (_ path: String) throws -> Content) {
        self.read = read
    }

    /// Refuses every HDF5 file.
    package static let refused = HDF5Opening { path in
        throw UserError.unreadable(path, "HDF5 files cannot be read here")
    }
}
