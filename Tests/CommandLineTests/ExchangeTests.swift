import Checkpoints
import Foundation
import TestSupport
import Testing

/// The commands import, export and record, as people use them.
@Suite struct ExchangeTests {
    private static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Examples")
    private static let torch = ReferencePython.interpreter(with: "torch", "numpy")
    private static let jax = ReferencePython.interpreter(with: "jax", "numpy")
    private static let h5py = ReferencePython.interpreter(with: "h5py", "numpy")

    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    private func rows(_ arguments: [String]) throws -> [[String: Any]] {
        let result = try fixture.cairn(arguments + ["--json"])
        try #require(result.exitCode == 0, "\(result.error)")
        let value = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        return try #require(value as? [[String: Any]])
    }

    private func digest(_ checkpoint: String, archive: String? = nil) throws -> String {
        let place = archive.map { ["--archive", $0] } ?? []
        let result = try fixture.cairn(["show", checkpoint, "--json"] + place)
        let value = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        return try #require((value as? [String: Any])?["digest"] as? String, "\(result.error)")
    }

    @Test func aTrainedRunGoesOutAndComesBackUnchanged() throws {
        try fixture.trainTiny()
        for name in ["w.safetensors", "w.npz", "w.h5", "c.csv", "c.jsonl", "whole"] {
            let result = try fixture.cairn(["export", "tiny", "--to", name])
            #expect(result.exitCode == 0 && result.output.isEmpty, "\(result.error)")
        }
        let original = try digest("tiny@last")
        let other = fixture.folder.path("other")
        let imported = try rows(["import", "whole", "--archive", other])
        #expect(imported.first?["outcome"] as? String == "imported")
        #expect(try digest("tiny@last", archive: other) == original)
        #expect(try digest("tiny@first", archive: other) == digest("tiny@first"))
        let again = try rows(["import", "whole", "--archive", other])
        #expect(again.first?["outcome"] as? String == "already there")
        // The weights alone: same digest in another run.
        for name in ["w.safetensors", "w.npz", "w.h5"] {
            _ = try rows(["import", name, "--name", name, "--archive", other])
            #expect(try digest("\(name)@last", archive: other) == original, "\(name)")
        }
        let curves = try String(contentsOfFile: fixture.folder.path("c.csv"), encoding: .utf8)
        #expect(curves.hasPrefix("name,step,value\n"))
        #expect(curves.split(separator: "\n").count > 8)
        try fixture.expectRefusal(
            ["export", "tiny", "--to", "w.npz"], exitCode: 2, mentions: ["w.npz", "exists"])
        #expect(try fixture.cairn(["export", "tiny", "--to", "w.npz", "--force"]).exitCode == 0)
    }

    @Test func whatCannotBeImportedChangesNothing() throws {
        try Data("words".utf8).write(to: fixture.folder.url.appendingPathComponent("a.pt"))
        try fixture.expectRefusal(
            ["import", "a.pt"], exitCode: 1, mentions: ["a.pt", "not a PyTorch file"])
        try fixture.expectRefusal(
            ["import", "missing"], exitCode: 1, mentions: ["missing"])
        try Data([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]).write(
            to: fixture.folder.url.appendingPathComponent("b.h5"))
        try fixture.expectRefusal(["import", "b.h5"], exitCode: 1, mentions: ["b.h5", "HDF5"])
        try fixture.expectRefusal(
            ["import", "a.pt", "--task", "add by 3"], exitCode: 2, mentions: ["add by 3"])
    }

    /// A file of another network among a series is refused, and spoils nothing else.
    @Test func oneBadFileSpoilsNothing() throws {
        try fixture.trainTiny()
        try FileManager.default.createDirectory(
            atPath: fixture.folder.path("series"), withIntermediateDirectories: true)
        for (name, value) in [("step_1", "[1.0]"), ("step_2", "[2.0]"), ("step_3", "[3.0, 4.0]")] {
            let script = """
                import json, struct
                values = \(value)
                header = json.dumps({"w": {"dtype": "F32", "shape": [len(values)],
                                           "data_offsets": [0, 4 * len(values)]}}).encode()
                with open("series/\(name).safetensors", "wb") as file:
                    file.write(struct.pack("<Q", len(header)) + header)
                    file.write(struct.pack(f"<{len(values)}f", *values))
                """
            let made = try run(
                "/usr/bin/python3", ["-c", script], folder: fixture.folder.path)
            try #require(made.exitCode == 0, "\(made.error)")
        }
        let before = try rows(["ls"])
        let result = try fixture.cairn(["import", "series"])
        #expect(result.exitCode == 1)
        #expect(result.error.contains("not those of the other steps"), "\(result.error)")
        #expect(result.error.contains("1 refused"), "\(result.error)")
        let after = try rows(["ls"])
        #expect(after.count == before.count + 1)
        #expect(after.contains { $0["checkpoint_count"] as? Int == 2 })
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    @Test func aDryRunSaysWhatWouldBeMade() throws {
        try Data("step,loss\n1,2\n".utf8).write(
            to: fixture.folder.url.appendingPathComponent("log.csv"))
        let before = try fixture.state()
        let rows = try rows(["import", "log.csv", "--dry-run"])
        #expect(rows.first?["outcome"] as? String == "would import")
        #expect(try fixture.state() == before)
    }

    @Test func aKilledRecorderLosesNothingItRead() throws {
        let recorder = Process()
        recorder.executableURL = URL(fileURLWithPath: cairnExecutable())
        recorder.arguments = ["record", "--name", "killed", "--archive", fixture.archive]
        recorder.standardOutput = FileHandle.nullDevice
        recorder.standardError = FileHandle.nullDevice
        let trainer = Pipe()
        recorder.standardInput = trainer
        try recorder.run()
        for step in 0..<6 {
            trainer.fileHandleForWriting.write(
                Data("{\"step\": \(step), \"train_loss\": \(step)}\n".utf8))
        }
        // What it has read stands in its spool; the kill comes at any moment after.
        let spool = fixture.archive + "/spool"
        let deadline = Date().addingTimeInterval(30)
        while Date() < deadline, readLines(below: spool) < 6 { usleep(20_000) }
        try #require(readLines(below: spool) == 6)
        kill(recorder.processIdentifier, SIGKILL)
        recorder.waitUntilExit()
        let next = try fixture.cairn(["record", "--name", "next"], input: "hello\n")
        #expect(next.output == "hello\n")
        #expect(next.error.contains("Stored what was left of killed"), "\(next.error)")
        let values = try rows(["sql", "SELECT step, value FROM metrics ORDER BY step"])
        #expect(values.compactMap { $0["step"] as? Int } == [0, 1, 2, 3, 4, 5])
        let runs = try rows(["ls"])
        #expect(runs.first?["status"] as? String == "interrupted")
    }

    /// The lines that a recorder has put into its spool.
    private func readLines(below spool: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: spool)) ?? []
        return names.reduce(0) { count, name in
            let text = try? String(contentsOfFile: "\(spool)/\(name)/lines.tsv", encoding: .utf8)
            // Behind the lines there may be room that is reserved for more.
            return count + (text?.split(separator: "\n").count { $0.contains("\t") } ?? 0)
        }
    }

    /// Pipes an example into the recorder.
    private func record(_ example: String, _ interpreter: String) throws {
        let path = Self.examples.appendingPathComponent(example).path
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count <= 15)
        let trained = try run(interpreter, [path], folder: fixture.folder.path)
        try #require(trained.exitCode == 0, "\(trained.error)")
        let result = try run(
            "/bin/bash",
            ["-c", "'\(interpreter)' '\(path)' | '\(cairnExecutable())' record --name example"],
            environment: ["CAIRN_ARCHIVE": fixture.archive], folder: fixture.folder.path)
        #expect(result.exitCode == 0, "\(result.error)")
        let runs = try rows(["ls"])
        #expect(runs.first?["status"] as? String == "finished")
        #expect(runs.first?["checkpoint_count"] as? Int == 3)
        let losses = try rows(["sql", "SELECT value FROM metrics ORDER BY step"])
        #expect(losses.count == 21)
    }

    @Test(.enabled(if: torch != nil, "torch is not installed")) func pyTorchIsRecorded() throws {
        try record("record_pytorch.py", try #require(Self.torch))
    }

    @Test(.enabled(if: jax != nil, "jax is not installed")) func jaxIsRecorded() throws {
        try record("record_jax.py", try #require(Self.jax))
    }

    /// The files that the description in `schema/` asks for, written with h5py alone.
    @Test(
        .enabled(
            if: h5py != nil, "h5py is not installed"))
    func aRunWrittenWithH5pyIsARun() throws {
        try fixture.trainTiny()
        let path = Self.examples.appendingPathComponent("write_run_h5py.py").path
        let written = try run(try #require(Self.h5py), [path, fixture.archive])
        try #require(written.exitCode == 0, "\(written.error)")
        let indexed = try fixture.cairn(["reindex"])
        #expect(indexed.exitCode == 0, "\(indexed.error)")
        let verified = try fixture.cairn(["verify"])
        #expect(verified.exitCode == 0, "\(verified.output) \(verified.error)")
        let values = try rows([
            "sql",
            "SELECT r.name, m.step, m.value FROM metrics AS m JOIN runs AS r ON r.run = m.run "
                + "WHERE r.name = 'by hand' ORDER BY m.step",
        ])
        #expect(values.compactMap { $0["step"] as? Int } == [0, 100])
        #expect(try digest("by hand@100").count == 64)
    }

    /// An optimiser without memory, as SGD without momentum is, has a state without tensors.
    @Test func anOptimizerWithoutTensorsGoesOutAndComesBack() throws {
        let other = fixture.folder.path("other")
        let script = """
            import json, struct
            header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                                 "__metadata__": {"step": "10"}}).encode()
            with open("w.safetensors", "wb") as file:
                file.write(struct.pack("<Q", len(header)) + header + struct.pack("<f", 1))
            """
        try #require(
            run("/usr/bin/python3", ["-c", script], folder: fixture.folder.path).exitCode == 0)
        _ = try rows(["import", "w.safetensors", "--name", "plain"])
        try #require(fixture.cairn(["export", "plain", "--to", "whole"]).exitCode == 0)
        // What a checkpoint of such an optimiser is exported as.
        let optimizer = fixture.folder.path("whole/optimizer")
        try FileManager.default.createDirectory(
            atPath: optimizer, withIntermediateDirectories: true)
        let state = "{\"param_groups\": [{\"lr\": 0.1}]}"
        try Data(state.utf8).write(
            to: URL(fileURLWithPath: optimizer + "/step-000000010.json"))
        _ = try rows(["import", "whole", "--archive", other])
        let again = try fixture.cairn(["export", "plain", "--archive", other, "--to", "again"])
        #expect(again.exitCode == 0, "\(again.error)")
        let path = fixture.folder.path("again/optimizer/step-000000010.json")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == state)
        #expect(
            !FileManager.default.fileExists(
                atPath: fixture.folder.path("again/optimizer/step-000000010.npz")))
        let third = try rows(["import", "again", "--archive", fixture.folder.path("third")])
        #expect(third.first?["outcome"] as? String == "imported")
    }

    @Test(arguments: ["npz", "safetensors", "h5"])
    func exportedWeightsKnowTheirStep(suffix: String) throws {
        try fixture.trainTiny()
        try #require(fixture.cairn(["export", "tiny@30", "--to", "w.\(suffix)"]).exitCode == 0)
        let imported = try rows([
            "import", "w.\(suffix)", "--archive", fixture.folder.path("other"),
        ])
        #expect(imported.first?["first_step"] as? Int == 30)
    }
}
