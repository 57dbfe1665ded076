internal import Checkpoints
internal import HDF5Files
internal import SystemFiles

/// How a run ended: status, time, and the metrics since its last checkpoint.
///
/// A run that is resumed and ends again has one such file for each end.
struct EndFile: Sendable, Equatable {
    var status: RunStatus
    /// Seconds since 1970.
    var finishedAt: Double
    /// The run's last checkpoint at that time; -1 without checkpoints.
    var lastStep: Int
    var metrics: [MetricPoint]

    private var fingerprint: String {
        Digest(of: Array("\(status.rawValue) \(finishedAt.bitPattern) \(lastStep)".utf8))
            .description
    }

    func image(run: String) throws -> [UInt8] {
        let image = try HDF5File.image("end of \(run)", expectedByteCount: 1 << 16) { root in
            try CheckpointFile.describe(
                root, kind: "end", run: run,
                about: "How a training run recorded by Cairn ended; finished_at is in seconds "
                    + "since 1970.")
            try root.setAttribute("status", status.rawValue)
            try root.setAttribute("finished_at", finishedAt)
            try root.setAttribute("last_step", lastStep)
            try root.setAttribute("sha256", fingerprint)
            try StoredTables.write(metrics, to: root, compression: .contiguous)
        }
        return CheckpointFile.sealed(image)
    }

    static func read(_ path: RootedPath, run: String) throws -> EndFile {
        let opened = try FileSeal.open(path)
        return try read(from: try opened.root(), file: path.path, run: run)
    }

    static func read(
        from root: borrowing HDF5Group, file: String, run: String
    ) throws -> EndFile {
        try ArchiveFormat.check(root, file)
        guard try root.textAttribute("kind") == "end", try root.textAttribute("run") == run,
            let status = try root.textAttribute("status").flatMap(RunStatus.init),
            let finishedAt = try root.numberAttribute("finished_at"),
            let lastStep = try root.integerAttribute("last_step")
        else { throw ArchiveError(.damaged, file: file, cause: "it does not tell how a run ended") }
        let end = EndFile(
            status: status, finishedAt: finishedAt, lastStep: lastStep,
            metrics: try StoredTables.readMetrics(from: root, file))
        guard try root.textAttribute("sha256") == end.fingerprint else {
            throw ArchiveError(
                .damaged, file: file, cause: "its attributes do not have the recorded SHA-256")
        }
        return end
    }
}
