internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange

/// `cairn verify`: compares the index with the files and the files with their digests.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every stored byte; exit code 3 when something is damaged.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(
        help: "Runs by the start of their id or their name; all without.",
        completion: NameCompletion.runs)
    var runs: [String] = []

    @Flag(help: "Compare index, names and sizes without reading the files.")
    var quick = false

    func run() throws {
        let archive = try ArchiveAccess(common).openReadOnly()
        let report = try VerifyCommand.verify(
            archive, runs: runs.map { try archive.run(matching: $0).id }, isQuick: quick,
            common: common)
        // A person is told in words that nothing is wrong; programs get their empty list.
        let isForPeople = rows.format == .table || rows.format == .markdown
        if report.problems.isEmpty && isForPeople { common.note("Nothing is wrong.") }
        if !report.problems.isEmpty || !isForPeople { try write(report.problems) }
        try Output.standard.flush()
        for (path, sentence) in RecordSpool.waiting(in: archive.paths.root + "/spool") {
            common.note("\(path): \(sentence)")
        }
        common.note(
            "\(report.runCount) runs, \(NumberText.grouped(report.checkpointCount)) checkpoints, "
                + "\(NumberText.grouped(report.fileCount)) files"
                + (quick ? "" : ", \(NumberText.bytes(report.byteCount)) read"))
        let count = report.problems.filter(\.isIntegrityProblem).count
        guard report.isSound else {
            throw UserError.integrity(
                subject: common.archivePath,
                cause: "\(count) \(count == 1 ? "problem was" : "problems were") found",
                advice: "cairn repair sets aside what is broken")
        }
    }

    private func write(_ problems: [ArchiveProblem]) throws {
        try rows.writer().write(
            columns: ["kind", "run", "file", "step", "tensor", "explanation"],
            rows: problems.map { problem in
                [
                    .text(problem.kind.rawValue), .text(problem.run), .text(problem.file),
                    ScalarValue(problem.step), ScalarValue(problem.tensor),
                    .text(problem.explanation),
                ]
            })
    }

    /// The process that opens damaged files.
    static let child = FileInspection.Child(
        executable: "/proc/self/exe", arguments: [InspectFileCommand.name])

    /// Verifies with a progress line; damaged files are opened in a process of their own.
    static func verify(
        _ archive: Archive, runs: [String], isQuick: Bool, common: CommonOptions
    ) throws -> VerifyReport {
        StopSignals.listen()
        let fileCount = try archive.usage().reduce(0) { $0 + $1.fileCount }
        let bar = ProgressBar(
            "verify", unit: "files", total: max(fileCount, 1), isQuiet: common.quiet)
        defer { bar.end() }
        return try archive.verify(
            runs: runs.isEmpty ? nil : runs,
            options: Archive.VerifyOptions(isQuick: isQuick, child: child)
        ) { bar.update($0.fileCount) }
    }
}
