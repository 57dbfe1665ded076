internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn init`: an empty archive.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make an empty archive (train makes one by itself).")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let archive = try Archive.create(at: common.archivePath)
        common.note("Made an archive in \(archive.layout.root).")
    }
}

/// `cairn verify`: compares the index with the files and the files with their digests.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every stored byte; exit code 3 when something is damaged.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "Runs by the start of their id or their name; all without.")
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
                    Cell(problem.step), Cell(problem.tensor), .text(problem.explanation),
                ]
            })
    }

    /// Verifies with a progress line; damaged files are opened in a process of their own.
    static func verify(
        _ archive: Archive, runs: [String], isQuick: Bool, common: CommonOptions
    ) throws -> VerifyReport {
        StopSignals.listen()
        let fileCount = try archive.usage().reduce(0) { $0 + $1.fileCount }
        let bar = ProgressBar(
            "verify", unit: "files", total: max(fileCount, 1), isQuiet: common.quiet)
        defer { bar.end() }
        let child = FileInspection.Child(
            executable: "/proc/self/exe", arguments: [InspectFileCommand.name])
        return try archive.verify(
            runs: runs.isEmpty ? nil : runs,
            options: Archive.VerifyOptions(isQuick: isQuick, child: child)
        ) { bar.update($0.fileCount) }
    }
}

/// What `verify` starts to open a damaged file in a process of its own; not for people.
struct InspectFileCommand: ParsableCommand {
    static let name = "inspect-file"

    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Report the content of one file (used by verify).",
        shouldDisplay: false)

    @Argument var arguments: [String] = []

    func run() throws { try FileInspection.childMain(arguments) }
}

/// `cairn reindex`: rebuilds the index from the files.
struct ReindexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reindex", abstract: "Rebuild the index from the checkpoint files.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let (_, report) = try Archive.reindex(at: common.archivePath)
        if let setAside = report.setAside {
            common.note("The old index was set aside: \(setAside)")
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
        let plan = try archive.repair(report, isDryRun: true)
        let isAgreed = try plan.isEmpty || consent.agree("Set aside \(plan.count) broken things?")
        let actions = isAgreed && !plan.isEmpty ? try archive.repair(report) : plan
        try rows.writer().write(
            columns: ["run", "file", "action"],
            rows: actions.map { [.text($0.run), .text($0.file), .text($0.action)] })
    }
}

/// `cairn pack`: many loose checkpoints become one file.
struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Pack loose checkpoints, so that a tensor's whole trajectory is one read.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "Runs by the start of their id or their name; all without.")
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
                .text(run.id), .text(run.name), Cell(report.checkpointCount),
                Cell(report.packCount), Cell(report.bytesBefore), Cell(report.bytesAfter),
            ])
        }
        try writer.end()
    }
}

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
        let sources = try others.map {
            try Archive.renewIndex(at: $0)
            return try Archive(opening: $0, access: .readOnly)
        }
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

/// `cairn du`: what the archive takes on disk.
struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "du", abstract: "Tell the size of each run by kind of file.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    func run() throws {
        let usages = try ArchiveAccess(common).openReadOnly().usage()
        let isForPeople = rows.format == .table || rows.format == .markdown
        func size(_ bytes: Int) -> Cell {
            isForPeople ? .text(NumberText.bytes(bytes)) : Cell(bytes)
        }
        var lines = usages.map { usage in
            [
                .text(usage.run), .text(usage.name), .text(usage.kind), Cell(usage.fileCount),
                size(usage.byteCount),
            ]
        }
        if isForPeople {
            let total = usages.reduce(0) { $0 + $1.byteCount }
            let files = usages.reduce(0) { $0 + $1.fileCount }
            lines.append([.text("total"), .null, .null, Cell(files), size(total)])
        }
        try rows.writer().write(
            columns: ["run", "name", "kind", "files", isForPeople ? "size" : "bytes"], rows: lines)
    }
}

/// Asking before something is removed or moved.
struct ConsentOptions: ParsableArguments {
    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Flag(help: "Tell what would happen and change nothing.")
    var dryRun = false

    /// Refuses before any work when nobody could be asked: without a terminal `--yes` is needed.
    func requireSomeoneToAsk() throws {
        guard dryRun || yes || (isatty(0) == 1 && isatty(2) == 1) else {
            throw UserError.usage(
                subject: "this change", cause: "nobody can be asked to agree to it",
                advice: "give --yes, or --dry-run to see what would happen")
        }
    }

    /// Whether to go on: false for a dry run or a no.
    func agree(_ question: String) throws -> Bool {
        if dryRun { return false }
        if yes { return true }
        Output.error.draw("\(question) [y/N] ")
        return ["y", "yes"].contains((readLine() ?? "").lowercased())
    }
}
