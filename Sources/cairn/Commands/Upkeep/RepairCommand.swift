internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn repair`: sets aside what is broken.
struct RepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Set aside what is broken and bring the index in line; nothing is deleted.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions
    @OptionGroup var consent: ConsentOptions

    func run() throws {
        try consent.requireSomeoneToAsk()
        let archive = try ArchiveAccess(common).open()
        let report = try VerifyCommand.verify(archive, runs: [], isQuick: false, common: common)
        let child = VerifyCommand.child
        let plan = try archive.repair(report, isDryRun: true, using: child)
        let isAgreed = try plan.isEmpty || consent.agree("Set aside \(plan.count) broken things?")
        let actions = isAgreed && !plan.isEmpty ? try archive.repair(report, using: child) : plan
        try rows.writer().write(
            columns: ["run", "file", "action"],
            rows: actions.map { [.text($0.run), .text($0.file), .text($0.action)] })
        let failures = actions.filter(\.hasFailed)
        if let first = failures.first {
            try Output.standard.flush()
            throw UserError(
                .failure, subject: common.archivePath,
                cause:
                    "\(failures.count) \(failures.count == 1 ? "run was" : "runs were") not mended "
                    + "(\(first.run): \(first.action))",
                advice: "run `cairn repair` again")
        }
    }
}
