internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn sql`: read-only SQL over the archive.
struct SQLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Ask the archive in SQL (read-only).",
        discussion: """
            The statement is an argument, a file whose name ends in .sql, or standard input; on a \
            terminal without a statement a prompt opens. A file or standard input may hold several \
            statements. The views are runs, hyperparameters, metrics, checkpoints, tensors, \
            weight_norms, fourier_spectra, progress_measures, hessian_eigenvalues, grokking_times \
            and analyses.

            Example: cairn sql "SELECT name, last_step FROM runs WHERE seed = :seed" -p seed=3
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions
    @OptionGroup var arrow: ArrowOptions
    @OptionGroup var limits: StatementOptions

    @Argument(help: "A statement, a file ending in .sql, or - for standard input.")
    var statement: String?

    func run() throws {
        try arrow.check(beside: rows)
        let session = try limits.session(on: common)
        guard let script = try script() else {
            guard !arrow.arrow else {
                throw UserError.usage(
                    subject: "--arrow", cause: "the prompt prints rows for people",
                    advice: "give the statement as an argument")
            }
            return try SQLPrompt(
                session: session, format: rows.format, showsPages: !rows.noPager
            ).run()
        }
        StopSignals.listen()
        var isFirst = true
        try session.run(script: script, parameters: try limits.values) { cursor in
            guard isFirst || !arrow.arrow else {
                throw UserError.usage(
                    subject: "--arrow", cause: "several statements are several streams",
                    advice: "ask for one at a time")
            }
            if !isFirst && rows.format == .table { try Output.standard.write("\n") }
            isFirst = false
            try arrow.print(cursor, of: session, rows, common)
        }
        if isFirst {
            throw UserError.usage(
                subject: "SQL statement", cause: "it is empty", advice: "write SELECT …")
        }
    }

    /// The statements to run; nil when the person is to be asked for them.
    private func script() throws -> String? {
        guard let statement, statement != "-" else {
            if statement == nil, isatty(0) == 1 { return nil }
            return String(
                decoding: try FileHandle.standardInput.readToEnd() ?? Data(), as: UTF8.self)
        }
        guard statement.hasSuffix(".sql"), !statement.contains(where: \.isNewline) else {
            return statement
        }
        do {
            return try String(contentsOfFile: statement, encoding: .utf8)
        } catch {
            throw UserError.missing(
                subject: "file \(statement)", cause: "it cannot be read as UTF-8 text")
        }
    }
}

/// What `sql` and `query` may be told about a statement.
struct StatementOptions: ParsableArguments {
    @Option(
        name: [.customShort("p"), .customLong("parameter")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A value for :name in the statement.", valueName: "name=value"),
        completion: NameCompletion.parameters)
    var parameters: [String] = []

    @Option(help: ArgumentHelp("Another SQLite file to read.", valueName: "alias=file"))
    var attach: [String] = []

    @Option(help: ArgumentHelp("The longest a statement may take.", valueName: "seconds"))
    var timeout: Double?

    /// The values of `-p`, by name.
    var values: [String: ScalarValue] {
        get throws {
            var values: [String: ScalarValue] = [:]
            for text in parameters {
                let parts = text.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty else {
                    throw UserError.usage(
                        subject: "parameter \(text)", cause: "it is not of the form name=value")
                }
                let name = parts[0].hasPrefix(":") ? parts[0].dropFirst() : parts[0]
                values[String(name)] = ScalarValue(written: String(parts[1]))
            }
            return values
        }
    }

    /// A read-only session on the archive's index.
    func session(on common: CommonOptions) throws -> SQLSession {
        if let timeout, !(timeout > 0 && timeout.isFinite) {
            throw UserError.usage(
                subject: "--timeout \(timeout)", cause: "it is not a positive number of seconds")
        }
        return try ArchiveAccess(common).session(
            SQLSession.Options(
                // Longer than any machine runs, and a number of seconds that fits.
                timeLimit: timeout.map { .seconds(min($0, 1e9)) },
                attachments: try attach.map { try SQLSession.Attachment(written: $0) },
                abandon: { [timeout] in StatementOptions.abandon($0, timeout) }))
    }

    /// Ends the process where SQLite is inside a call that cannot be stopped; it has only read.
    private static func abandon(_ reason: StopReason, _ timeout: Double?) {
        guard reason == .timeLimit else { _exit(Shell.ExitStatus.interrupted) }
        Output.error.note(
            "cairn: SQL statement: it took longer than the limit of \(timeout ?? 0) s")
        _exit(Shell.ExitStatus.failed)
    }
}

extension SQLCursor {
    /// Prints every row as it comes.
    func print(with writer: any RowWriter) throws {
        try writer.begin(columns: columns)
        while let row = try next() { try writer.row(row) }
        try writer.end()
    }
}
