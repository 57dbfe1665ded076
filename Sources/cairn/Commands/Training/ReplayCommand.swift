internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Training

/// `cairn replay`: the weights of any step, stored or recomputed.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract:
            "Recompute the weights of any step and prove that they are the ones training had.",
        discussion: """
            The proof compares the digest of the weights with the one that training recorded after \
            every step. Where they differ (another processor or library), the deviation at the next \
            stored checkpoint is told and the exit code is 1.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions
    @OptionGroup var machine: MachineOptions

    @Argument(
        help: ArgumentHelp("The step: RUN@STEP, RUN@first or RUN@last.", valueName: "run@step"),
        completion: NameCompletion.checkpoints)
    var subject: String

    func run() throws {
        let reference = try CheckpointReference(subject)
        let archive = try ArchiveAccess(common).openReadOnly()
        let stored = try archive.run(matching: reference.run)
        let step = try reference.anyStep(among: stored.steps)
        StopSignals.listen()
        if let difference = ProgramVersions.difference(from: try stored.run.versions) {
            common.note("The bits may differ from those where the run began: \(difference).")
        }
        let replay = try Replay(
            try stored.run, threadCount: machine.threadCount, data: stored.data)
        let result = try watching(step) { report in
            try replay.weights(at: step, of: stored, progress: report)
        }
        let isStored = result.origin == result.step
        let (proof, isProved) = ReplayCommand.words(result.proof, isStored: isStored)
        try rows.writer().write(
            columns: ["run", "step", "computed_from", "digest", "proof"],
            rows: [
                [
                    .text(stored.id), ScalarValue(result.step), ScalarValue(result.origin),
                    .text("\(result.digest)"), .text(proof),
                ]
            ])
        try Output.standard.flush()
        guard !isProved else { return }
        if let deviation = try replay.deviation(after: step, of: stored) {
            common.note(
                "This machine computes other bits: at the stored step \(deviation.step) the largest "
                    + "difference of a weight is \(NumberText.rounded(deviation.largest)), "
                    + "\(NumberText.rounded(deviation.relative)) of the norm.")
        }
        throw ArgumentParser.ExitCode(Shell.ExitStatus.failed)
    }

    private func watching(
        _ target: Int, _ body: ((Int) -> Bool) throws -> Replay.Result
    ) throws -> Replay.Result {
        let display = ReplayDisplay(isQuiet: common.quiet)
        defer { display.end() }
        do {
            return try body { step in
                display.show(step, target: target)
                return !StopSignals.isRequested
            }
        } catch {
            try StopSignals.check()
            throw error
        }
    }

    /// The proof in words, and whether it contradicts nothing.
    ///
    /// Nothing is recomputed of a stored step: its digest alone is compared.
    private static func words(_ proof: Replay.Proof, isStored: Bool) -> (String, Bool) {
        switch proof {
        case .identical where isStored:
            ("stored with the digest that training recorded; nothing was recomputed", true)
        case .notRecorded where isStored:
            ("stored; no digest recorded, nothing was recomputed", true)
        case .identical: ("identical", true)
        case .notRecorded: ("no digest recorded", true)
        case .different(let step): ("differs from step \(step) on", false)
        }
    }
}
