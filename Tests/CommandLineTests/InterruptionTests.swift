import Foundation
import TestSupport
import Testing

/// Statements that take too long, readers that go away, and limits of the system.
@Suite struct InterruptionTests {
    @Test func aReaderThatGoesAwayEndsAStatementQuietly() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let endless = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n
            """
        for format in ["--table", "--json", "--nl", "--csv", "--markdown"] {
            let result = try run(
                "/bin/bash",
                [
                    "-c",
                    "'\(cairnExecutable())' sql '\(endless)' \(format) | head -n 2 | wc -l; "
                        + "echo ${PIPESTATUS[0]}",
                ], environment: ["CAIRN_ARCHIVE": fixture.archive])
            #expect(result.output.split(whereSeparator: \.isWhitespace) == ["2", "0"])
            #expect(result.error.isEmpty, "\(format): \(result.error)")
        }
    }

    /// The limit in KiB meets the index when the run begins, its log, or a pack.
    @Test(arguments: [20, 60, 150, 300, 600])
    func aLimitOnFileSizeStopsTrainingInOneSentence(kibibytes: Int) throws {
        let fixture = try CommandLineFixture()
        try #require(try fixture.cairn(["init"]).exitCode == 0)
        let arguments =
            CommandLineFixture.tiny + ["--steps", "1000", "--checkpoint-every", "2", "--name", "a"]
        let limited = try run(
            "/bin/bash",
            ["-c", "ulimit -f \(kibibytes); exec \"$0\" \"$@\"", cairnExecutable()] + arguments,
            environment: ["CAIRN_ARCHIVE": fixture.archive], secondsAllowed: 120)
        #expect(limited.exitCode == 1, "\(limited)")
        #expect(limited.error.split(separator: "\n").count == 1, "\(limited.error)")
        #expect(limited.error.contains("limit"), "\(limited.error)")
        let verified = try fixture.cairn(["verify"])
        #expect(verified.exitCode == 0, "\(verified)")
        // Without the limit, the run goes on.
        let begun = try objects(
            fixture.cairn(["sql", "--json", "SELECT checkpoint_count AS count FROM runs"]).output)
        guard begun.first?["count"] as? Int ?? 0 > 0 else { return }
        let resumed = try fixture.cairn(["resume", "a", "--quiet"])
        #expect(resumed.exitCode == 0, "\(resumed)")
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    /// A limit of 1 KiB leaves no room for a page of the index, one of 40 KiB none for a pack of 61
    /// checkpoints.
    @Test(arguments: [
        (["analyze", "norms"], 2, 1, "cannot write the index"),
        (["tag", "a@1", "x"], 2, 1, "index"),
        (["gc", "a", "--every", "20", "--yes"], 2, 1, "index"),
        (["pack", "a"], 60, 40, "File too large"),
    ])
    func whatCannotBeStoredIsAFailureInOneSentence(
        arguments: [String], lastStep: Int, kibibytes: Int, cause: String
    ) throws {
        let fixture = try CommandLineFixture()
        let killed = try run(
            builtExecutable("ArchiveHarness"),
            ["write", fixture.archive, "a", "\(lastStep)", "99"],
            environment: ["HARNESS_DIE_AFTER": "saved \(lastStep)"])
        try #require(killed.output.hasSuffix("saved \(lastStep)\n"), "\(killed.error)")
        try #require(try fixture.cairn(["tag", "a@0", "kept"]).exitCode == 0)
        let result = try run(
            "/bin/bash",
            [
                "-c", "ulimit -f \(kibibytes); \"$0\" \"$@\" --quiet > /dev/null",
                cairnExecutable(),
            ] + arguments, environment: ["CAIRN_ARCHIVE": fixture.archive], secondsAllowed: 120)
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
        #expect(result.error.contains(cause), "\(result.error)")
        #expect(!result.error.contains("errno") && !result.error.contains(".part"))
        let before = try fixture.cairn(["verify"])
        #expect(before.exitCode == 0, "\(before)")
        // Whoever opens the archive for writing next makes the rows that are missing.
        _ = try fixture.cairn(["tag", "a@2", "y"])
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
        let litter = try FileManager.default.contentsOfDirectory(
            atPath: fixture.archive + "/temporary")
        #expect(litter.isEmpty, "\(litter)")
    }

    @Test func aStatementStopsAtItsTimeLimit() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let result = try fixture.cairn(
            [
                "sql", "--timeout", "0.2",
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                    + "SELECT count(*) FROM n",
            ])
        #expect(result.exitCode == 1)
        #expect(result.error.contains("longer than its limit"))
    }
}
