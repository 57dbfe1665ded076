internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Training

/// How a process shares the runs of a sweep with others.
struct SharingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only this part of the runs, 1/8 to 8/8; several as in 1,4,7/8. They are trained in an "
                + "archive of their own, which is merged into the shared one.",
            valueName: "part"))
    var shard: String?

    @Option(
        help: ArgumentHelp(
            "Where the shard's own archive lies (else SLURM_TMPDIR, else TMPDIR, else beside the "
                + "shared archive).", valueName: "folder"),
        completion: .directory)
    var work: String?

    @Option(
        help: ArgumentHelp(
            "How often a long run is merged while it trains (10).", valueName: "minutes"))
    var mergeEvery: Double?

    @Option(
        help: ArgumentHelp(
            "What follows a scheduler's signal: scontrol (the usual: asks Slurm to queue the task "
                + "again), never, or the exit code that the site queues again.",
            valueName: "way"))
    var requeue: String?

    var parsedShard: SweepShard? { get throws { try shard.map { try SweepShard(written: $0) } } }

    /// Refuses options that mean nothing without a shard, and values that mean nothing.
    func requireShard(orSlurm: Bool) throws {
        let given = [
            (work != nil, "--work"), (mergeEvery != nil, "--merge-every"),
            (requeue != nil, "--requeue"),
        ]
        if shard != nil, orSlurm {
            throw UserError.usage(
                subject: "--shard", cause: "--slurm gives each task its own",
                advice: "leave one of them out")
        }
        if shard == nil, !orSlurm, let option = given.first(where: \.0)?.1 {
            throw UserError.usage(
                subject: option, cause: "it is about a shard, and there is none",
                advice: "add --shard 1/8, or leave it out")
        }
        if let mergeEvery, !(mergeEvery > 0 && mergeEvery.isFinite) {
            throw UserError.usage(
                subject: "--merge-every \(mergeEvery)", cause: "it is not a positive number",
                advice: "give minutes")
        }
        _ = try requeueWay
    }

    /// The time between two merges of a run.
    var mergeInterval: Duration { .seconds((mergeEvery ?? 10) * 60) }

    /// The folder that holds the shard's own archive; nil for beside the shared one.
    var workFolder: String? {
        if let work { return work }
        let environment = ProcessInfo.processInfo.environment
        return ["SLURM_TMPDIR", "TMPDIR"].compactMap { environment[$0] }.first { path in
            !path.isEmpty && access(path, W_OK) == 0
        }
    }

    enum RequeueWay: Equatable {
        case scontrol
        case never
        case exitCode(Int32)
    }

    var requeueWay: RequeueWay {
        get throws {
            switch requeue {
            case nil, "scontrol": return .scontrol
            case "never": return .never
            case let text?:
                guard let code = Int32(text), (1...255).contains(code) else {
                    throw UserError.usage(
                        subject: "--requeue \(text)", cause: "there is no such way",
                        advice: "choose scontrol, never or an exit code from 1 to 255")
                }
                return .exitCode(code)
            }
        }
    }
}
