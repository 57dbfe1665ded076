internal import Checkpoints
internal import Foundation
internal import HDF5Files

/// The file that is written once when a run begins.
///
/// The attribute `description` holds everything as JSON; the rows used for training and testing
/// are the datasets `train_indices` and `test_indices`.
enum RunDescriptionFile {
    /// What is stored as JSON; a copy of `RunDescription` whose keys are part of the format.
    private struct Stored: Codable {
        var id: String
        var name: String
        var createdAt: Double
        var task: String
        var network: String
        var seed: Int?
        var configuration: String
        var hyperparameters: [Setting]
        var parentRun: String?
        var parentStep: Int?
        var versions: [String: String]
        var originPath: String?
        var originDigest: String?
        var originLayout: String?
    }

    /// A setting whose value is text, so that NaN and infinities survive JSON.
    private struct Setting: Codable {
        var name: String
        var type: String
        var value: String
    }

    static func image(of run: RunDescription) throws -> [UInt8] {
        let image = try HDF5File.image("run \(run.id)", expectedByteCount: 1 << 16) { root in
            try CheckpointFile.describe(
                root, kind: "run", run: run.id,
                about: "A training run recorded by Cairn, written once when it began. The "
                    + "attribute description is a JSON object with everything needed to repeat it.")
            try root.setAttribute("name", run.name)
            try root.setAttribute("task", run.task)
            try root.setAttribute("network", run.network)
            try root.setAttribute("configuration", run.configuration)
            let json = try encode(run)
            try root.setAttribute("description", String(decoding: json, as: UTF8.self))
            try root.setAttribute("sha256", Digest(of: json).description)
            try write(
                run.trainIndices, "train_indices",
                "Rows of the task's table used for training, in the order of use.", to: root)
            try write(
                run.testIndices, "test_indices", "Rows of the task's table used for testing.",
                to: root)
        }
        return CheckpointFile.sealed(image)
    }

    static func read(_ path: String, file: String) throws -> RunDescription {
        let opened = try FileSeal.open(path, file: file)
        let root = try opened.root()
        guard try root.textAttribute("kind") == "run" else {
            throw DamagedFile(file: file, part: "", cause: "it is not a run file")
        }
        try ArchiveFormat.check(root, file)
        let json = Array((try root.textAttribute("description") ?? "").utf8)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard try root.textAttribute("sha256") == Digest(of: json).description,
            let stored = try? decoder.decode(Stored.self, from: Data(json))
        else {
            throw DamagedFile(
                file: file, part: "description", cause: "it does not have the recorded SHA-256")
        }
        var run = try decode(stored, file)
        run.trainIndices = try indices("train_indices", from: root, file)
        run.testIndices = try indices("test_indices", from: root, file)
        return run
    }

    private static func encode(_ run: RunDescription) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return Array(
            try encoder.encode(
                Stored(
                    id: run.id, name: run.name, createdAt: run.createdAt, task: run.task,
                    network: run.network, seed: run.seed, configuration: run.configuration,
                    hyperparameters: run.hyperparameters.map {
                        let (type, value) = text(of: $0.value)
                        return Setting(name: $0.name, type: type, value: value)
                    },
                    parentRun: run.parent?.run, parentStep: run.parent?.step,
                    versions: run.versions, originPath: run.origin?.path,
                    originDigest: run.origin?.digest, originLayout: run.origin?.layout)))
    }

    private static func decode(_ stored: Stored, _ file: String) throws -> RunDescription {
        var run = RunDescription(
            id: stored.id, name: stored.name, createdAt: stored.createdAt, task: stored.task,
            network: stored.network, seed: stored.seed, configuration: stored.configuration,
            versions: stored.versions)
        run.hyperparameters = try stored.hyperparameters.map { setting in
            guard let value = value(of: setting) else {
                throw DamagedFile(
                    file: file, part: "hyperparameter \(setting.name)",
                    cause: "\(setting.value) is not of type \(setting.type)")
            }
            return Hyperparameter(setting.name, value)
        }
        if let parent = stored.parentRun, let step = stored.parentStep {
            run.parent = RunDescription.Parent(run: parent, step: step)
        }
        if let path = stored.originPath, let digest = stored.originDigest,
            let layout = stored.originLayout
        {
            run.origin = RunDescription.Origin(path: path, digest: digest, layout: layout)
        }
        return run
    }

    private static func text(of value: HyperparameterValue) -> (type: String, value: String) {
        switch value {
        case .integer(let number): ("integer", String(number))
        case .real(let number): ("real", String(number))
        case .text(let text): ("text", text)
        case .boolean(let flag): ("boolean", String(flag))
        case .none: ("none", "")
        }
    }

    private static func value(of setting: Setting) -> HyperparameterValue? {
        switch setting.type {
        case "integer": Int(setting.value).map { .integer($0) }
        case "real": Double(setting.value).map { .real($0) }
        case "text": .text(setting.value)
        case "boolean": Bool(setting.value).map { .boolean($0) }
        case "none": HyperparameterValue.none
        default: nil
        }
    }

    private static func write(
        _ indices: [Int]?, _ name: String, _ about: String, to root: borrowing HDF5Group
    ) throws {
        guard let indices else { return }
        let bytes = StoredTables.bytes(indices)
        let dataset = try root.createDataset(name, type: .int64, shape: [indices.count])
        try dataset.write(bytes)
        try dataset.setAttribute("about", about)
        try dataset.setAttribute("sha256", Digest(of: bytes).description)
        try dataset.close()
    }

    private static func indices(
        _ name: String, from root: borrowing HDF5Group, _ file: String
    )
        throws -> [Int]?
    {
        guard try root.contains(name) else { return nil }
        let dataset = try root.dataset(name, type: .int64)
        let bytes = try dataset.read()
        guard try dataset.textAttribute("sha256") == Digest(of: bytes).description else {
            throw DamagedFile(
                file: file, part: name, cause: "its bytes do not have the recorded SHA-256")
        }
        return StoredTables.integers(bytes)
    }
}
