import Foundation
import TestSupport
import Testing

/// The commands rename, rm and describe: what came in wrong can be put right.
@Suite struct RunCareTests {
    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    private func rows(_ arguments: [String]) throws -> [[String: Any]] {
        let result = try fixture.cairn(arguments + ["--json"])
        try #require(result.exitCode == 0, "\(result.error)")
        return try objects(result.output)
    }

    @Test func aNewNameSurvivesTheIndex() throws {
        try fixture.trainTiny()
        let renamed = try fixture.cairn(["rename", "tiny", "my run"])
        #expect(renamed.exitCode == 0, "\(renamed.error)")
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
        try FileManager.default.removeItem(atPath: fixture.archive + "/index.sqlite")
        try #require(fixture.cairn(["reindex"]).exitCode == 0)
        let runs = try rows(["ls"])
        #expect(runs.first?["name"] as? String == "my run")
        #expect(runs.first?["status"] as? String == "finished")
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
        // Training goes on under the new name.
        let forked = try fixture.cairn([
            "fork", "my run@20", "--steps", "50", "--name", "child", "--quiet",
        ])
        #expect(forked.exitCode == 0, "\(forked.error)")
    }

    /// An index that was left behind by a run's new file is brought in line when it is opened.
    @Test func aRenameThatWasCutShortIsFinished() throws {
        try fixture.trainTiny()
        let before = fixture.folder.url.appendingPathComponent("index")
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: fixture.archive + "/index.sqlite"), to: before)
        try #require(fixture.cairn(["rename", "tiny", "second"]).exitCode == 0)
        let id = try #require(try rows(["ls"]).first?["run"] as? String)
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: fixture.archive + "/index.sqlite" + suffix)
        }
        try FileManager.default.copyItem(
            at: before, to: URL(fileURLWithPath: fixture.archive + "/index.sqlite"))
        try Data().write(to: URL(fileURLWithPath: fixture.archive + "/temporary/adopt-" + id))
        try #require(fixture.cairn(["tag", "second", "kept"]).exitCode == 0)
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    @Test func aRemovedRunLiesInTheTrashAndComesBack() throws {
        try fixture.trainTiny(name: "stays")
        try fixture.trainTiny(name: "goes", ["--seed", "1"])
        let runs = try rows(["ls"])
        let id = try #require(
            runs.first { $0["name"] as? String == "goes" }?["run"] as? String)
        try fixture.expectRefusal(["rm", "goes"], exitCode: 2, mentions: ["--yes"])
        let before = try fixture.state()
        #expect(try fixture.cairn(["rm", "goes", "--dry-run"]).exitCode == 0)
        #expect(try fixture.state() == before)
        let removed = try fixture.cairn(["rm", "goes", "--yes"])
        #expect(removed.exitCode == 0, "\(removed.error)")
        #expect(try rows(["ls"]).count == 1)
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
        // By hand, as the help says.
        try FileManager.default.moveItem(
            atPath: "\(fixture.archive)/trash/\(id)/run", toPath: "\(fixture.archive)/runs/\(id)")
        try #require(fixture.cairn(["reindex"]).exitCode == 0)
        #expect(try rows(["ls"]).count == 2)
        try #require(fixture.cairn(["rm", "goes", "--yes", "--purge"]).exitCode == 0)
        #expect(!FileManager.default.fileExists(atPath: "\(fixture.archive)/trash/\(id)"))
    }

    @Test func aTaggedRunIsNotRemoved() throws {
        try fixture.trainTiny()
        try #require(fixture.cairn(["tag", "tiny@20", "keep"]).exitCode == 0)
        try fixture.expectRefusal(
            ["rm", "tiny", "--yes"], exitCode: 1, mentions: ["tagged keep at step 20", "untag"])
    }
}
