internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange

/// Records what a trainer in any language prints.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record a run from the lines that a trainer prints.",
        discussion: """
            python train.py | cairn record --name NAME

            Lines that are JSON objects of one of these forms are recorded, all others pass to the \
            terminal:
              {"hyperparameters": {"lr": 0.001, "seed": 0}}        before the first step
              {"step": 100, "train_loss": 0.5}                     any number of values
              {"step": 100, "checkpoint": "model.safetensors"}     .safetensors, .pt, .npz, .h5
              {"status": "failed"}                                 or finished, interrupted

            A line is safe once it was read: should the recorder die, the next cairn record stores \
            what is left. The trainer never waits for the archive. A run whose lines end is \
            finished, one whose last line is cut is interrupted, unless a status says otherwise.
            """)

    @Option(help: "The run's name.")
    var name: String

    @OptionGroup var common: CommonOptions

    func run() throws {
        let archive = try Archive.openOrCreate(at: common.archivePath)
        let spools = archive.paths.root + "/spool"
        try recover(spools, archive)
        var generator = SystemRandomNumberGenerator()
        let description = RunDescription(
            id: RunDescription.randomID(using: &generator), name: name,
            createdAt: Date().timeIntervalSince1970, versions: ["cairn": programVersion])
        let spool = try RecordSpool(path: "\(spools)/\(description.id)", run: description)
        let session = RecordSession(
            description, sink: archive.writer(), hdf5: ForeignHDF5.opening)
        let recorder = Recorder(session: session, spool: spool) { note($0) }
        let exists = try recorder.record(from: FileHandle.standardInput.fileDescriptor) { bytes in
            try Output.standard.write(String(decoding: bytes, as: UTF8.self))
            try Output.standard.flush()
        }
        common.note(
            exists
                ? "Recorded \(name) as \(description.id)."
                : "Nothing was recorded: no line had a step.")
    }

    /// Stores what recorders that died left behind.
    private func recover(_ spools: String, _ archive: Archive) throws {
        for (spool, run) in try RecordSpool.abandoned(in: spools) {
            let session = RecordSession(run, sink: archive.writer(), hdf5: ForeignHDF5.opening)
            let recorder = Recorder(session: session, spool: spool) { note($0) }
            if try recorder.recover() {
                common.note("Stored what was left of \(run.name) (\(run.id)).")
            }
        }
    }
}

/// Notes of other threads: about lines that could not be used, whatever `--quiet` says.
private func note(_ line: String) { Output.error.note("cairn: \(line)") }
