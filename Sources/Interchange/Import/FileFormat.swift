internal import Checkpoints
internal import Foundation

/// The formats of foreign files, told apart by what they begin with and by their names.
enum FileFormat {
    /// Whether a file is of a kind that holds tensors, by its name.
    static func holdsTensors(_ name: String) -> Bool {
        let lower = name.lowercased()
        return [
            "pt", "pth", "ckpt", "bin", "safetensors", "npz", "npy", "h5", "hdf5", "keras", "pkl",
            "pickle", "msgpack",
        ].contains((lower as NSString).pathExtension) || lower.hasSuffix(".pth.tar")
            || lower.hasSuffix(".pt.tar") || MessagePackFile.hasName(name)
    }

    /// The name without what says the format.
    static func stem(_ name: String) -> String {
        let lower = name.lowercased()
        if lower.hasSuffix(".pth.tar") { return String(name.dropLast(8)) }
        if lower.hasSuffix(".pt.tar") { return String(name.dropLast(7)) }
        if lower.hasSuffix(".weights.h5") { return String(name.dropLast(11)) }
        let isKnown =
            holdsTensors(name) || CurveFile.holdsCurves(name) || isSettings(name)
            || lower.hasSuffix(".json")
        return isKnown ? (name as NSString).deletingPathExtension : name
    }

    /// Whether a file may hold settings or curves as JSON or YAML.
    static func isSettings(_ name: String) -> Bool {
        ["json", "yaml", "yml"].contains((name.lowercased() as NSString).pathExtension)
    }

    /// What a file holds, with notes on what its reader left out.
    static func value(ofFile path: String, hdf5: HDF5Opening) throws -> HDF5Opening.Content {
        let file = try SourceFile(path: path)
        let start = try file.read(at: 0, count: min(file.byteCount, 9))
        if start.starts(with: [0x89] + Array("HDF\r\n".utf8)) { return try hdf5.read(path) }
        // Other HDF5 files may begin with a block of another program's bytes.
        let suffix = (path.lowercased() as NSString).pathExtension
        if suffix == "h5" || suffix == "hdf5" { return try hdf5.read(path) }
        return (try value(of: file, start: start, hdf5: hdf5), [])
    }

    private static func value(
        of file: SourceFile, start: [UInt8], hdf5: HDF5Opening
    ) throws -> Value {
        let path = file.path
        if NumPyArray.isArray(start) { return try NumPyArray.value(file) }
        if ZipArchive.isZip(file) {
            let archive = try ZipArchive(file)
            let names = archive.entries.map(\.name)
            if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
                return try NumPyArchive.readWithStep(file)
            }
            if let weights = archive[KerasArchive.weightsName] {
                return try KerasArchive.content(weights, of: archive, hdf5: hdf5)
            }
            return try TorchFile.read(file)
        }
        if path.lowercased().hasSuffix(".json") {
            return try Value(
                jsonFile: path, bytes: try file.read(at: 0, count: file.byteCount))
        }
        if path.hasSuffix(".safetensors") || start.count == 9 && start[8] == UInt8(ascii: "{") {
            return try Safetensors.read(file).valueWithStep
        }
        let name = (path as NSString).lastPathComponent
        if MessagePackFile.isMessagePack(name, start: start) {
            return try MessagePackFile.read(file)
        }
        let isTorch = try TorchFile.isLegacy(file)
        if !isTorch, PickleFile.isPickle(start) { return try PickleFile.read(file) }
        return try TorchFile.read(file)
    }
}
