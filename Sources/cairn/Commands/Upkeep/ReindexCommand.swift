internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn reindex`: rebuilds the index from the files.
struct ReindexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reindex", abstract: "Rebuild the index from the checkpoint files.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let (_, report) = try Archive.reindex(
            at: common.archivePath, child: VerifyCommand.child)
        if let setAside = report.setAside {
            common.note("The old index was set aside: \(setAside)")
        }
        for file in report.resealed {
            common.note(
                "\(file): another program has opened it for writing; every digest matches, and it is "
                    + "sealed anew.")
        }
        for (folder, explanation) in report.notUsed {
            Output.error.note("cairn: \(folder): \(explanation)")
        }
        for (file, cause) in report.unreadable { Output.error.note("cairn: \(file): \(cause)") }
        common.note(
            "\(report.runCount) runs and \(NumberText.grouped(report.checkpointCount)) checkpoints."
        )
        guard report.unreadable.isEmpty else {
            throw UserError.integrity(
                subject: common.archivePath,
                cause: "\(report.unreadable.count) files could not be read",
                advice: "cairn repair sets them aside")
        }
    }
}
