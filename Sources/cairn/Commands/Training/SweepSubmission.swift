internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// Submits what is missing of a sweep to Slurm.
struct SweepSubmission {
    let sweep: Sweep
    let file: String
    let text: String
    let common: CommonOptions
    let options: SlurmOptions
    /// Arguments that every task gets as well.
    let arguments: [String]
    let retriesFailed: Bool

    /// Submits or prints the arrays.
    func run() throws {
        let settings = try options.settings(sweep.slurm)
        let cpus =
            settings.first { $0.name == "cpus-per-task" }
            .flatMap { Int($0.value ?? "") } ?? 1
        let status = SweepStatus(sweep, common: common)
        let missing = try status.missing(retryingFailed: retriesFailed)
        guard !missing.names.isEmpty else {
            return common.note("Nothing is missing of \(sweep.name).")
        }
        let perTask = try options.piecesPerTask(cpus: cpus) {
            let seconds = try missing.seconds ?? SweepSubmission.measure(sweep)
            common.note(
                "A run takes about \(NumberText.clock(seconds: seconds)) "
                    + (missing.seconds == nil ? "here." : "by those that have finished."))
            return seconds
        }
        let parts = SweepSubmission.parts(
            of: sweep.allNames, missing: missing.names, perTask: perTask)
        let archivePath = URL(fileURLWithPath: common.archivePath).standardizedFileURL.path
        let kept =
            "\(archivePath)/incoming/sweeps/\(Digest(of: Array(text.utf8)).description.prefix(12))"
        let path =
            !options.print
            ? "\(kept)/\(URL(fileURLWithPath: file).lastPathComponent)"
            : URL(fileURLWithPath: file).standardizedFileURL.path
        let array = SlurmArray(
            name: sweep.name.filter { $0.isLetter || $0.isNumber || $0 == "-" },
            command: [
                SweepSubmission.program, "sweep", path, "--archive", archivePath, "--shard",
                "{part}/\(SweepSubmission.shardCount(sweep.allNames.count, perTask))",
            ] + arguments, parts: parts, settings: settings, atOnce: options.atOnce,
            minutes: options.minutesPerTask,
            logs: options.logs.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
                ?? "\(archivePath)/incoming/logs")
        try array.submit(
            options, common: common, folder: kept, what: "\(missing.names.count) runs"
        ) {
            // The tasks read a copy, so that changing the file later changes nothing under them.
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
    }

    /// This program, wherever the tasks run.
    static var program: String {
        Bundle.main.executablePath ?? CommandLine.arguments[0]
    }

    static func shardCount(_ runCount: Int, _ perTask: Int) -> Int {
        max(1, (runCount + perTask - 1) / perTask)
    }

    /// The shards of each task, so that none has more than `perTask` runs to do.
    ///
    /// The shards follow from the sweep alone; of a sweep that is done in part, several with few
    /// missing runs make one task.
    static func parts(of names: [String], missing: Set<String>, perTask: Int) -> [String] {
        let count = shardCount(names.count, perTask)
        var left = [Int](repeating: 0, count: count + 1)
        for (name, shard) in zip(names, SweepShard.deal(names, among: count))
        where missing.contains(name) {
            left[shard] += 1
        }
        var parts: [(shards: [Int], runCount: Int)] = []
        for shard in 1...count where left[shard] > 0 {
            if let last = parts.last, last.runCount + left[shard] <= perTask {
                parts[parts.count - 1].shards.append(shard)
                parts[parts.count - 1].runCount += left[shard]
            } else {
                parts.append(([shard], left[shard]))
            }
        }
        return parts.map { $0.shards.map(String.init).joined(separator: ",") }
    }

    /// The seconds that a run takes here, by the first steps of some runs.
    private static func measure(_ sweep: Sweep) throws -> Double {
        let last = sweep.runs.count - 1
        let chosen = Set([0, last / 2, last]).map { sweep.runs[$0] }
        let seconds = try chosen.map { run in
            let trainer = try Trainer(run.configuration, threadCount: 1)
            let start = ContinuousClock.now
            let outcome = try trainer.run(
                trainer.describe(name: run.name), into: DiscardingSink()
            ) { _ in ContinuousClock.now - start < .seconds(1) }
            let steps = Double(max(outcome.updateCount, 1))
            return (ContinuousClock.now - start).seconds / steps
                * Double(run.configuration.training.steps)
        }
        return seconds.reduce(0, +) / Double(seconds.count)
    }
}

/// Keeps nothing.
private final class DiscardingSink: CheckpointSink {
    func begin(_ run: RunDescription) {}
    func save(_ checkpoint: Checkpoint) {}
    func finish(_ status: RunStatus, metrics: [MetricPoint]) {}
}
