internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// Job arrays that do some work in parts.
struct SlurmArray {
    let name: String
    /// The program and its arguments; `{part}` stands for the part of a task.
    let command: [String]
    /// The option that says how much a task does at a time.
    var jobsOption = "-j"
    /// The part of each task, in order.
    let parts: [String]
    let settings: [SlurmSetting]
    let atOnce: Int?
    let minutes: Double?
    let logs: String

    /// How many tasks an array can have where the site does not tell: Slurm's own default.
    static let usualLargestSize = 1001

    /// How many tasks an array of this site can have.
    static var largestSize: Int {
        Scheduler.run("scontrol", ["show", "config"])
            .flatMap { answer in
                answer.output.split(separator: "\n").first { $0.hasPrefix("MaxArraySize") }
                    .flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
            } ?? usualLargestSize
    }

    /// One script for each array, as many as the site's limit makes of it.
    func scripts(largestSize: Int) -> [String] {
        stride(from: 0, to: parts.count, by: max(largestSize, 1)).map { start in
            script(Array(parts[start..<min(start + max(largestSize, 1), parts.count)]))
        }
    }

    private func script(_ parts: [String]) -> String {
        let limit = atOnce.map { "%\($0)" } ?? ""
        var own = [
            ("job-name", "cairn-\(name)"), ("output", "\(logs)/%A_%a.log"), ("open-mode", "append"),
            // To the program itself, which takes the place of the script's shell.
            ("signal", "B:USR1@120"), ("requeue", nil),
        ]
        if let minutes {
            // What is cut off goes on later; half as much again makes that rare.
            own.append(("time", "\(Int((minutes * 1.5).rounded(.up)) + 5)"))
        }
        let given = Set(settings.map(\.name))
        let lines =
            [("array", "0-\(parts.count - 1)\(limit)")] + own.filter { !given.contains($0.0) }
            + settings.map { ($0.name, $0.value) }
        let words = command.map { word in
            word.contains("{part}")
                ? "\""
                    + word.replacingOccurrences(
                        of: "{part}", with: "${parts[$SLURM_ARRAY_TASK_ID]}")
                    + "\"" : SlurmArray.quoted(word)
        }
        return """
            #!/bin/bash
            \(lines.map { name, value in
                "#SBATCH --\(name)" + (value.map { "=\(SlurmArray.quoted($0))" } ?? "")
            }.joined(separator: "\n"))
            # Written by cairn; start it with sbatch. Submitting it again does what is missing.
            parts=(\(parts.joined(separator: " ")))
            # Not before the program listens to them.
            trap '' USR1 USR2
            exec \(words.joined(separator: " ")) \(jobsOption) "${SLURM_CPUS_PER_TASK:-1}"

            """
    }

    /// A word as a shell reads it unchanged.
    static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0)
                    || (0x61...0x7a).contains($0)
                    || "-_./=,:%@+".utf8.contains($0)
            }
        return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }

    /// Prints the scripts, or writes them into a folder and submits them.
    ///
    /// `prepare` is called before anything is submitted.
    func submit(
        _ options: SlurmOptions, common: CommonOptions, folder: String, what: String,
        prepare: () throws -> Void = {}
    ) throws {
        let scripts = scripts(largestSize: SlurmArray.largestSize)
        guard !options.print else {
            try Output.standard.write(scripts.joined(separator: "\n"))
            return try Output.standard.flush()
        }
        _ = try ArchiveAccess(common).openOrCreate()
        try IncomingQueue(common.archivePath).prepare()
        for folder in [folder, logs] {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        }
        try prepare()
        let paths = scripts.indices.map { "\(folder)/array-\($0 + 1).sh" }
        for (script, path) in zip(scripts, paths) {
            try script.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let jobs = try SlurmArray.submit(paths)
        common.note(
            "Submitted \(what) in \(parts.count) tasks as \(jobs.joined(separator: ", ")); "
                + "logs are in \(logs).")
        try Output.standard.write(jobs.joined(separator: "\n") + "\n")
    }

    /// Submits scripts that lie in files; answers the numbers of the jobs.
    private static func submit(_ paths: [String]) throws -> [String] {
        var jobs: [String] = []
        for path in paths {
            guard let answer = Scheduler.run("sbatch", ["--parsable", path]) else {
                throw UserError.missing(
                    subject: "sbatch", cause: "there is no such program here",
                    advice: "submit \(path) where there is, or print it with --print")
            }
            guard answer.exitCode == 0 else {
                let said = answer.error.split(whereSeparator: \.isNewline).joined(separator: " ")
                let done =
                    jobs.isEmpty
                    ? "" : " after \(jobs.count) arrays (\(jobs.joined(separator: ", ")))"
                throw UserError(
                    .failure, subject: "sbatch \(path)", cause: "it failed\(done): \(said)",
                    advice: "mend that and submit again; what runs already is left out")
            }
            let job = answer.output.split(whereSeparator: { $0 == ";" || $0.isNewline }).first
            jobs.append(job.map(String.init) ?? "?")
        }
        return jobs
    }
}
