import Foundation
import TestSupport
import Testing

/// Training that is killed at any moment and resumed ends with the bits of one that never was.
///
/// `CAIRN_KILLS` sets the number of kills.
@Suite struct KilledTrainingTests {
    private let settings = [
        "--steps", "12000", "--checkpoint-every", "7", "--evaluate-every", "50",
    ]

    /// Starts `cairn` and kills it after a time, unless it has ended; answers whether it was killed.
    private func killed(
        _ arguments: [String], after seconds: Double, in fixture: CommandLineFixture
    ) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: cairnExecutable())
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "CAIRN_ARCHIVE": fixture.archive, "HOME": fixture.folder.path,
        ]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let end = Date().addingTimeInterval(seconds)
        while process.isRunning, Date() < end { usleep(2_000) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }

    @Test func aKilledRunIsResumedBitIdentically() throws {
        let kills = ProcessInfo.processInfo.environment["CAIRN_KILLS"].flatMap(Int.init) ?? 4
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "whole", settings)
        let whole = try states(of: "whole", in: fixture)
        #expect(whole.count > 1_700)
        var (count, round) = (0, 0)
        while count < kills {
            round += 1
            let name = "killed \(round)"
            var arguments = CommandLineFixture.tiny + settings + ["--name", name]
            // Several kills meet one run: also those that hit while steps are computed again.
            for _ in 0..<5 where count < kills {
                guard
                    try killed(arguments, after: .random(in: 0.02...0.9), in: fixture)
                else { break }
                count += 1
                let begun = try objects(
                    fixture.cairn(
                        [
                            "sql", "--json",
                            "SELECT checkpoint_count FROM runs WHERE name = '\(name)'",
                        ]
                    ).output)
                // Killed before its first checkpoint there is nothing to go on from.
                if begun.first?["checkpoint_count"] as? Int ?? 0 > 0 {
                    arguments = ["resume", name, "--quiet"]
                } else if !begun.isEmpty {
                    break
                }
            }
            let verified = try fixture.cairn(["verify"])
            #expect(verified.exitCode == 0, "\(verified.output) \(verified.error)")
            guard arguments[0] == "resume" else { continue }
            let resumed = try fixture.cairn(arguments)
            // The last kill may have met a run that had just done its last step.
            let isDone = resumed.error.contains("has done all of its 12000 steps")
            #expect(resumed.exitCode == 0 || isDone, "\(resumed.error)")
            #expect(try states(of: name, in: fixture) == whole, "kill \(count)")
        }
        let verified = try fixture.cairn(["verify"])
        #expect(verified.exitCode == 0, "\(verified.output) \(verified.error)")
    }

    /// Step and digest of each checkpoint, and the curve of the test loss.
    private func states(of name: String, in fixture: CommandLineFixture) throws -> [String] {
        let statement = """
            SELECT c.step, c.digest FROM checkpoints c JOIN runs r USING (run)
            WHERE r.name = '\(name)'
            UNION ALL SELECT m.step, m.value FROM metrics m JOIN runs r USING (run)
            WHERE r.name = '\(name)' AND m.name = 'test_loss' ORDER BY 1, 2
            """
        let result = try fixture.cairn(["sql", "--csv", statement])
        #expect(result.exitCode == 0, "\(result.error)")
        return result.output.split(separator: "\n").map(String.init)
    }
}
