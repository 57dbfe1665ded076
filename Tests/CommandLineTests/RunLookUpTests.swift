import Foundation
import TestSupport
import Testing

/// Every command means the same run by the same words, and refuses the same ones in one sentence.
@Suite struct RunLookUpTests {
    private func id(_ fixture: CommandLineFixture, named name: String) throws -> String {
        let rows = try objects(fixture.cairn(["ls", "--json"]).output)
        return try #require(rows.first { $0["name"] as? String == name }?["run"] as? String)
    }

    private func commands(_ run: String, _ fixture: CommandLineFixture) -> [[String]] {
        [
            ["show", run], ["show", "\(run)@last"], ["tag", run], ["verify", run], ["pack", run],
            ["resume", run], ["fork", "\(run)@0"], ["replay", "\(run)@0"],
            ["export", run, "--to", fixture.folder.path("x.h5")],
        ]
    }

    @Test func aNameWinsOverTheBeginningOfAnID() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "first")
        let first = try id(fixture, named: "first")
        let prefix = String(first.prefix(4))
        try fixture.trainTiny(name: prefix)
        let second = try id(fixture, named: prefix)
        for (text, meant) in [(prefix, second), (String(first.prefix(5)), first), (first, first)] {
            let shown = try fixture.cairn(["show", text, "--json"])
            #expect(shown.output.contains(meant), "\(shown)")
            for command in [["tag", text, "seen"], ["pack", text], ["verify", text]] {
                #expect(try fixture.cairn(command).exitCode == 0, "\(command)")
            }
            let tags = try fixture.cairn(["sql", "SELECT run FROM tags WHERE tag = 'seen'"])
            #expect(tags.output.contains(meant))
            _ = try fixture.cairn(["untag", text, "seen"])
        }
    }

    @Test func wordsThatMeanSeveralOrNoneAreRefusedInOneSentence() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "twin")
        let loud = CommandLineFixture.tiny.filter { $0 != "--quiet" } + ["--name", "twin"]
        let second = try fixture.cairn(loud)
        #expect(second.error.contains("1 run named twin already"))
        for text in ["twin", "nobody"] {
            let sentences = try commands(text, fixture).map { command in
                let result = try fixture.cairn(command)
                #expect(result.exitCode == 1, "\(command): \(result.error)")
                return result.error
            }
            #expect(Set(sentences).count == 1, "\(sentences)")
        }
    }
}
