internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints

/// `cairn tag`: marks a run or a checkpoint, so that garbage collection spares it.
struct TagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Mark a run or a checkpoint; gc spares it. Without tags, list them.",
        discussion: """
            Tags are stored beside the run's checkpoints, so that reindex and merge keep them. \
            The view tags shows them in SQL.

            Example: cairn tag demo@1200 grokked
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Argument(help: "RUN, RUN@STEP, RUN@first or RUN@last.")
    var target: String

    @Argument(help: "The tags.")
    var tags: [String] = []

    func run() throws {
        let reference = try CheckpointReference(target)
        let access = ArchiveAccess(common)
        let archive = try tags.isEmpty ? access.openReadOnly() : access.open()
        let run = try archive.run(matching: reference.run)
        let step = try reference.position.map { _ in try reference.step(among: run.steps) }
        if tags.isEmpty {
            let found = try archive.tags(of: run).filter { step == nil || $0.step == step }
            return try rows.writer().write(
                columns: ["run", "step", "tag"],
                rows: found.map { [.text(run.id), ScalarValue($0.step), .text($0.name)] })
        }
        let count = try archive.addTags(tags.map { RunTag(name: $0, step: step) }, to: run)
        common.note("\(count) new \(count == 1 ? "tag" : "tags") on \(target).")
    }
}

/// `cairn untag`: takes marks off.
struct UntagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "untag", abstract: "Take tags off a run or a checkpoint.",
        discussion: "Example: cairn untag demo@1200 grokked")

    @OptionGroup var common: CommonOptions

    @Argument(help: "RUN, RUN@STEP, RUN@first or RUN@last.")
    var target: String

    @Argument(help: "The tags.")
    var tags: [String]

    func run() throws {
        let reference = try CheckpointReference(target)
        let archive = try ArchiveAccess(common).open()
        let run = try archive.run(matching: reference.run)
        let step = try reference.position.map { _ in try reference.step(among: run.steps) }
        try archive.removeTags(tags.map { RunTag(name: $0, step: step) }, from: run)
    }
}
