internal import Dispatch
internal import Foundation

/// What a finished child process left behind.
package struct ProcessResult: Sendable {
    /// The exit code; 128 + n for a process that signal n ended.
    package let exitCode: Int
    package let output: String
    package let error: String
}

/// Runs a program to its end with captured output.
///
/// One that takes longer than `secondsAllowed` is killed, which its exit code tells.
package func run(
    _ executable: String, _ arguments: [String], input: String = "",
    environment: [String: String] = [:], folder: String? = nil, secondsAllowed: Int? = nil
) throws -> ProcessResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    // Files instead of pipes: a child that writes much can never block on a reader.
    let capture = try TemporaryFolder()
    let outputPath = capture.path("output")
    let errorPath = capture.path("error")
    let inputPath = capture.path("input")
    try Data().write(to: URL(fileURLWithPath: outputPath))
    try Data().write(to: URL(fileURLWithPath: errorPath))
    try Data(input.utf8).write(to: URL(fileURLWithPath: inputPath))
    let output = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))
    let error = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
    let standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: inputPath))
    process.standardOutput = output
    process.standardError = error
    process.standardInput = standardInput
    try process.run()
    let timer = secondsAllowed.map { seconds in
        let timer = DispatchSource.makeTimerSource()
        timer.schedule(deadline: .now() + .seconds(seconds))
        timer.setEventHandler { kill(process.processIdentifier, SIGKILL) }
        timer.resume()
        return timer
    }
    process.waitUntilExit()
    timer?.cancel()
    let signalled = process.terminationReason == .uncaughtSignal
    return ProcessResult(
        exitCode: Int(process.terminationStatus) + (signalled ? 128 : 0),
        output: try String(contentsOfFile: outputPath, encoding: .utf8),
        error: try String(contentsOfFile: errorPath, encoding: .utf8))
}

/// The `cairn` executable that the test build made.
package func cairnExecutable() -> String { builtExecutable("cairn") }

/// An executable that the test build made.
package func builtExecutable(_ name: String) -> String {
    // The test bundle and the executables lie side by side in the build folder.
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0])
    var folder = bundle.deletingLastPathComponent()
    for _ in 0..<6 {
        let candidate = folder.appendingPathComponent(name)
        if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate.path }
        folder = folder.deletingLastPathComponent()
    }
    preconditionFailure("\(name) was not built beside \(bundle.path)")
}
