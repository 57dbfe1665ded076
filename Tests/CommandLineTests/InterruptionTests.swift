import Foundation
import TestSupport
import Testing

/// Ctrl-C, and readers that go away.
@Suite struct InterruptionTests {
    @Test func anInterruptedRunEndsCleanlyWithASoundArchive() throws {
        let fixture = try CommandLineFixture()
        // A shell starts a long training, waits until the run has begun and interrupts it.
        let arguments =
            (CommandLineFixture.tiny + ["--name", "cut", "--steps", "9000000"]
            + ["--checkpoint-every", "100000", "--evaluate-every", "100000"])
            .map { "'\($0)'" }.joined(separator: " ")
        let script = """
            '\(cairnExecutable())' \(arguments) &
            pid=$!
            while ! ls '\(fixture.archive)'/runs/*/run.h5 > /dev/null 2>&1; do sleep 0.05; done
            kill -INT $pid
            wait $pid
            echo "code $?"
            """
        let cut = try run(
            "/bin/bash", ["-c", "set -m; " + script],
            environment: ["CAIRN_ARCHIVE": fixture.archive], folder: fixture.folder.path)
        #expect(cut.output.contains("code 130"), "\(cut.output) \(cut.error)")
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
        let status = try objects(fixture.cairn(["ls", "cut", "--json"]).output)
        #expect(status.first?["status"] as? String == "interrupted")
    }

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
