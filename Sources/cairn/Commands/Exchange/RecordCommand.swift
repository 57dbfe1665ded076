internal import ArchiveQueries
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
              {"network": {"kind": "mlp", …}, "task": "add mod 97", "train_indices": [0, 5, …]}
              {"step": 100, "train_loss": 0.5}                     any number of values
              {"step": 100, "checkpoint": "model.safetensors"}     .safetensors, .pt, .npz, .h5
              {"status": "failed"}                                 or finished, interrupted

            With a task, a network and the rows trained on, before the first step, the run can be \
            analysed like one that Cairn trained. "tensors" maps names that are not recognised, as \
            in the file of cairn import --network; "test_indices" are all other rows unless given.

            A line is safe once it was read: should the recorder die, the next cairn record stores \
            what is left. The trainer never waits for the archive, and nothing that fails here ends \
            it. A run whose lines end is finished, one whose last line is cut or that was stopped \
            by Ctrl-C is interrupted, unless a status says otherwise. What could not be stored is \
            counted, said at the end and shown by cairn show.
            """)

    @Option(help: "The run's name.")
    var name: String?

    @Flag(help: "Store what recorders that died left behind, and record nothing.")
    var recover = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (name == nil) == recover else {
            throw ValidationError(
                recover ? "--recover takes no --name." : "Missing expected argument '--name <name>'"
            )
        }
    }

    func run() throws {
        StopSignals.listen()
        guard let name else { return try recoverAll(Archive.openOrCreate(at: common.archivePath)) }
        let archive: Archive
        let spool: RecordSpool
        let run: RunDescription
        do {
            archive = try Archive.openOrCreate(at: common.archivePath)
            try recoverAll(archive)
            var generator = SystemRandomNumberGenerator()
            run = RunDescription(
                id: RunDescription.randomID(using: &generator), name: name,
                createdAt: Date().timeIntervalSince1970, versions: ["cairn": programVersion])
            spool = try RecordSpool(
                path: "\(Self.spools(of: archive))/\(run.id)", run: run)
        } catch let error as any UserErrorConvertible where error.kind != .usage {
            // A trainer whose lines nobody reads would be killed by its next one.
            note("nothing is recorded, what the trainer prints passes: \(error)")
            try passEverything()
            throw error
        }
        let progress = RecordProgress(name, isQuiet: common.quiet)
        let session = session(of: run, begun: nil, spool: spool, archive)
        let recorder = Recorder(session: session, spool: spool) {
            progress.note("cairn: \($0)")
        } watch: {
            progress.update($0)
        }
        let exists = try recorder.record(
            from: FileHandle.standardInput.fileDescriptor,
            isInterrupted: { StopSignals.isRequested },
            passOn: { bytes in try progress.passOn(bytes) })
        progress.end()
        if exists { finish(session.account, of: run, archive) }
        common.note(
            exists
                ? "Recorded \(name) as \(run.id)." : "Nothing was recorded: no line had a step.")
        try StopSignals.check()
    }

    private static func spools(of archive: Archive) -> String { archive.paths.root + "/spool" }

    private func session(
        of run: RunDescription, begun: RunDescription?, spool: RecordSpool, _ archive: Archive
    ) -> RecordSession {
        RecordSession(
            run, begun: begun, sink: archive.writer(), hdf5: ForeignHDF5.opening,
            keepBeginning: { try spool.keepBeginning($0) })
    }

    /// Says what was not stored and keeps the account with the run.
    private func finish(_ account: RecordAccount, of run: RunDescription, _ archive: Archive) {
        for sentence in account.sentences { note("\(run.name): \(sentence)") }
        for sentence in account.notes { common.note("\(run.name): \(sentence)") }
        do {
            try archive.keep(account.json, as: .account, of: run.id)
            for sentence in try archive.checkNetwork(of: run.id)?.sentences ?? [] {
                common.note("\(run.name): \(sentence)")
            }
        } catch {
            note("the account of \(run.name) could not be kept: \(error)")
        }
    }

    /// Stores what recorders that died left behind; one that cannot be stored waits on.
    private func recoverAll(_ archive: Archive) throws {
        for spool in RecordSpool.abandoned(in: Self.spools(of: archive)) {
            do {
                let run = try spool.run()
                let session = session(of: run, begun: try spool.begun(), spool: spool, archive)
                let recorder = Recorder(session: session, spool: spool) { note($0) }
                guard try recorder.recover() else { continue }
                finish(session.account, of: run, archive)
                common.note("Stored what was left of \(run.name) (\(run.id)).")
            } catch {
                note("what waits in \(spool.path) cannot be stored: \(error)")
            }
        }
    }

    private func passEverything() throws {
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = piece.withUnsafeMutableBytes { read(0, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            // Whoever watches the trainer may leave; the trainer goes on.
            do {
                try Output.standard.write(bytes: piece[..<count])
                try Output.standard.flush()
            } catch { continue }
        }
    }
}

/// Notes about lines that could not be used, whatever `--quiet` says.
private func note(_ line: String) { Output.error.note("cairn: \(line)") }
