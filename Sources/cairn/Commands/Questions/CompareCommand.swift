internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints

/// `cairn compare`: what tells runs apart, side by side.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare runs: settings that differ, then times, labels and final values.",
        discussion: """
            Runs stand side by side where the terminal has the room, else below one another. What is \
            the same for all is left out.

            Example: cairn compare -p sweep=decay
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(
        help: "Runs by the start of their id or their name.", completion: NameCompletion.runs)
    var runs: [String] = []

    @Option(
        name: [.customShort("p"), .customLong("parameter")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Compare the runs of a sweep; * and ? stand for any letters.", valueName: "sweep=name"))
    var parameters: [String] = []

    func run() throws {
        StopSignals.listen()
        let session = try ArchiveAccess(common).session()
        let comparison = try RunComparison(of: chosen(in: session), in: session)
        try comparison.write(to: rows)
        try Output.standard.flush()
        comparison.remark(to: common)
    }

    /// The ids of the runs that are meant, each once.
    private func chosen(in session: SQLSession) throws -> [String] {
        var ids = try runs.map { try session.runID(matching: $0) }
        for parameter in parameters {
            let parts = parameter.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, parts[0] == "sweep" else {
                throw UserError.usage(
                    subject: "parameter \(parameter)", cause: "runs are chosen by their sweep",
                    advice: "write -p sweep=NAME")
            }
            try NamedParameters.check(["sweep": .text(parts[1])], in: session)
            ids += try session.rows(
                CompareCommand.sweepStatement, parameters: ["sweep": .text(parts[1])]
            ).compactMap { $0[0].string }
        }
        var seen: Set<String> = []
        ids = ids.filter { seen.insert($0).inserted }
        guard ids.count > 1 else {
            throw UserError.usage(
                subject: "cairn compare",
                cause: ids.isEmpty ? "no runs are named" : "it takes at least two runs",
                advice: "write cairn compare RUN RUN, or -p sweep=NAME")
        }
        return ids
    }

    private static let sweepStatement = """
        SELECT r.run FROM runs AS r JOIN hyperparameters AS h ON h.run = r.run
        WHERE h.name = 'sweep' AND h.value GLOB :sweep
        ORDER BY r.created_at, r.run
        """
}
