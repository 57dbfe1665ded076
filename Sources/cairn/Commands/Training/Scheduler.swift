internal import Foundation

/// Slurm's programs.
enum Scheduler {
    struct Answer {
        let exitCode: Int32
        let output: String
        let error: String
    }

    /// Runs a program of the scheduler; nil where there is none of this name.
    static func run(_ program: String, _ arguments: [String]) -> Answer? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let (output, error) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = error
        guard (try? process.run()) != nil else { return nil }
        // Its few lines fit into a pipe.
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errors = String(
            decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        // What `env` says of a program that is not there.
        guard process.terminationStatus != 127 else { return nil }
        return Answer(exitCode: process.terminationStatus, output: text, error: errors)
    }

    /// The state of a job, as `RUNNING`; nil where Slurm does not tell.
    static func state(of job: String) -> String? {
        run("scontrol", ["show", "job", "-o", job]).flatMap { value("JobState", in: $0.output) }
    }

    /// Queues a running job again, which ends it here.
    static func requeue(_ job: String) -> Bool { run("scontrol", ["requeue", job])?.exitCode == 0 }

    /// A value of `scontrol`'s `NAME=VALUE` texts.
    static func value(_ name: String, in text: String) -> String? {
        text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("\(name)=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }
}
