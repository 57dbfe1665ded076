import Foundation
import TestSupport
import Testing

/// Whether a run's task, network and rows are what its weights were trained as.
@Suite struct NetworkCheckTests {
    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    private func rows(_ arguments: [String]) throws -> [[String: Any]] {
        let result = try fixture.cairn(arguments + ["--json"])
        try #require(result.exitCode == 0, "\(result.error)")
        return try objects(result.output)
    }

    /// The lines of a trainer that trained what Cairn trains as `tiny`, with the rows given.
    private func lines(rows trainRows: [Int]?) throws -> String {
        try fixture.trainTiny()
        try #require(fixture.cairn(["export", "tiny", "--to", "whole"]).exitCode == 0)
        let run = try #require(
            try JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(fileURLWithPath: fixture.folder.path("whole/run.json"))))
                as? [String: Any])
        let configuration = try #require(
            try JSONSerialization.jsonObject(
                with: Data((run["configuration"] as? String ?? "").utf8)) as? [String: Any])
        let network = try JSONSerialization.data(
            withJSONObject: try #require(configuration["network"]))
        let known = try #require(run["train_indices"] as? [Int])
        try Data("\(known)".utf8).write(
            to: fixture.folder.url.appendingPathComponent("rows.json"))
        var text =
            "{\"network\": \(String(decoding: network, as: UTF8.self)), \"task\": \"add mod 7\", "
            + "\"train_indices\": \(trainRows ?? known)}\n"
        for row in try self.rows([
            "sql",
            "SELECT step, name, value FROM metrics WHERE name IN ('train_loss', "
                + "'train_accuracy', 'test_loss') ORDER BY step",
        ]) {
            let (name, value) = (try #require(row["name"]), try #require(row["value"]))
            text += "{\"step\": \(try #require(row["step"])), \"\(name)\": \(value)}\n"
        }
        for step in [0, 40] {
            text +=
                "{\"step\": \(step), \"checkpoint\": "
                + "\"whole/checkpoints/step-\(step == 0 ? "000000000" : "000000040").npz\"}\n"
        }
        return text
    }

    @Test func whatWasTrainedIsReproduced() throws {
        let result = try fixture.cairn(
            ["record", "--name", "own"], input: lines(rows: nil))
        #expect(result.exitCode == 0, "\(result.error)")
        for metric in ["train_loss", "train_accuracy", "test_loss"] {
            #expect(
                result.error.contains("reproduces \(metric) at step 40"), "\(result.error)")
        }
        #expect(!result.error.contains(": no"), "\(result.error)")
        let shown = try fixture.cairn(["show", "own"])
        #expect(shown.output.contains("reproduces train_loss"), "\(shown.output)")
        #expect(try fixture.cairn(["analyze", "hessian", "own"]).exitCode == 0)
    }

    @Test func otherRowsAreNoticedRefusedAndPutRight() throws {
        let wrong = try fixture.cairn(
            ["record", "--name", "own"], input: lines(rows: [1, 2, 3, 4]))
        #expect(
            wrong.error.contains("train_loss") && wrong.error.contains(": no"), "\(wrong.error)")
        let refused = try fixture.cairn(["analyze", "hessian", "own"])
        #expect(refused.error.contains("unverified"), "\(refused.error)")
        #expect(refused.error.contains("in its curve and"), "\(refused.error)")
        // What rests on the task alone does not need the weights: the loss of guessing is ln 7.
        let times = try rows(["analyze", "grokking", "own"])
        #expect(!times.isEmpty)
        for row in times { #expect(abs((row["chance"] as? Double ?? 0) - log(7)) < 1e-9, "\(row)") }
        let trusted = try fixture.cairn(["analyze", "hessian", "own", "--trust-network"])
        #expect(trusted.exitCode == 0, "\(trusted.error)")
        let described = try fixture.cairn(["describe", "own", "--split-indices", "rows.json"])
        #expect(described.exitCode == 0, "\(described.error)")
        #expect(described.error.contains("stale"), "\(described.error)")
        #expect(!described.error.contains(": no"), "\(described.error)")
        let pending = try rows(["analyze", "hessian", "own", "--list"])
        #expect(
            pending.allSatisfy { $0["reason"] as? String == "the run was described anew since" },
            "\(pending)")
        #expect(!pending.isEmpty)
        // The files are the truth.
        try FileManager.default.removeItem(atPath: fixture.archive + "/index.sqlite")
        try #require(fixture.cairn(["reindex"]).exitCode == 0)
        let analysed = try fixture.cairn(["analyze", "hessian", "own"])
        #expect(analysed.exitCode == 0 && !analysed.error.contains("unverified"), "\(analysed)")
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    /// A split that nobody gave is not invented.
    @Test func aSplitThatIsNotKnownIsNotInvented() throws {
        try fixture.trainTiny()
        try #require(fixture.cairn(["export", "tiny@40", "--to", "w.safetensors"]).exitCode == 0)
        let imported = try fixture.cairn([
            "import", "w.safetensors", "--name", "bare", "--task", "add mod 7",
        ])
        #expect(imported.exitCode == 0, "\(imported.error)")
        #expect(
            imported.error.contains("unverified: the rows trained on are not known"),
            "\(imported.error)")
        let refused = try fixture.cairn(["analyze", "hessian", "bare"])
        #expect(refused.error.contains("--split-indices"), "\(refused.error)")
        let all = try fixture.cairn(["analyze", "hessian", "bare", "--split", "all"])
        #expect(all.exitCode == 0 && !all.output.isEmpty, "\(all.error)")
        try fixture.expectRefusal(
            ["describe", "tiny", "--task", "add mod 7"], exitCode: 1, mentions: ["Cairn trained it"]
        )
        try fixture.expectRefusal(
            ["describe", "bare", "--task", "add mod 5"], exitCode: 1, mentions: ["shape"])
        try fixture.expectRefusal(
            ["train", "--operation", "add", "--modulus", "7", "--split", "unknown"], exitCode: 2,
            mentions: ["split unknown"])
    }

    /// A square matrix whose mapping does not say which way round it is: the curve tells it.
    @Test(arguments: [false, true]) func theCurveTurnsASquareMatrix(isTurned: Bool) throws {
        let lines = try lines(rows: nil)
        let script = """
            import json, numpy as np
            state = dict(np.load("whole/checkpoints/step-000000040.npz"))
            assert state["hidden"].shape == (8, 8)
            if \(isTurned ? "True" : "False"): state["hidden"] = state["hidden"].T.copy()
            import os; os.makedirs("mine")
            np.savez("mine/step_40.npz", **{"my_" + k: v for k, v in state.items()})
            """
        try #require(
            run("/usr/bin/python3", ["-c", script], folder: fixture.folder.path("")).exitCode == 0)
        let curves = lines.split(separator: "\n").filter { $0.contains("loss") }
        try Data((curves.joined(separator: "\n") + "\n").utf8).write(
            to: fixture.folder.url.appendingPathComponent("mine/log.jsonl"))
        try Data(
            """
            network: {kind: mlp, embedding_width: 4, hidden_width: 8}
            tensors: {left_embedding: my_left_embedding, right_embedding: my_right_embedding,
              hidden: my_hidden, unembedding: my_unembedding}
            """.utf8
        ).write(to: fixture.folder.url.appendingPathComponent("map.yaml"))
        let imported = try fixture.cairn([
            "import", "mine", "--name", "square", "--network", "map.yaml", "--task", "add mod 7",
            "--split-indices", "rows.json",
        ])
        #expect(imported.exitCode == 0, "\(imported.error)")
        #expect(
            imported.error.contains(
                isTurned
                    ? "hidden is square and was turned" : "hidden is square and taken as it is: so"),
            "\(imported.error)")
        #expect(imported.error.contains("reproduces train_loss at step 40"), "\(imported.error)")
        let digests = try rows([
            "sql",
            "SELECT digest FROM checkpoints JOIN runs USING (run) WHERE step = 40 AND "
                + "runs.name IN ('square', 'tiny')",
        ]).compactMap { $0["digest"] as? String }
        #expect(digests.count == 2 && Set(digests).count == 1, "\(digests)")
        #expect(try fixture.cairn(["analyze", "hessian", "square"]).exitCode == 0)
    }

    /// Options that an import does not use are refused before anything is written.
    @Test func optionsThatDoNotApplyAreRefused() throws {
        try Data("step,train_loss\n0,1\n10,2\n".utf8).write(
            to: fixture.folder.url.appendingPathComponent("a.csv"))
        try Data("step,train_loss\n0,1\n10,3\n".utf8).write(
            to: fixture.folder.url.appendingPathComponent("b.csv"))
        for (arguments, words) in [
            (["a.csv", "--step", "3"], ["--step", "checkpoint alone"]),
            (["a.csv", "--task", "add mod 7"], ["--task"]),
            (["a.csv", "--steps-per-epoch", "5"], ["--steps-per-epoch", "epochs"]),
            (["a.csv", "--steps-from", "name"], ["--steps-from"]),
            (["a.csv", "b.csv", "--name", "x"], ["--name", "one by one"]),
            (["a.csv", "--step", "3", "--steps-from", "name"], ["one of them"]),
            (["a.csv", "--template", "mlp"], ["--template"]),
        ] {
            try fixture.expectRefusal(["import"] + arguments, exitCode: 2, mentions: words)
        }
    }
}
