internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange
internal import Networks
internal import Training

/// `cairn train`: one run, archived while it trains.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a network and keep its checkpoints.",
        discussion: """
            Without options it trains the canonical network of the literature: a one-layer \
            transformer that learns addition modulo 113 from 30 % of the pairs, with full-batch \
            AdamW and weight decay 1. Ctrl-C stops after a last checkpoint; cairn resume goes on.

            Example: cairn train --operation divide --modulus 97 --train-fraction 0.5 --steps 10000
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    @Option(
        help: ArgumentHelp("Start from a published set-up.", valueName: "name"),
        completion: NameCompletion.presets)
    var preset: String?

    @Option(
        help: ArgumentHelp(
            "Start from a JSON file as show --configuration prints it.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var configuration: String?

    @Option(help: ArgumentHelp("A name for the run.", valueName: "text"))
    var name: String?

    @OptionGroup(title: "Task") var task: TaskOptions
    @OptionGroup(title: "Network") var network: NetworkOptions
    @OptionGroup(title: "Training") var training: TrainingOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions

    @Flag(help: "List the settings that the other options give, one a line, and stop.")
    var list = false

    @Flag(help: "List the published set-ups and stop.")
    var listPresets = false

    @Flag(help: "List the operations and stop.")
    var listOperations = false

    func run() throws {
        if listPresets {
            guard preset == nil else {
                throw UserError.usage(
                    subject: "--list-presets", cause: "--preset names one already",
                    advice: "use --list for the settings of that one")
            }
            return try printPresets()
        }
        if listOperations {
            return try rows.writer().write(
                columns: ["operation", "answer", "settings"],
                rows: TaskOperation.allCases.map {
                    [
                        .text($0.rawValue), .text($0.answer),
                        .text($0.settings.joined(separator: ", ")),
                    ]
                })
        }
        var changes = SettingChanges()
        try task.add(to: &changes)
        let reference = try task.reference()
        let arrays = try reference?.read() ?? []
        if !arrays.isEmpty { changes.add("data", Digest(weights: arrays).description) }
        network.add(to: &changes)
        try training.add(to: &changes)
        let settings = try startingSettings().changing(changes.list)
        if list { return try printSettings(settings) }
        let trainer = try Trainer(
            TrainingConfiguration(settings), threadCount: machine.threadCount
        ) { digest in
            Digest(weights: arrays) == digest ? arrays : try ArchiveAccess(common).data(digest)
        }
        let description = try trainer.describe(name: name ?? "")
        let archive = try ArchiveAccess(common).openOrCreate(machine.archiveOptions)
        if name != nil { try ArchiveAccess.noteNamesakes(of: description, in: archive, common) }
        if let reference, task.dataByReference {
            try archive.keepReference(reference, to: arrays)
        } else if !arrays.isEmpty {
            try archive.keepData(arrays)
        }
        let watched = WatchedTraining(archive: archive, common: common, run: description)
        let outcome = try watched.train(lastStep: trainer.configuration.training.steps) {
            try trainer.run(description, into: $0, progress: $1)
        }
        try watched.report(outcome, rows: rows)
    }

    private func startingSettings() throws -> JSONValue {
        if let preset, configuration != nil {
            throw UserError.usage(
                subject: "--preset \(preset)", cause: "--configuration contradicts it",
                advice: "give one of them")
        }
        if let configuration { return try SettingChanges.json(configuration) }
        return try preset.map { try Preset(named: $0).settings } ?? [:]
    }

    /// Every setting of a run with these, those that have their usual values too.
    private func printSettings(_ settings: JSONValue) throws {
        let origin = try preset.map { try Preset(named: $0) }
        let published: [[ScalarValue]] =
            origin.map {
                [
                    [.text("published in"), .text($0.source)],
                    [.text("what it shows"), .text($0.summary)],
                ]
            } ?? []
        try rows.writer().write(
            columns: ["setting", "value"],
            rows: published
                + TrainingConfiguration(settings).hyperparameters.map {
                    [.text($0.name), $0.value]
                })
    }

    private func printPresets() throws {
        guard rows.format == .table || rows.format == .markdown else {
            return try rows.writer().write(
                columns: ["preset", "what it shows", "published in", "settings"],
                rows: Preset.all.map {
                    [
                        .text($0.name), .text($0.summary), .text($0.source),
                        .text(try TrainingConfiguration($0.settings).settings.written),
                    ]
                })
        }
        // What was published where stands over the set-ups, so that each takes one line of its own.
        var source: String?
        let nameWidth = Preset.all.map(\.name.count).max() ?? 0
        let room = Terminal.output.isInteractive ? Terminal.output.columnCount : 80
        if !rows.noPager { Terminal.output.showPages() }
        for preset in Preset.all {
            if preset.source != source {
                try Output.standard.write("\(source == nil ? "" : "\n")\(preset.source)\n")
                source = preset.source
            }
            let lines = FoldedText.lines(preset.summary, width: max(room - nameWidth - 4, 24))
            for (number, line) in lines.enumerated() {
                let name = number == 0 ? preset.name : ""
                let space = String(repeating: " ", count: nameWidth - name.count)
                try Output.standard.write("  \(name)\(space)  \(line)\n")
            }
        }
        try Output.standard.flush()
        common.note("Every setting of one: cairn train --preset NAME --list")
    }
}

/// What a run may use of the machine.
struct MachineOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Threads for each update; results do not depend on it.", valueName: "count"))
    var threads: Int?

    @Option(help: ArgumentHelp("none, or deflate with a level from 1 to 9.", valueName: "method"))
    var compression: String = "none"

    var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

    /// How the archive stores new weights.
    var archiveOptions: Archive.Options {
        get throws { try MachineOptions.archiveOptions(compression) }
    }

    /// Reads `none`, `deflate` or `deflate:LEVEL`.
    static func archiveOptions(_ compression: String) throws -> Archive.Options {
        let parts = compression.split(separator: ":").map(String.init)
        switch (parts.first, parts.count) {
        case ("none", 1): return Archive.Options()
        case ("deflate", 1): return Archive.Options(deflateLevel: 4)
        case ("deflate", 2):
            if let level = Int(parts[1]), (1...9).contains(level) {
                return Archive.Options(deflateLevel: level)
            }
        default: break
        }
        throw UserError.usage(
            subject: "--compression \(compression)", cause: "there is no such method",
            advice: "choose none, deflate, or deflate:1 to deflate:9")
    }
}
