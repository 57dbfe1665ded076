import Checkpoints
import Foundation
import TestSupport
import Testing

/// Steps that are not stored are recomputed, for a look and for analyses.
@Suite struct AnyStepTests {
    @Test func aReplayBeginsAtTheNearestKeptState() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "dense", ["--checkpoint-every", "1"])
        try fixture.trainTiny(name: "kept", ["--optimizer-states", "every 20"])
        try fixture.trainTiny(name: "newest")
        for (run, origin) in [("kept", 20), ("newest", 0)] {
            let replayed = try fixture.cairn(["replay", "\(run)@33", "--json"])
            let row = try #require(try objects(replayed.output).first, "\(replayed.error)")
            #expect(row["computed_from"] as? Int == origin)
            #expect(row["proof"] as? String == "identical")
            #expect(row["digest"] as? String == (try digest("dense", 33, fixture)))
        }
        // Of a stored step nothing is recomputed, and the proof says so.
        let stored = try objects(fixture.cairn(["replay", "dense@33", "--json"]).output)
        #expect(
            stored.first?["proof"] as? String
                == "stored with the digest that training recorded; nothing was recomputed")
        try fixture.expectRefusal(
            CommandLineFixture.tiny + ["--optimizer-states", "some"], exitCode: 2,
            mentions: ["optimizer_states", "every N"])
    }

    @Test func analysesTakeAnyStepOfATrainedRun() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "dense", ["--checkpoint-every", "1"])
        try fixture.trainTiny(name: "sparse", ["--checkpoint-every", "20"])
        let first = try fixture.cairn(["analyze", "norms", "sparse@33", "--json"])
        #expect(first.exitCode == 0, "\(first.error)")
        #expect(first.error.contains("1 computed"))
        let several = try fixture.cairn(["analyze", "norms", "sparse", "--steps", "20,33,35"])
        #expect(several.error.contains("2 computed") && several.error.contains("1 were up to date"))
        _ = try fixture.cairn(["analyze", "norms", "dense"])
        let rows = try objects(
            fixture.cairn(
                [
                    "sql", "--json",
                    """
                    SELECT s.step, a.digest, a.stale, s.l2 = d.l2 AS is_equal
                    FROM weight_norms AS s
                    JOIN analyses AS a ON a.analysis = s.analysis
                    JOIN weight_norms AS d ON d.step = s.step AND d.tensor = s.tensor
                    JOIN runs AS rs ON rs.run = s.run AND rs.name = 'sparse'
                    JOIN runs AS rd ON rd.run = d.run AND rd.name = 'dense'
                    WHERE s.tensor = 'total' ORDER BY s.step
                    """,
                ]
            ).output)
        #expect(rows.map { $0["step"] as? Int } == [20, 33, 35])
        for row in rows {
            let step = try #require(row["step"] as? Int)
            #expect(row["digest"] as? String == (try digest("dense", step, fixture)))
            #expect(row["stale"] as? Int == 0)
            #expect(row["is_equal"] as? Int == 1)
        }
        let curvature = try fixture.cairn(
            ["analyze", "hessian", "sparse@33", "--top", "2", "--json", "--quiet"])
        #expect(try objects(curvature.output).count == 2, "\(curvature.error)")
        try fixture.expectRefusal(
            ["analyze", "norms", "sparse@41"], exitCode: 1, mentions: ["step 41", "nearest is 40"])
    }

    @Test func exportsTakeAnyStepOfATrainedRun() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(
            name: "dense", ["--checkpoint-every", "1", "--optimizer-states", "all"])
        try fixture.trainTiny(name: "sparse", ["--checkpoint-every", "20"])
        for run in ["dense", "sparse"] {
            let exported = try fixture.cairn([
                "export", "\(run)@33", "--optimizer", "--to",
                fixture.folder.path + "/\(run).npz",
            ])
            #expect(exported.exitCode == 0, "\(exported.error)")
            #expect(exported.error.contains("bits that training had") == (run == "sparse"))
        }
        // The comment at the end of the archive names run and step; everything before is arrays.
        let files = try ["dense", "sparse"].map {
            let file = try Data(
                contentsOf: fixture.folder.url.appendingPathComponent("\($0).npz"))
            let end = try #require(file.range(of: Data("PK\u{5}\u{6}".utf8), options: .backwards))
            return file[..<end.lowerBound]
        }
        #expect(files[0] == files[1] && !files[0].isEmpty)
        try fixture.expectRefusal(
            ["fork", "sparse@200", "--steps", "300"], exitCode: 1,
            mentions: ["step 200", "0...40"])
        try fixture.expectRefusal(
            ["export", "sparse@41", "--to", fixture.folder.path + "/late.npz"], exitCode: 1,
            mentions: ["step 41", "40"])
    }

    /// A forked run is recomputed from the state that it began with, whether its parent had it, it
    /// was recomputed, or its memory started empty.
    @Test func everyStepOfAForkIsRecomputed() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "parent", ["--batch", "5"])
        let changes = [
            "kept": ["parent@40", "--weight-decay", "0.5"],
            "between": ["parent@33", "--weight-decay", "0.5"],
            "empty": ["parent@40", "--optimizer", "sgd", "--momentum", "0.9"],
        ]
        for (name, change) in changes.sorted(by: { $0.key < $1.key }) {
            let forked = try fixture.cairn(
                ["fork"] + change + ["--name", name, "--steps", "80", "--quiet"])
            #expect(forked.exitCode == 0, "\(forked.error)")
            _ = try fixture.cairn(["pack", name])
            let replayed = try fixture.cairn(["replay", "\(name)@57", "--json"])
            #expect(replayed.exitCode == 0, "\(name): \(replayed.error)")
            let row = try #require(try objects(replayed.output).first, "\(replayed.error)")
            #expect(row["computed_from"] as? Int == (name == "between" ? 33 : 40))
            #expect(row["proof"] as? String == "identical")
        }
    }

    private func digest(_ run: String, _ step: Int, _ fixture: CommandLineFixture) throws -> String
    {
        let rows = try objects(
            fixture.cairn(
                [
                    "sql", "--json", "-p", "name=\(run)", "-p", "step=\(step)",
                    """
                    SELECT digest FROM checkpoints JOIN runs USING (run)
                    WHERE name = :name AND step = CAST(:step AS INTEGER)
                    """,
                ]
            ).output)
        return try #require(rows.first?["digest"] as? String)
    }
}
