import Foundation
import TestSupport
import Testing

/// Statements that take too long, and readers that go away.
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
