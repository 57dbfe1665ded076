import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite struct AnalyzeCommandTests {
    @Test("an option that a kind does not have is wrong usage")
    func optionsBelongToTheirKind() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        for arguments in [
            ["norms", "--top", "10"], ["grokking", "--trace"], ["hessian", "--keys", "1"],
            ["fourier", "--threshold", "0.5"], ["tails", "--split", "test"],
        ] {
            try fixture.expectRefusal(
                ["analyze"] + arguments, exitCode: 2, mentions: [arguments[1], arguments[0]])
        }
        try fixture.expectRefusal(
            ["analyze", "fourier", "--axis", "1"], exitCode: 2, mentions: ["--tensor"])
    }

    @Test("without a kind the kinds are listed, and each has help of its own")
    func kindsAreListed() throws {
        let fixture = try CommandLineFixture()
        let kinds = try objects(fixture.cairn(["analyze", "--json"]).output)
        let names = kinds.compactMap { $0["kind"] as? String }
        #expect(
            names == [
                "norms", "tails", "fourier", "progress", "geometry", "topology", "similarity",
                "hessian", "gradients", "landscape", "learning_coefficient", "grokking",
            ])
        for name in names {
            let help = try fixture.cairn(["analyze", name, "--help"])
            #expect(help.exitCode == 0)
            #expect(help.output.contains("cairn analyze \(name)"))
            #expect(help.output.contains("--lanczos-steps") == (name == "hessian"), "\(name)")
        }
    }

    @Test("the steps that were asked for are printed, by step, and no others")
    func stepsAskedFor() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        #expect(try fixture.cairn(["analyze", "hessian", "--steps", "all", "-q"]).exitCode == 0)
        let result = try fixture.cairn(
            ["analyze", "hessian", "--steps", "30,0", "--top", "2", "--json"])
        let rows = try objects(result.output)
        #expect(rows.compactMap { $0["step"] as? Int } == [0, 0, 30, 30], "\(result.error)")
        #expect(rows.compactMap { $0["rank"] as? Int } == [1, 2, 1, 2])
    }

    @Test("a tensor named total and a damaged run do not keep the others from their analysis")
    func othersGoOn() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "a")
        try fixture.trainTiny(name: "b", ["--seed", "1"])
        let run = try #require(
            try objects(
                fixture.cairn(["sql", "--json", "SELECT run FROM runs WHERE name = 'a'"]).output
            )
            .first?["run"] as? String)
        let folder = fixture.archive + "/runs/" + run
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        for file in files where file.hasPrefix("pack-") {
            try Data("no HDF5".utf8).write(to: URL(fileURLWithPath: folder + "/" + file))
        }
        let result = try fixture.cairn(["analyze", "norms", "--quiet"])
        #expect(result.exitCode != 0, "\(result.error)")
        #expect(result.error.contains("cairn: "))
        let counts = try objects(
            fixture.cairn([
                "sql", "--json",
                "SELECT name, count(DISTINCT step) AS n FROM weight_norms JOIN runs USING (run) GROUP BY name",
            ]).output)
        #expect(counts.first { $0["name"] as? String == "b" }?["n"] as? Int == 5)
    }

    @Test("a long answer is summed up for people and whole for programs")
    func summary() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(["--checkpoint-every", "1"])
        let short = try fixture.cairn(["analyze", "norms"])
        #expect(short.error.contains("--rows"), "\(short.error)")
        let lines = short.output.split(separator: "\n").count
        let all = try fixture.cairn(["analyze", "norms", "--rows"])
        #expect(all.output.split(separator: "\n").count - 2 == 41 * (lines - 2))
        #expect(
            try objects(fixture.cairn(["analyze", "norms", "--json"]).output).count == 41
                * (lines - 2))
    }
}
