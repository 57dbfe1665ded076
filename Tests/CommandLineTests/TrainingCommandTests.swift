import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import cairn

/// Runs that are stopped, forked, repeated and listed, as a person would do it.
@Suite struct TrainingCommandTests {
    /// Ctrl-C stops after a last checkpoint; what `cairn resume` makes of it is the whole run.
    @Test(arguments: ["INT", "TERM"]) func aStoppedRunIsResumedBitIdentically(
        signal: String
    ) throws {
        let fixture = try CommandLineFixture()
        let long = ["--steps", "30000", "--checkpoint-every", "1000", "--evaluate-every", "1000"]
        let command =
            (CommandLineFixture.tiny + long + ["--name", "stopped"])
            .map { "'\($0)'" }.joined(separator: " ")
        let script = """
            '\(cairnExecutable())' \(command) > /dev/null &
            pid=$!
            until ls archive/runs/*/loose/000001000.h5 > /dev/null 2>&1; do
                kill -0 $pid 2> /dev/null || break
                sleep 0.01
            done
            kill -\(signal) $pid
            wait $pid
            echo $?
            """
        let stopped = try run(
            "/bin/bash", ["-c", script], environment: ["CAIRN_ARCHIVE": fixture.archive],
            folder: fixture.folder.path)
        #expect(stopped.output == "130\n", "\(stopped.error)")
        let state = try objects(
            fixture.cairn(["sql", "--json", "SELECT status, last_step FROM runs"]).output)
        #expect(state.first?["status"] as? String == "interrupted")
        let last = try #require(state.first?["last_step"] as? Int)
        #expect(last >= 1000 && last < 30_000)
        let resumed = try fixture.cairn(["resume", "stopped", "--quiet", "--json"])
        #expect(resumed.exitCode == 0, "\(resumed.error)")
        try fixture.trainTiny(name: "whole", long)
        let digests = try objects(
            fixture.cairn(
                [
                    "sql", "--json",
                    """
                    SELECT count(*) AS runs, count(DISTINCT digest) AS digests FROM checkpoints
                    WHERE step = 30000
                    """,
                ]
            ).output)
        #expect(digests.first?["runs"] as? Int == 2)
        #expect(digests.first?["digests"] as? Int == 1)
        try fixture.expectRefusal(
            ["resume", "stopped"], exitCode: 1, mentions: ["all of its 30000 steps", "cairn fork"])
    }

    /// Without weight decay the demonstration's network only memorises; a fork with it groks.
    @Test func aForkWithWeightDecayGroks() throws {
        let fixture = try CommandLineFixture()
        let memorised = try fixture.cairn([
            "train", "--preset", "demo", "--weight-decay", "0", "--steps", "400", "--checkpoints",
            "every 200", "--name", "without", "--quiet", "--json",
        ])
        let before = try #require(try objects(memorised.output).first, "\(memorised.error)")
        #expect(before["train_accuracy"] as? Double == 1)
        #expect((before["test_accuracy"] as? Double ?? 1) < 0.1)
        let forked = try fixture.cairn([
            "fork", "without@400", "--weight-decay", "2", "--steps", "3000", "--stop-at",
            "test_accuracy=0.9", "--checkpoints", "every 1000", "--quiet", "--json",
        ])
        let after = try #require(try objects(forked.output).first, "\(forked.error)")
        #expect((after["test_accuracy"] as? Double ?? 0) >= 0.9)
        #expect(after["status"] as? String == "finished")
        #expect((after["step"] as? Int ?? 3000) < 3000, "the condition ends it")
        let ended = try #require(after["run"] as? String)
        try fixture.expectRefusal(
            ["resume", ended], exitCode: 1, mentions: ["test_accuracy=0.9", "--stop-at never"])
    }

    @Test func everyPresetIsListedWithAllItsValues() throws {
        let fixture = try CommandLineFixture()
        let rows = try objects(fixture.cairn(["train", "--list-presets", "--json"]).output)
        #expect(rows.count > 30)
        for row in rows {
            let settings = try #require(row["settings"] as? String)
            for name in ["learning_rate", "weight_decay", "warmup", "train_fraction", "seed"] {
                #expect(settings.contains("\(name): "), "\(row["preset"] ?? "") lacks \(name)")
            }
            #expect((row["published in"] as? String)?.isEmpty == false)
        }
        let one = try objects(
            fixture.cairn(
                ["train", "--preset", "power-divide", "--batch", "full", "--list", "--json"]
            ).output)
        let values = Dictionary(
            one.map { ($0["setting"] as? String ?? "", $0["value"]) }, uniquingKeysWith: { $1 })
        #expect(values["weight_decay"] as? Double == 1)
        #expect(values["normalization"] as? String == "post")
        #expect(values["batch"] as? String == "full")
        #expect((values["published in"] as? String)?.contains("A.1.1") == true)
        try fixture.expectRefusal(
            ["train", "--preset", "nanda", "--list-presets"], exitCode: 2, mentions: ["--list"])
    }

    @Test func thePresetsFitEightyColumns() throws {
        let result = try CommandLineFixture().cairn(["train", "--list-presets"])
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { DisplayWidth.of($0) <= 80 })
        #expect(lines.contains { $0.hasPrefix("  power-divide ") && $0.contains("x / y") })
        #expect(lines.contains("Power et al. 2022, A.1.1 and A.1.2"))
    }

    @Test func everyOperationIsListedWithWhatItAsksFor() throws {
        let fixture = try CommandLineFixture()
        let rows = try objects(fixture.cairn(["train", "--list-operations", "--json"]).output)
        #expect(rows.count >= 24)
        let settings = Dictionary(
            rows.map { ($0["operation"] as? String ?? "", $0["settings"] as? String ?? "") },
            uniquingKeysWith: { $1 })
        #expect(settings["divide"] == "modulus")
        #expect(settings["aba"] == "group, element_order")
        #expect(settings["digit_addition"] == "digits, example_count, task_seed")
        // A table alone says which operation it is for.
        let table = fixture.folder.url.appendingPathComponent("table.json")
        try Data("[[0,1,2],[1,2,0],[2,0,1]]".utf8).write(to: table)
        let trained = try fixture.cairn([
            "train", "--operation-table", table.path, "--answers-only", "--train-fraction", "0.5",
            "--width", "8", "--heads", "2", "--steps", "2", "--json",
        ])
        #expect(trained.exitCode == 0, "\(trained.error)")
        #expect(try objects(trained.output).first?["name"] as? String == "table of 3")
        let exploded = try fixture.cairn(
            CommandLineFixture.tiny + ["--initialization-scale", "1e30"])
        #expect(exploded.exitCode == 1)
        #expect(exploded.error.contains("step 0: the training loss is not a number"))
        #expect(exploded.error.contains("initialization_scale"))
    }

    /// The sweeps behind the table of published behaviour can be repeated.
    @Test func theSweepFilesOfThePublishedBehaviourAreSweeps() throws {
        let fixture = try CommandLineFixture()
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("PublishedBehaviour")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".yaml") }
        #expect(files.count >= 5)
        for file in files {
            let path = folder.appendingPathComponent(file).path
            let listed = try fixture.cairn(["sweep", path, "--dry-run", "--json"])
            #expect(listed.exitCode == 0, "\(file): \(listed.error)")
            #expect(try !objects(listed.output).isEmpty)
        }
    }

    @Test func theRunsOfASweepAreFoundBySQLAndOneFailureIsAlone() throws {
        let fixture = try CommandLineFixture()
        try """
        name: "größe 'x'"
        settings: {modulus: 7, network: mlp, embedding_width: 4, hidden_width: 8, steps: 10}
        list:
          - {train_fraction: 0.5}
          - {train_fraction: 0.6, initialization_scale: 1.0e+30}
          - {train_fraction: 0.7}
        """.write(toFile: fixture.folder.path("s.yaml"), atomically: true, encoding: .utf8)
        let result = try fixture.cairn(["sweep", "s.yaml", "-j", "2", "--json"])
        #expect(result.exitCode == 1)
        #expect(result.error.contains("1 of 3 runs failed"))
        #expect(result.error.contains("/3 größe 'x'/train_fraction="), "\(result.error)")
        let rows = try objects(
            fixture.cairn(
                [
                    "sql", "--json", "-p", "name=größe 'x'",
                    """
                    SELECT status, count(*) AS runs FROM runs JOIN hyperparameters AS h USING (run)
                    WHERE h.name = 'sweep' AND h.value = :name GROUP BY status ORDER BY status
                    """,
                ]
            ).output)
        #expect(rows.map { $0["status"] as? String } == ["failed", "finished"])
        #expect(rows.map { $0["runs"] as? Int } == [1, 2])
    }
}
