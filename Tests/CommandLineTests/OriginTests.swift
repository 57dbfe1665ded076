import Foundation
import TestSupport
import Testing

/// What an import keeps about where a run comes from, and the way back to its first names.
@Suite struct OriginTests {
    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    private func makeLayouts() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Examples/make_layout_variants.py").path
        let made = try run("/usr/bin/python3", [script, fixture.folder.path("runs")])
        try #require(made.exitCode == 0, "\(made.error)")
    }

    private func digest(_ checkpoint: String) throws -> String {
        let shown = try fixture.cairn(["show", checkpoint, "--nl"])
        let object = try JSONSerialization.jsonObject(with: Data(shown.output.utf8))
        return try #require((object as? [String: Any])?["digest"] as? String, "\(shown.error)")
    }

    private func names(_ run: String) throws -> [String] {
        try objects(
            fixture.cairn([
                "sql",
                "SELECT t.name FROM tensors t JOIN runs r USING (run) WHERE r.name = '\(run)'",
                "--json",
            ]).output
        ).compactMap { $0["name"] as? String }
    }

    /// Weights go out as they were named and laid out, and come in again with the same bits.
    @Test(arguments: [
        ("C7_T_seed1", "blocks.0.attn.W_Q"), ("A5_MLP_seed1", "W_x"),
        ("grok_divide", "decoder.blocks.0.self_attn.Wo.weight"),
        ("lens_deep", "blocks.0.attn.W_Q"), ("lens_plain", "embed.W_E"),
    ])
    func originalNamesComeInAgain(layout: String, tensor: String) throws {
        try makeLayouts()
        let path = layout.hasPrefix("lens") ? "runs/\(layout).pth" : "runs/\(layout)"
        let first = try fixture.cairn(["import", path, "--name", "first"])
        try #require(first.exitCode == 0, "\(first.error)")
        for suffix in ["safetensors", "npz"] {
            let file = "out.\(suffix)"
            let exported = try fixture.cairn(["export", "first", "--to", file, "--original-names"])
            try #require(exported.exitCode == 0, "\(exported.error)")
            let second = try fixture.cairn(["import", file, "--name", suffix])
            #expect(second.exitCode == 0, "\(second.error)")
            let plan = try fixture.cairn(["show", suffix, "--origin", "--csv"])
            #expect(plan.output.contains(tensor), "\(plan.output)")
            #expect(try digest("\(suffix)@last") == digest("first@last"))
        }
    }

    /// Parts stacked, sliced, reshaped and turned by a mapping are put together again.
    @Test func mappedTensorsComeInAgain() throws {
        let script = """
            import numpy as np
            r = np.random.default_rng(0)
            f = lambda *s: r.standard_normal(s).astype(np.float32)
            np.savez("mapped.npz", table=f(5, 4), place=f(2, 4), qkv=f(12, 4), out=f(4, 4),
                     up=f(8, 4), down=f(4, 8), head=f(5, 4))
            """
        let made = try run(
            "/usr/bin/python3", ["-c", script], folder: fixture.folder.path(""))
        try #require(made.exitCode == 0, "\(made.error)")
        let part = { (index: Int) in
            "{from: qkv, slice: [0, \(4 * index), \(4 * index + 4)], shape: [2, 2, 4], "
                + "axes: [0, 2, 1]}"
        }
        try Data(
            """
            network: {kind: transformer, layers: 1, width: 4, heads: 2, mlp_width: 8, \
            mlp_biases: false}
            tensors:
              embedding: table
              positions: place
              blocks.0.attention.query: \(part(0))
              blocks.0.attention.key: \(part(1))
              blocks.0.attention.value: \(part(2))
              blocks.0.attention.output: {from: out, shape: [4, 2, 2], axes: [1, 2, 0]}
              blocks.0.mlp.input: {from: up, axes: [1, 0]}
              blocks.0.mlp.output: {from: down, axes: [1, 0]}
              unembedding: {from: head, axes: [1, 0]}
            """.utf8
        ).write(to: fixture.folder.url.appendingPathComponent("map.yaml"))
        let imported = try fixture.cairn([
            "import", "mapped.npz", "--network", "map.yaml", "--step", "3",
        ])
        try #require(imported.exitCode == 0, "\(imported.error)")
        try #require(
            fixture.cairn(["export", "mapped", "--to", "back.npz", "--original-names"]).exitCode
                == 0)
        let compare = """
            import numpy as np
            a, b = np.load("mapped.npz"), np.load("back.npz")
            assert sorted(a) == sorted(b), (sorted(a), sorted(b))
            assert all((a[k] == b[k]).all() and a[k].shape == b[k].shape for k in a)
            """
        let compared = try run(
            "/usr/bin/python3", ["-c", compare], folder: fixture.folder.path(""))
        #expect(compared.exitCode == 0, "\(compared.error)")
    }

    @Test func theOriginIsShown() throws {
        let script = """
            import numpy as np, os
            os.makedirs("mine")
            np.savez("mine/step_3.npz", w=np.ones((2, 2), np.float32))
            open("mine/notes.txt", "w").write("x")
            """
        try #require(
            run("/usr/bin/python3", ["-c", script], folder: fixture.folder.path("")).exitCode == 0)
        try #require(fixture.cairn(["import", "mine"]).exitCode == 0)
        let shown = try fixture.cairn(["show", "mine", "--origin"])
        #expect(shown.exitCode == 0, "\(shown.error)")
        #expect(shown.output.contains("step_3.npz") && shown.output.contains("values found"))
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
        try fixture.trainTiny()
        try fixture.expectRefusal(
            ["show", "tiny", "--origin"], exitCode: 1, mentions: ["no plan of an import"])
        try fixture.expectRefusal(
            ["export", "tiny", "--to", "t.npz", "--original-names"], exitCode: 2,
            mentions: ["was not imported"])
    }

    /// Nothing says the step: the weights are refused, with the option that gives it.
    @Test func anUnknownStepIsRefused() throws {
        let script = """
            import numpy as np
            np.savez("weights.npz", w=np.ones((2, 2), np.float32))
            """
        try #require(
            run("/usr/bin/python3", ["-c", script], folder: fixture.folder.path("")).exitCode == 0)
        try fixture.expectRefusal(
            ["import", "weights.npz"], exitCode: 1, mentions: ["--step N", "at which step"])
        #expect(try fixture.cairn(["import", "weights.npz", "--step", "0"]).exitCode == 0)
    }
}
