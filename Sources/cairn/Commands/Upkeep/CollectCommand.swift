internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints

/// `cairn gc`: thins out checkpoints by rules.
struct CollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Thin out checkpoints by rules; what goes lies in the trash until --purge.",
        discussion: """
            The first, the last and tagged checkpoints stay, and those that a rule spares. \
            --dry-run lists each checkpoint with the rule that spares or removes it.

            Example: cairn gc demo --every 100 --per-decade 20 --dry-run
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions
    @OptionGroup var consent: ConsentOptions

    @Argument(
        help: "Runs by the start of their id or their name; all without.",
        completion: NameCompletion.runs)
    var runs: [String] = []

    @Option(help: ArgumentHelp("Keep each step that is a multiple of this.", valueName: "updates"))
    var every: Int?

    @Option(help: ArgumentHelp("Keep this many per decade of steps.", valueName: "count"))
    var perDecade: Int?

    @Option(
        help: ArgumentHelp(
            "Keep this many of the newest optimiser states (else one and those that the run's "
                + "settings keep).", valueName: "count"))
    var optimizerStates: Int?

    @Flag(help: "Drop optimiser states alone; all weights stay.")
    var onlyOptimizer = false

    @Flag(help: "Empty the trash.")
    var purge = false

    func run() throws {
        for (option, value) in [("--every", every), ("--per-decade", perDecade)] {
            if let value, value < 1 {
                throw UserError.usage(
                    subject: "\(option) \(value)", cause: "it is out of range",
                    advice: "choose at least 1")
            }
        }
        try consent.requireSomeoneToAsk()
        if every == nil && perDecade == nil && !onlyOptimizer {
            guard purge else {
                throw UserError.usage(
                    subject: "gc", cause: "no rule says which checkpoints stay",
                    advice: "give --every, --per-decade, --only-optimizer or --purge")
            }
            return try emptyTrash(ArchiveAccess(common).openToFreeSpace())
        }
        let archive = try ArchiveAccess(common).openToFreeSpace()
        let rules = KeepRules(
            every: onlyOptimizer ? 1 : every, perDecade: perDecade,
            optimizerStates: optimizerStates ?? (onlyOptimizer ? 1 : nil))
        let ids = try runs.map { try archive.run(matching: $0).id }
        let plan = try archive.planCollection(rules, runs: ids.isEmpty ? nil : ids)
        let going = plan.filter { !$0.isKept }
        try write(consent.dryRun ? plan : going)
        let bytes = NumberText.bytes(going.reduce(0) { $0 + $1.byteCount })
        common.note("\(going.count) of \(plan.count) go, \(bytes).")
        guard !going.isEmpty, try consent.agree("Move them to the trash?") else { return }
        let spared = try archive.collectGarbage(plan, by: rules)
        if let first = spared.first {
            common.note(
                "\(spared.count) of them stay, because a rule spares them since: "
                    + "\(first.run)@\(first.step) (\(first.reason))"
                    + (spared.count > 1 ? ", …" : "") + ".")
        }
        if purge { try emptyTrash(archive) }
    }

    private func write(_ items: [Archive.CollectionItem]) throws {
        try rows.writer().write(
            columns: ["run", "step", "part", "file", "stays", "reason", "bytes"],
            rows: items.map { item in
                [
                    .text(item.run), ScalarValue(item.step), .text(item.part), .text(item.file),
                    .text(item.isKept ? "yes" : "no"), .text(item.reason),
                    ScalarValue(item.byteCount),
                ]
            })
        try Output.standard.flush()
    }

    private func emptyTrash(_ archive: Archive) throws {
        guard try consent.agree("Delete what is in the trash for good?") else { return }
        common.note("\(NumberText.bytes(try archive.purgeTrash())) deleted.")
    }
}
