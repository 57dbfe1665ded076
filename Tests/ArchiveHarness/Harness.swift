import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import TestSupport

/// A process that tests start, kill, starve and feed with damaged files.
///
/// It prints one line for each thing that has become durable.
@main
struct Harness {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            try run(arguments)
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ arguments: [String]) throws {
        guard let command = arguments.first else { return }
        let rest = Array(arguments.dropFirst())
        switch command {
        // write ARCHIVE RUN LAST-STEP LOOSE-LIMIT
        case "write": try write(rest[0], rest[1], last: number(rest[2]), limit: number(rest[3]))
        // runs ARCHIVE COUNT LAST-STEP
        case "runs":
            for run in try 0..<number(rest[1]) {
                try write(rest[0], "run-\(run)", last: number(rest[2]), limit: 64)
            }
        case "pack": try pack(rest[0])
        case "merge": try merge(rest[0], rest[1])
        case "reindex": _ = try Archive.reindex(at: rest[0], options: options(nil))
        case "gc": try collect(rest[0], every: number(rest[1]))
        case "query": try query(rest[0], seconds: number(rest[1]))
        case "inspect": try FileInspection.childMain(rest)
        case "decay":
            try Decay.run(archive: rest[0], first: number(rest[1]), stride: number(rest[2]))
        case "decay-index":
            try IndexDecay.run(
                archive: rest[0], first: number(rest[1]), stride: number(rest[2]))
        // fill ARCHIVE RUNS
        case "fill": try Fill.run(rest[0], count: number(rest[1]))
        case "bench": try Bench.run(rest[0], count: number(rest[1]))
        // steps PRESET MODULUS BATCH
        case "steps":
            try Steps.run(preset: rest[0], modulus: number(rest[1]), batch: rest[2])
        default: throw UserError.usage(subject: command, cause: "the harness does not know it")
        }
        say("done")
    }

    /// Steps that this process reaches before it dies by its own hand; from the environment.
    private static func options(_ looseLimit: Int?) -> Archive.Options {
        let environment = ProcessInfo.processInfo.environment
        if let limit = environment["HARNESS_FILE_LIMIT"].flatMap(Int.init) {
            signal(SIGXFSZ, SIG_IGN)
            var limits = rlimit(rlim_cur: rlim_t(limit), rlim_max: rlim_t(limit))
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
        }
        let counter = Counter()
        let last = environment["HARNESS_DIE_AT"].flatMap(Int.init)
        // Packing beside the writer would make the order of the steps a matter of luck.
        return Archive.Options(looseLimit: looseLimit, packsBesideSaving: last == nil) { _ in
            if counter.next() == last { kill(getpid(), SIGKILL) }
        }
    }

    private static func write(_ path: String, _ run: String, last: Int, limit: Int) throws {
        let archive = try Archive.openOrCreate(at: path, options: options(limit))
        let writer = archive.writer()
        try writer.begin(TestRuns.description(run))
        say("begun")
        let first = (try archive.run(matching: run).steps.last).map { $0 + 1 } ?? 0
        for step in stride(from: first, through: last, by: 1) {
            try writer.save(TestRuns.checkpoint(step, run: run))
            say("saved \(step)")
        }
        try writer.finish(.finished, metrics: [])
        say("finished")
    }

    private static func pack(_ path: String) throws {
        let archive = try Archive(opening: path, options: options(nil))
        say("begun")
        for run in try archive.runs() { try archive.pack(run) }
    }

    private static func merge(_ path: String, _ other: String) throws {
        let archive = try Archive.openOrCreate(at: path, options: options(nil))
        let theirs = try Archive(opening: other, access: .readOnly)
        say("begun")
        let report = try archive.merge(theirs)
        for conflict in report.conflicts { say("conflict \(conflict)") }
    }

    private static func collect(_ path: String, every: Int) throws {
        let archive = try Archive(opening: path, options: options(nil))
        say("begun")
        let rules = KeepRules(every: every)
        try archive.collectGarbage(try archive.planCollection(rules), by: rules)
    }

    /// Asks in a loop what people ask, and fails with the first failed answer.
    private static func query(_ path: String, seconds: Int) throws {
        let archive = try Archive(opening: path, access: .readOnly)
        let end = Date().addingTimeInterval(Double(seconds))
        var count = 0
        while Date() < end {
            let runs = try archive.read { db in
                try Row.fetchAll(db, sql: "SELECT run, checkpoint_count, last_step FROM runs")
            }
            for row in runs where row[1] as Int > 0 {
                let run = try archive.run(matching: row[0])
                let step = run.steps[count % run.steps.count]
                let weights = try run.weights(at: step)
                let expected = TestRuns.checkpoint(step, run: run.id).weights
                guard weights == TestRuns.sorted(expected) else {
                    throw UserError.integrity(subject: run.id, cause: "wrong weights at \(step)")
                }
                _ = try run.metric("train_loss")
                count += 1
            }
        }
        say("queries \(count)")
    }

    /// Prints a line; with it in the environment's `HARNESS_DIE_AFTER`, this process dies then.
    static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
        if ProcessInfo.processInfo.environment["HARNESS_DIE_AFTER"] == line {
            kill(getpid(), SIGKILL)
        }
    }

    private static func number(_ text: String) throws -> Int {
        guard let number = Int(text) else {
            throw UserError.usage(subject: text, cause: "it is not a number")
        }
        return number
    }
}
