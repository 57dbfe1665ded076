internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn merge`: brings other archives in.
struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Bring the runs of other archives into this one; safe to repeat.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "The folders of other archives.", completion: .directory)
    var others: [String]

    func run() throws {
        let sources = try others.map { try Archive.reading($0) }
        let archive = try ArchiveAccess(common).openOrCreate()
        var conflicts = 0
        let writer = rows.writer()
        try writer.begin(columns: ["archive", "run", "what"])
        for (path, source) in zip(others, sources) {
            let report = try archive.merge(source)
            func write(_ runs: [String], _ what: String) throws {
                for run in runs { try writer.row([.text(path), .text(run), .text(what)]) }
            }
            try write(report.addedRuns, "added")
            try write(report.extendedRuns, "extended")
            try write(report.unchangedRuns, "here already")
            for (run, explanation) in report.conflicts {
                conflicts += 1
                try writer.row([.text(path), .text(run), .text("conflict: \(explanation)")])
            }
        }
        try writer.end()
        guard conflicts == 0 else {
            throw UserError.integrity(
                subject: "merge", cause: "\(conflicts) runs contradict what is here",
                advice: "both archives still hold their own; compare them with cairn show")
        }
    }
}
