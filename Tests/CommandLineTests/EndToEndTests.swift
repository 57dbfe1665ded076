import Checkpoints
import Foundation
import TestSupport
import Testing

/// One small run from training to its analyses, as a person would do it.
@Suite struct EndToEndTests {
    @Test func aRunIsListedShownQueriedAndAnalysedInEveryFormat() throws {
        let fixture = try CommandLineFixture()
        let trained = try fixture.trainTiny(name: "größe \"eins\"", ["--json"])
        let outcome = try #require(try objects(trained.output).first)
        #expect(outcome["status"] as? String == "finished")
        #expect(outcome["step"] as? Int == 40)
        #expect((outcome["steps_per_second"] as? Double ?? 0) > 0)
        let run = try #require(outcome["run"] as? String)
        let commands = [
            ["ls"], ["show", run], ["show", run + "@last"], ["show", run, "--hyperparameters"],
            ["sql", "SELECT name, step, value FROM metrics ORDER BY name, step"],
            ["query", "runs"], ["analyze", "norms"], ["analyze", "fourier", run],
            ["analyze", "grokking"], ["analyze", "hessian", run + "@40", "--top", "2"], ["du"],
            ["verify"], ["analyze", "--list"], ["query"], ["doctor"],
        ]
        for command in commands {
            for format in ["--table", "--json", "--nl", "--csv", "--markdown"] {
                let result = try fixture.cairn(command + [format, "--quiet"])
                #expect(result.exitCode == 0, "\(command) \(format): \(result.error)")
                try check(result.output, format, command)
            }
        }
    }

    private func check(_ text: String, _ format: String, _ command: [String]) throws {
        let lines = text.split(separator: "\n")
        switch format {
        case "--json":
            let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
            #expect(value is [Any] || command.first == "show", "\(command)")
        case "--nl":
            for line in lines {
                #expect(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any],
                    "\(command)")
            }
        case "--markdown":
            #expect(lines.allSatisfy { $0.hasPrefix("| ") && $0.hasSuffix(" |") }, "\(command)")
        default: break
        }
    }

    @Test func namesWithQuotesAndUnicodeSurvive() throws {
        let fixture = try CommandLineFixture()
        let name = "重み, \"quoted\" 'n' | \\ größe"
        try fixture.trainTiny(name: name)
        let listed = try objects(fixture.cairn(["ls", "--json"]).output)
        #expect(listed.first?["name"] as? String == name)
        let asked = try fixture.cairn(
            ["sql", "SELECT name FROM runs WHERE name = :name", "-p", "name=" + name, "--json"])
        #expect(try objects(asked.output).first?["name"] as? String == name)
        #expect(try fixture.cairn(["show", name]).exitCode == 0)
    }

    @Test func runningAnAnalysisAgainComputesNothing() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let first = try fixture.cairn(["analyze", "norms", "--json"])
        #expect(first.error.contains("5 computed"))
        let second = try fixture.cairn(["analyze", "norms", "--json"])
        #expect(second.error.contains("0 computed") && second.error.contains("5 were up to date"))
        #expect(first.output == second.output)
        let forced = try fixture.cairn(["analyze", "norms", "tiny@last", "--recompute", "--json"])
        #expect(forced.error.contains("1 computed"))
    }

    @Test func theSettingsOfARunTrainItsTwin() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "first")
        let settings = try fixture.cairn(["show", "first", "--configuration"]).output
        try settings.write(
            toFile: fixture.folder.path("first.json"), atomically: true, encoding: .utf8)
        let again = try fixture.cairn(
            ["train", "--configuration", "first.json", "--name", "second", "--quiet"])
        #expect(again.exitCode == 0, "\(again.error)")
        #expect(try digest("first@last", fixture) == digest("second@last", fixture))
    }

    @Test func everyStepOfASparselyStoredRunCanBeReplayed() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "dense", ["--checkpoint-every", "1"])
        try fixture.trainTiny(name: "sparse", ["--checkpoint-every", "20"])
        let replayed = try fixture.cairn(["replay", "sparse@33", "--json"])
        #expect(replayed.exitCode == 0, "\(replayed.error)")
        let row = try #require(try objects(replayed.output).first)
        #expect(row["proof"] as? String == "identical")
        #expect(row["digest"] as? String == (try digest("dense@33", fixture)))
    }

    @Test func aForkRemembersItsParent() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let fork = try fixture.cairn(
            ["fork", "tiny@20", "--weight-decay", "0.5", "--steps", "50", "--quiet", "--json"])
        #expect(fork.exitCode == 0, "\(fork.error)")
        let rows = try objects(
            fixture.cairn(
                [
                    "sql", "--json",
                    """
                    SELECT c.parent_step, c.last_step, p.name AS parent
                    FROM runs AS c JOIN runs AS p ON p.run = c.parent_run
                    """,
                ]
            ).output)
        #expect(rows.count == 1)
        #expect(rows.first?["parent_step"] as? Int == 20)
        #expect(rows.first?["last_step"] as? Int == 50)
        #expect(rows.first?["parent"] as? String == "tiny")
    }

    @Test func aSweepSkipsWhatIsFinished() throws {
        let fixture = try CommandLineFixture()
        let file = fixture.folder.path("decay.yaml")
        try """
        settings:
          modulus: 7
          network: mlp
          embedding_width: 4
          hidden_width: 8
          train_fraction: 0.5
          steps: 10
        grid:
          weight_decay: [0.1, 1]
        seeds: 2
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let first = try fixture.cairn(["sweep", "decay.yaml", "-j", "2", "--json", "--quiet"])
        #expect(first.exitCode == 0, "\(first.error)")
        #expect(
            try objects(first.output).map { $0["ended"] as? String }
                == Array(repeating: "finished", count: 4))
        let second = try fixture.cairn(["sweep", "decay.yaml", "--json", "--quiet"])
        #expect(
            try objects(second.output).map { $0["ended"] as? String }
                == Array(repeating: "skipped", count: 4))
        try fixture.expectRefusal(
            ["sweep", "missing.yaml"], exitCode: 1, mentions: ["missing.yaml"])
        try "setings: {modulus: 7}".write(toFile: file, atomically: true, encoding: .utf8)
        try fixture.expectRefusal(
            ["sweep", "decay.yaml"], exitCode: 2, mentions: ["setings", "line 1"])
    }

    @Test func upkeepCommandsKeepTheArchiveSound() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let digestBefore = try digest("tiny@last", fixture)
        try fixture.expectRefusal(["gc", "--every", "20"], exitCode: 2, mentions: ["--yes"])
        let plan = try objects(
            fixture.cairn(["gc", "--every", "20", "--dry-run", "--json"]).output)
        #expect(plan.contains { $0["stays"] as? String == "no" })
        for command in [["gc", "--every", "20", "--yes"], ["pack"], ["reindex"]] {
            let result = try fixture.cairn(command)
            #expect(result.exitCode == 0, "\(command): \(result.error)")
            #expect(try fixture.cairn(["verify"]).exitCode == 0)
        }
        #expect(try digest("tiny@last", fixture) == digestBefore)
        let other = fixture.folder.path("other")
        for _ in 0..<2 {
            let merged = try fixture.cairn(["merge", fixture.archive, "--archive", other])
            #expect(merged.exitCode == 0, "\(merged.error)")
        }
        #expect(try fixture.cairn(["verify", "--archive", other]).exitCode == 0)
    }

    @Test func aTruncatedCheckpointFileIsNamed() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let folder = fixture.archive + "/runs"
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
        let pack = try #require(files.first { $0.contains("pack-") })
        let path = folder + "/" + pack
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 2000)
        let verified = try fixture.cairn(["verify"])
        #expect(verified.exitCode == 3)
        #expect(verified.output.contains(URL(fileURLWithPath: pack).lastPathComponent))
        try fixture.expectRefusal(
            ["replay", "tiny@last"], exitCode: 3,
            mentions: [URL(fileURLWithPath: pack).lastPathComponent])
    }

    private func digest(_ checkpoint: String, _ fixture: CommandLineFixture) throws -> String {
        let result = try fixture.cairn(["show", checkpoint, "--json"])
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        return try #require((object as? [String: Any])?["digest"] as? String)
    }
}
