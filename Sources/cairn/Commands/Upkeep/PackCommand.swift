internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn pack`: many loose checkpoints become one file.
struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Pack loose checkpoints, so that a tensor's whole trajectory is one read.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(
        help: "Runs by the start of their id or their name; all without.",
        completion: NameCompletion.runs)
    var runs: [String] = []

    func run() throws {
        let archive = try ArchiveAccess(common).open()
        let chosen = try runs.isEmpty ? archive.runs() : runs.map { try archive.run(matching: $0) }
        let bar = ProgressBar("pack", unit: "runs", total: chosen.count, isQuiet: common.quiet)
        defer { bar.end() }
        let writer = rows.writer()
        try writer.begin(columns: [
            "run", "name", "packed_checkpoints", "packs", "bytes_before", "bytes_after",
        ])
        for (index, run) in chosen.enumerated() {
            let report = try archive.pack(run)
            bar.update(index + 1)
            try writer.row([
                .text(run.id), .text(run.name), ScalarValue(report.checkpointCount),
                ScalarValue(report.packCount), ScalarValue(report.bytesBefore),
                ScalarValue(report.bytesAfter),
            ])
        }
        try writer.end()
    }
}
