internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints
internal import Foundation

/// `cairn ls`: the runs of the archive, newest first.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List runs, newest first.",
        discussion: """
            Example: cairn ls 'wd-*' --all --json
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "Only runs whose id or name matches, with * and ?.")
    var pattern: String?

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("At most this many (20).", valueName: "count"))
    var limit: Int?

    @Flag(name: [.short, .long], help: "All runs.")
    var all = false

    @Option(help: ArgumentHelp("Only runs of this status.", valueName: "status"))
    var status: String?

    private static let usualLimit = 20

    func run() throws {
        if let limit, limit < 0 {
            throw UserError.usage(subject: "--limit \(limit)", cause: "it is negative")
        }
        let chosenStatus: RunStatus? = try status.map { try Choice.read($0, option: "--status") }
        let session = try ArchiveAccess(common).session()
        let shown = all ? Int.max : limit ?? ListCommand.usualLimit
        let parameters: [String: ScalarValue] = [
            "pattern": .text(pattern ?? "*"), "status": .text(chosenStatus?.rawValue ?? "*"),
        ]
        let total = try session.rows(ListCommand.countStatement, parameters: parameters)
        let chosen = parameters.merging(["count": .integer(shown)]) { $1 }
        let cursor = try session.cursor(ListCommand.listStatement, parameters: chosen)
        if rows.format == .table || rows.format == .markdown {
            try printForPeople(cursor, idLength: ListCommand.idLength(in: session, chosen))
        } else {
            try cursor.print(with: rows.writer())
        }
        guard case .integer(let count)? = total.first?.first else { return }
        try Output.standard.flush()
        if count == 0 {
            common.note(
                pattern == nil && status == nil
                    ? "The archive has no runs yet; cairn demo or cairn train makes one."
                    : "No run matches.")
        } else if count > shown {
            common.note("\(shown) of \(NumberText.grouped(Int(count))) runs; --all shows the rest.")
        }
    }

    /// The columns that fit a line, with sizes and times as people read them.
    private func printForPeople(_ cursor: SQLCursor, idLength: Int) throws {
        var runs: [[String: ScalarValue]] = []
        while let row = try cursor.next() {
            runs.append(Dictionary(uniqueKeysWithValues: zip(cursor.columns, row)))
        }
        // Where accuracy means nothing, the loss says how far a run is.
        let showsLoss = runs.contains {
            $0["test_accuracy"] == .null && $0["test_loss"] != .null
        }
        let losses = showsLoss ? ["train_loss", "test_loss"] : []
        let writer = rows.writer(
            importance: ["name", "status", "test_accuracy"] + losses.suffix(1)
                + ["steps", "task", "train_accuracy"] + losses.prefix(1) + [
                    "began", "stored", "size", "network",
                ])
        try writer.begin(
            columns: [
                "run", "name", "status", "task", "network", "steps", "stored", "size",
                "train_accuracy", "test_accuracy",
            ] + losses + ["began"])
        for cells in runs {
            func cell(_ name: String) -> ScalarValue { cells[name] ?? .null }
            try writer.row(
                [
                    .text(String(cell("run").written.prefix(idLength))), cell("name"),
                    cell("status"), cell("task"), cell("network"),
                    cell("last_step"), cell("checkpoint_count"),
                    .text(cell("weight_bytes").integer.map(NumberText.bytes) ?? ""),
                    cell("train_accuracy"), cell("test_accuracy"),
                ] + losses.map { cell($0).rounded } + [
                    .text(cell("created_at").real.map(DateText.local) ?? "")
                ])
        }
        try writer.end()
    }

    /// How many characters tell each shown run from all others, and no less than eight.
    ///
    /// A name comes before the beginning of an id, so that no beginning may be a name either.
    private static func idLength(
        in session: SQLSession, _ parameters: [String: ScalarValue]
    ) throws -> Int {
        // Among sorted ids only neighbours can have the longest beginning in common.
        var length = try session.rows(neighboursStatement, parameters: parameters).reduce(8) {
            length, row in
            let id = row[0].written
            return row.dropFirst().reduce(length) {
                max($0, id.commonPrefix(with: $1.written).count + 1)
            }
        }
        while try !session.rows(
            namesakeStatement, parameters: parameters.merging(["length": .integer(length)]) { $1 }
        ).isEmpty { length += 1 }
        return length
    }

    private static let shown = """
        WITH shown AS MATERIALIZED (
            SELECT * FROM runs
            WHERE (run GLOB :pattern OR name GLOB :pattern) AND status GLOB :status
            ORDER BY created_at DESC, run
            LIMIT :count
        )

        """

    private static let neighboursStatement =
        shown + """
            SELECT run, (SELECT max(o.run) FROM runs AS o WHERE o.run < s.run),
                (SELECT min(o.run) FROM runs AS o WHERE o.run > s.run)
            FROM shown AS s
            """

    private static let namesakeStatement =
        shown + """
            SELECT 1 FROM shown AS s JOIN runs AS o ON o.name = substr(s.run, 1, :length)
            WHERE length(s.run) > :length AND o.run <> s.run LIMIT 1
            """

    private static let countStatement = """
        SELECT count(*) FROM runs
        WHERE (run GLOB :pattern OR name GLOB :pattern) AND status GLOB :status
        """

    // The runs are chosen first: what is looked up for each is looked up for the shown ones alone.
    private static let listStatement =
        shown + """
            SELECT
                r.*,
                (SELECT last_value FROM metric_summaries
                    WHERE run = r.run AND name = 'train_accuracy') AS train_accuracy,
                (SELECT last_value FROM metric_summaries
                    WHERE run = r.run AND name = 'test_accuracy') AS test_accuracy,
                (SELECT last_value FROM metric_summaries
                    WHERE run = r.run AND name = 'train_loss') AS train_loss,
                (SELECT last_value FROM metric_summaries
                    WHERE run = r.run AND name = 'test_loss') AS test_loss
            FROM shown AS r
            ORDER BY r.created_at DESC, r.run
            """
}

extension ScalarValue {
    /// Integers and reals are aligned to the right.
    var isNumber: Bool {
        switch self {
        case .integer, .real: true
        case .null, .boolean, .text, .blob: false
        }
    }

    /// A real with six significant digits, for tables that people read; other values unchanged.
    var rounded: ScalarValue {
        guard case .real(let value) = self, value.isFinite else { return self }
        return .real(Double(NumberText.rounded(value, digits: 6)) ?? value)
    }
}

/// Times as people write them.
enum DateText {
    /// `2026-11-21 09:30` in the local time zone.
    static func local(_ secondsSince1970: Double) -> String {
        // A formatter of Foundation's costs more to make than a row to print.
        var parts = tm()
        guard var seconds = time_t(exactly: secondsSince1970.rounded(.down)),
            localtime_r(&seconds, &parts) != nil
        else { return "" }
        func padded(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
        return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday)) "
            + "\(padded(parts.tm_hour)):\(padded(parts.tm_min))"
    }
}
