import Foundation
import TestSupport

/// A harness process whose lines can be read while it runs and after it was killed.
final class HarnessProcess {
    private let process = Process()
    private let capture: TemporaryFolder

    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        capture = try TemporaryFolder()
        process.executableURL = URL(fileURLWithPath: builtExecutable("ArchiveHarness"))
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        for name in ["output", "error"] {
            try Data().write(to: URL(fileURLWithPath: capture.path(name)))
        }
        // A file keeps what was printed before a kill.
        process.standardOutput = try FileHandle(
            forWritingTo: URL(fileURLWithPath: capture.path("output")))
        process.standardError = try FileHandle(
            forWritingTo: URL(fileURLWithPath: capture.path("error")))
        try process.run()
    }

    /// Complete lines so far.
    var lines: [String] {
        let text =
            (try? String(contentsOfFile: capture.path("output"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map(String.init)
    }

    var error: String {
        (try? String(contentsOfFile: capture.path("error"), encoding: .utf8)) ?? ""
    }

    /// Steps that the process reported as saved.
    var savedSteps: [Int] {
        lines.filter { $0.hasPrefix("saved ") }.compactMap { Int($0.dropFirst(6)) }
    }

    /// Waits until a line begins so, or the process ends.
    func wait(for beginning: String) {
        while process.isRunning, !lines.contains(where: { $0.hasPrefix(beginning) }) {
            usleep(1_000)
        }
    }

    var isRunning: Bool { process.isRunning }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// The exit code; 128 + n when signal n ended it.
    @discardableResult
    func finish() -> Int {
        process.waitUntilExit()
        return Int(process.terminationStatus)
            + (process.terminationReason == .uncaughtSignal ? 128 : 0)
    }

    /// A count that the environment can raise for the long form of a test.
    static func count(_ name: String, ordinary: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? ordinary
    }
}
