internal import Checkpoints
internal import Foundation

/// One file with tensors, taken apart: states, curves, settings, optimiser.
struct ForeignFile: Sendable {
    let path: String
    /// Everything that the file holds.
    let content: Value
    /// What of it was left out.
    let notes: [String]
    /// The weights of the file's own step; nil when it has none.
    let weights: TensorSource?
    /// The weights of further steps, where one file holds many.
    let series: [(step: Int, weights: TensorSource)]
    let settings: Value?
    let optimizer: TorchOptimizer?
    /// The optimiser's tensors of a file that says no more about it: Keras, or Cairn's own exports.
    let optimizerTensors: TensorSource?
    /// The curves that it holds, under Cairn's names, in the order of their measurement.
    let curves: [(name: String, values: [Double])]

    /// Whether a file is of a kind that holds tensors, by its name.
    static func holdsTensors(_ name: String) -> Bool {
        ["pt", "pth", "ckpt", "bin", "safetensors", "npz", "npy", "h5", "hdf5", "keras"]
            .contains((name as NSString).pathExtension.lowercased())
    }

    /// Reads a file of any format that holds tensors, by what it begins with.
    static func read(_ path: String, hdf5: HDF5Opening) throws -> ForeignFile {
        let (value, notes) = try content(path, hdf5: hdf5)
        return try ForeignFile(path: path, content: value, notes: notes)
    }

    private static func content(
        _ path: String, hdf5: HDF5Opening
    ) throws -> HDF5Opening.Content {
        let file = try SourceFile(path: path)
        let start = try file.read(at: 0, count: min(file.byteCount, 9))
        if start.starts(with: [0x89] + Array("HDF\r\n".utf8)) { return try hdf5.read(path) }
        // Other HDF5 files may begin with a block of another program's bytes.
        let suffix = (path as NSString).pathExtension.lowercased()
        if suffix == "h5" || suffix == "hdf5" { return try hdf5.read(path) }
        return (try content(file, start: start, hdf5: hdf5), [])
    }

    private static func content(
        _ file: SourceFile, start: [UInt8], hdf5: HDF5Opening
    ) throws -> Value {
        let path = file.path
        if NumPyArray.isArray(start) { return .tensor(try NumPyArray.read(path)) }
        if ZipArchive.isZip(file) {
            let archive = try ZipArchive(file)
            let names = archive.entries.map(\.name)
            if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
                return try NumPyArchive.read(path).withStep(of: archive.comment)
            }
            if let weights = archive[KerasArchive.weightsName] {
                return try KerasArchive.content(weights, of: archive, hdf5: hdf5)
            }
            return try TorchFile.read(path)
        }
        if path.hasSuffix(".safetensors") || start.count == 9 && start[8] == UInt8(ascii: "{") {
            return try Safetensors.read(path).valueWithStep
        }
        return try TorchFile.read(path)
    }

    /// The keys under which people put the weights.
    private static let weightKeys = [
        "model", "state_dict", "model_state_dict", "model_state", "module", "params", "weights",
    ]
    private static let optimizerKeys = ["optimizer", "optimizer_state_dict", "optim", "opt_state"]
    private static let settingKeys = ["config", "hyper_parameters", "hparams", "args", "cfg"]

    init(path: String, content: Value, notes: [String] = []) throws {
        self.path = path
        self.notes = notes
        self.content = content
        let holder = Self.weightKeys.lazy.compactMap { content[$0] }.first { $0.entries != nil }
        if let holder {
            weights = try TensorSource(path: path, value: holder)
        } else if case .tensor(let tensor) = content {
            let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
            weights = TensorSource(path: path, tensors: [(name, tensor)])
        } else if content["checkpoints"]?.elements == nil,
            content.entries?.contains(where: { $0.value.isTensorTree }) ?? false
        {
            let plain = (content.entries ?? []).filter { $0.value.isTensorTree }
            let own = plain.filter { !Self.isOptimizer($0.key.label) }
            weights = own.isEmpty ? nil : try TensorSource(path: path, value: .dictionary(own))
        } else {
            weights = nil
        }
        optimizerTensors = try Self.optimizerTensors(content, path: path)
        settings = Self.settingKeys.lazy.compactMap { content[$0] }.first { $0.entries != nil }
        optimizer =
            Self.optimizerKeys.lazy.compactMap { TorchOptimizer(content[$0], path: path) }.first
            ?? TorchOptimizer(content["optimizer_states"]?[0], path: path)
        curves = (content.entries ?? []).compactMap { entry in
            guard let name = entry.key.textual.flatMap(CurveName.standard),
                let values = entry.value.numbers, values.count > 1
            else { return nil }
            return (name, values)
        }
        series = try Self.series(content, path: path)
    }

    /// Where Cairn's exports put the optimiser's tensors.
    private static let optimizerPrefix = "optimizer/"

    private static func isOptimizer(_ name: String) -> Bool {
        name.hasPrefix(optimizerPrefix) || optimizerKeys.contains(name)
    }

    private static func optimizerTensors(
        _ content: Value, path: String
    ) throws -> TensorSource? {
        var tensors: [(name: String, tensor: StoredTensor)] = []
        for entry in content.entries ?? []
        where isOptimizer(entry.key.label) && entry.value.isTensorTree {
            for (name, tensor) in try Value.dictionary([entry]).flattened(source: path) {
                let place =
                    name.hasPrefix(optimizerPrefix) ? optimizerPrefix : entry.key.label + "."
                tensors.append((String(name.dropFirst(place.count)), tensor))
            }
        }
        return tensors.isEmpty ? nil : TensorSource(path: path, tensors: tensors)
    }

    /// The optimiser's memory, in Cairn's names where the network is known.
    func optimizerState(model: ForeignModel?) throws -> StreamedOptimizerState? {
        let parameters = model?.parameters ?? weights?.names ?? []
        if let optimizer {
            return try optimizer.converted(parameters: parameters, map: model?.map)
        }
        return try optimizerTensors.map { StreamedOptimizerState(tensors: try $0.all()) }
    }

    /// `checkpoints` and `checkpoint_epochs`, as the TransformerLens demonstration saves them.
    private static func series(
        _ content: Value, path: String
    ) throws -> [(step: Int, weights: TensorSource)] {
        guard let states = content["checkpoints"]?.elements,
            let steps = content["checkpoint_epochs"]?.elements?.compactMap(\.whole)
        else { return [] }
        guard steps.count == states.count else {
            throw UserError.unreadable(
                path, "it has \(states.count) checkpoints, but \(steps.count) checkpoint_epochs")
        }
        return try zip(steps, states).map { ($0, try TensorSource(path: path, value: $1)) }
    }

    /// The updates done, as the file itself counts them; nil when it does not say.
    ///
    /// Optimisers count updates. `epoch` of the progress-measures code is the number of the last
    /// pass, counted from 0, of a full-batch run; only at its end is it the number of passes.
    var step: Int? {
        if let step = optimizer?.step { return step }
        for key in ["global_step", "step", "iteration", "iter_num", "steps"] {
            if let step = content[key]?.whole { return step }
        }
        guard let epoch = content["epoch"]?.whole else { return nil }
        let passes = curves.first { $0.name == MetricName.trainLoss }?.values.count
        return passes == epoch ? epoch : epoch.saturatingSum(1)
    }
}

extension Value {
    /// A tensor, or a dictionary or list that holds nothing but tensors.
    fileprivate var isTensorTree: Bool {
        switch self {
        case .tensor: true
        case .dictionary(let entries):
            !entries.isEmpty && entries.allSatisfy { $0.value.isTensorTree }
        case .list(let elements): !elements.isEmpty && elements.allSatisfy(\.isTensorTree)
        default: false
        }
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
