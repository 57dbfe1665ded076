import Foundation
import TestSupport
import Testing

/// Other runs of the published layouts: each analysis gives rows or says what it lacks.
@Suite struct LayoutVariantTests {
    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Examples/make_layout_variants.py").path
        let made = try run("/usr/bin/python3", [script, fixture.folder.path("runs")])
        try #require(made.exitCode == 0, "\(made.error)")
    }

    private static let kinds = [
        ["norms"], ["tails"], ["fourier"], ["fourier", "--network"], ["progress"], ["geometry"],
        ["hessian", "--top", "2"], ["grokking"],
    ]

    private func add(_ name: String) throws -> (row: [String: Any], notes: String) {
        let path = name.hasPrefix("lens") ? "runs/\(name).pth" : "runs/\(name)"
        let result = try fixture.cairn(["import", path, "--name", name, "--json"])
        try #require(result.exitCode == 0, "\(result.error)")
        return (try #require(try objects(result.output).first), result.error)
    }

    /// The kinds that give no rows, with what they say.
    private func silent(_ name: String) throws -> [String: String] {
        var silent: [String: String] = [:]
        for kind in Self.kinds {
            let steps = kind[0] == "grokking" ? [] : ["--steps", "last"]
            let result = try fixture.cairn(
                ["analyze"] + kind + [name, "--trust-network"] + steps + ["--json"])
            #expect([0, 1].contains(result.exitCode), "\(kind) \(name): \(result.error)")
            let rows = result.exitCode == 0 ? try objects(result.output) : []
            if rows.isEmpty {
                #expect(!result.error.isEmpty, "\(kind) \(name) says nothing")
                silent[kind.joined(separator: " ")] = result.error
            }
        }
        return silent
    }

    @Test(arguments: [
        ("C7_T_seed1", "compose in C7"), ("D5_T_seed1", "compose in D5"),
        ("S5_T_seed1", "compose in S5"), ("A5_MLP_seed1", "compose in A5"),
        ("grok_divide", "divide mod 97"), ("grok_s5", "compose in S5"),
        ("grok_s5conj", "conjugate in S5"), ("grok_noisy", "subtract mod 97"),
        ("lens_plain", "add mod 7"), ("lens_deep", "add mod 7"), ("lens_gelu", "add mod 7"),
    ])
    func knownNetworksAreAnalysed(name: String, task: String) throws {
        let (row, notes) = try add(name)
        #expect(row["task"] as? String == task, "\(notes)")
        let silent = try silent(name)
        for kind in ["norms", "geometry", "hessian --top 2", "grokking"] {
            #expect(silent[kind] == nil, "\(silent[kind] ?? "")")
        }
        // Networks this small have no tail, and layer norms or conjugation no measures of groups.
        for (kind, words) in silent {
            #expect(words.contains("Not possible: "), "\(kind): \(words)")
        }
        #expect(silent["tails"]?.contains("50 finite singular values") == true)
        if name.contains("_T_") || name.contains("MLP") || name == "lens_plain" {
            #expect(Array(silent.keys) == ["tails"], "\(silent)")
        }
    }

    @Test(arguments: [
        ("lens_rms", "the normalisation RMS"), ("lens_folded", "the normalisation LNPre"),
        ("lens_silu", "the activation silu"), ("lens_open", "not causal"),
        ("lens_attention", "no hidden layer after its attention"),
        ("grok_sort", "task is not known"),
    ])
    func otherNetworksComeInWithTheirWeights(name: String, reason: String) throws {
        let (row, notes) = try add(name)
        #expect(row["task"] as? String == "" && row["checkpoints"] as? Int == 2)
        #expect(notes.contains(reason), "\(notes)")
        let silent = try silent(name)
        #expect(silent["norms"] == nil)
        for kind in ["hessian --top 2", "progress"] {
            #expect(silent[kind]?.contains("Not possible: run ") == true, "\(kind)")
        }
    }

    /// The first rows of the shuffled order have answers that were drawn again.
    @Test func noisyAnswersAreThoseOfTheCode() throws {
        _ = try add("grok_noisy")
        let result = try fixture.cairn([
            "sql", "SELECT configuration FROM configurations", "--json",
        ])
        let text = try #require(try objects(result.output).first?["configuration"] as? String)
        #expect(
            text.contains("\"label_noise\":50") && text.contains("\"label_noise_rule\":\"code\""))
    }
}
