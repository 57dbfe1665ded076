internal import Checkpoints
internal import HDF5Files
internal import SystemFiles

/// The file that is written once when a run begins.
///
/// The attribute `description` holds everything as JSON; the rows used for training and testing
/// are the datasets `train_indices` and `test_indices`.
enum RunDescriptionFile {
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
            let json = run.json(settings: .text).json(sorted: true)
            try root.setAttribute("description", json)
            try root.setAttribute("sha256", Digest(of: Array(json.utf8)).description)
            try write(
                run.trainIndices, "train_indices",
                "Rows of the task's table used for training, in the order of use.", to: root)
            try write(
                run.testIndices, "test_indices", "Rows of the task's table used for testing.",
                to: root)
        }
        return CheckpointFile.sealed(image)
    }

    /// What a run's folder says about it.
    static func read(_ paths: ArchivePaths, _ run: String) throws -> RunDescription {
        let path = paths.runFile(run)
        return try ArchiveError.reading(path) {
            let opened = try FileSeal.open(path)
            return try read(from: try opened.root(), file: path.path)
        }
    }

    static func read(from root: borrowing HDF5Group, file: String) throws -> RunDescription {
        guard try root.textAttribute("kind") == "run" else {
            throw ArchiveError(.damaged, file: file, cause: "it is not a run file")
        }
        try ArchiveFormat.check(root, file)
        let json = Array((try root.textAttribute("description") ?? "").utf8)
        guard try root.textAttribute("sha256") == Digest(of: json).description,
            let stored = try? JSONValue(parsing: json)
        else {
            throw ArchiveError(
                .damaged, file: file, part: "description",
                cause: "it does not have the recorded SHA-256")
        }
        var run: RunDescription
        do {
            run = try RunDescription(json: stored)
        } catch {
            throw ArchiveError(.damaged, file: file, part: "description", cause: error.cause)
        }
        run.trainIndices = try indices("train_indices", from: root, file)
        run.testIndices = try indices("test_indices", from: root, file)
        return run
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
            throw ArchiveError(
                .damaged, file: file, part: name,
                cause: "its bytes do not have the recorded SHA-256")
        }
        return StoredTables.integers(bytes)
    }
}
