import Foundation
import TestSupport
import Testing

/// `cairn tag` and `cairn untag`.
@Suite struct TagCommandTests {
    @Test func tagsAreListedSparedAndTakenOff() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        #expect(try fixture.cairn(["tag", "tiny@20", "grokked", "figure 2"]).exitCode == 0)
        #expect(try fixture.cairn(["tag", "tiny@last", "end"]).exitCode == 0)
        let listed = try fixture.cairn(["tag", "tiny", "--csv"])
        let lines = listed.output.split(separator: "\n").map {
            $0.split(separator: ",").dropFirst()
        }
        #expect(
            lines.map { $0.joined(separator: ",") }
                == ["step,tag", "40,end", "20,figure 2", "20,grokked"])
        let plan = try fixture.cairn(["gc", "tiny", "--every", "1000", "--dry-run", "--csv"])
        #expect(plan.output.contains("tagged"))
        #expect(try fixture.cairn(["untag", "tiny@20", "grokked"]).exitCode == 0)
        try fixture.expectRefusal(
            ["untag", "tiny@20", "grokked"], exitCode: 1, mentions: ["grokked", "figure 2"])
        try fixture.expectRefusal(["tag", "tiny@15", "x"], exitCode: 1, mentions: ["15"])
        try fixture.expectRefusal(["tag", "tiny@20", ""], exitCode: 2, mentions: ["tag"])
        let query = try fixture.cairn(["sql", "SELECT tag, step FROM tags ORDER BY tag", "--csv"])
        #expect(query.output == "tag,step\nend,40\nfigure 2,20\n")
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }
}
