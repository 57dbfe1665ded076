internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Training

/// How work is divided among the tasks of Slurm.
struct SlurmOptions: ParsableArguments {
    @Flag(help: "Submit a job array to Slurm that does what is missing.")
    var slurm = false

    @Flag(help: "Print what --slurm would submit instead.")
    var print = false

    @Option(
        help: ArgumentHelp(
            "How long a task takes about, by the time that one piece of work took before or takes here.",
            valueName: "minutes"))
    var minutesPerTask: Double?

    @Option(help: ArgumentHelp("Pieces of work for each task (20).", valueName: "count"))
    var runsPerTask: Int?

    @Option(help: ArgumentHelp("Tasks that run at a time.", valueName: "count"))
    var atOnce: Int?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "More options for sbatch, as in --sbatch \"--partition=gpu --mem=2G\".",
            valueName: "options"))
    var sbatch: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where the logs go (incoming/logs in the archive).", valueName: "folder"),
        completion: .directory)
    var logs: String?

    /// Pieces of work for each task where nothing else is said.
    static let usualPiecesPerTask = 20

    /// Refuses options that mean nothing.
    func check() throws {
        let given = [
            (print, "--print"), (minutesPerTask != nil, "--minutes-per-task"),
            (runsPerTask != nil, "--runs-per-task"), (atOnce != nil, "--at-once"),
            (!sbatch.isEmpty, "--sbatch"), (logs != nil, "--logs"),
        ]
        if !slurm, let option = given.first(where: \.0)?.1 {
            throw UserError.usage(
                subject: option, cause: "it is about what --slurm submits",
                advice: "add --slurm, or leave it out")
        }
        if let minutesPerTask, !(minutesPerTask > 0 && minutesPerTask.isFinite) {
            throw UserError.usage(
                subject: "--minutes-per-task \(minutesPerTask)",
                cause: "it is not a positive number", advice: "give minutes")
        }
        if minutesPerTask != nil, runsPerTask != nil {
            throw UserError.usage(
                subject: "--runs-per-task", cause: "--minutes-per-task decides the same",
                advice: "give one of them")
        }
        if let runsPerTask { _ = try OptionCheck.count(runsPerTask, "--runs-per-task", least: 1) }
        if let atOnce { _ = try OptionCheck.count(atOnce, "--at-once", least: 1) }
    }

    /// The options for sbatch: those of a sweep file, then those of the command line, of which the last
    /// of one name holds.
    func settings(_ fromFile: [SlurmSetting]) throws -> [SlurmSetting] {
        var settings = fromFile
        for text in sbatch {
            for word in text.split(separator: " ") {
                let setting = try SlurmSetting(written: String(word))
                settings.removeAll { $0.name == setting.name }
                settings.append(setting)
            }
        }
        for setting in settings {
            if setting.name == "array" {
                throw UserError.usage(
                    subject: "array", cause: "cairn divides the work itself",
                    advice: "use --runs-per-task and --at-once")
            }
            if setting.name == "signal", let value = setting.value, !value.hasPrefix("B:") {
                throw UserError.usage(
                    subject: "signal \(value)",
                    cause: "without B: the signal does not reach the program",
                    advice: "write B:\(value)")
            }
        }
        return settings
    }

    /// Pieces of work for each task.
    func piecesPerTask(cpus: Int, secondsForEach: () throws -> Double) throws -> Int {
        guard let minutesPerTask else { return runsPerTask ?? SlurmOptions.usualPiecesPerTask }
        let count = minutesPerTask * 60 * Double(cpus) / max(try secondsForEach(), 1e-6)
        return max(1, Int(min(count, 1e6)))
    }
}
