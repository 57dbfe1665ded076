import Foundation
import TestSupport
import Testing

/// Networks that learn from arrays of the user's own, from the file to the analyses years later.
@Suite struct DataCommandTests {
    private static let network = [
        "--network", "feedforward", "--widths", "6,5", "--steps", "30", "--checkpoint-every", "10",
        "--evaluate-every", "10", "--quiet", "--json", "--seed", "3",
    ]

    /// A table of two classes that a line divides, or of real answers.
    private static func write(
        _ fixture: CommandLineFixture, _ name: String = "table.csv", real: Bool = false
    ) throws -> String {
        var text = "a,b,c,answer\n"
        for row in 0..<30 {
            let (a, b, c) = (sin(Double(row)), cos(1.7 * Double(row)), sin(0.3 * Double(row)))
            text += "\(a),\(b),\(c),\(real ? "\(a * b)" : a + b > 0 ? "1" : "0")\n"
        }
        let path = fixture.folder.path(name)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private static func train(
        _ fixture: CommandLineFixture, _ more: [String]
    ) throws -> [String: Any] {
        let result = try fixture.cairn(["train"] + network + more)
        try #require(result.exitCode == 0, "\(result.error)")
        return try #require(try objects(result.output).first)
    }

    @Test func arraysLiveInTheArchiveOnce() throws {
        let fixture = try CommandLineFixture()
        let table = try Self.write(fixture)
        let data = ["--data", table, "--train-fraction", "0.5"]
        _ = try Self.train(fixture, data + ["--name", "one"])
        _ = try Self.train(fixture, data + ["--name", "two", "--filter", "ema"])
        let kept = try FileManager.default.contentsOfDirectory(atPath: fixture.archive + "/data")
        #expect(kept.count == 1)
        // The file may go: everything goes on from the archive.
        try FileManager.default.removeItem(atPath: table)
        for command in [
            ["replay", "one@25", "--json"],
            ["fork", "one@10", "--steps", "20", "--json", "--quiet"],
            ["analyze", "hessian", "one", "--quiet"], ["analyze", "norms", "one", "--quiet"],
            ["analyze", "geometry", "one", "--quiet"],
            ["verify", "--quiet"],
        ] {
            let result = try fixture.cairn(command)
            #expect(result.exitCode == 0, "\(command): \(result.error)")
        }
        let sql = try objects(
            fixture.cairn([
                "sql", "--json",
                "SELECT count(DISTINCT value) AS n FROM hyperparameters "
                    + "WHERE name = 'data'",
            ]).output)
        #expect(sql.first?["n"] as? Int == 1)
    }

    @Test func anotherArchiveGetsTheArraysWithTheRuns() throws {
        let fixture = try CommandLineFixture()
        let table = try Self.write(fixture)
        _ = try Self.train(fixture, ["--data", table, "--example-count", "20", "--name", "one"])
        let other = fixture.folder.path("other")
        let merged = try fixture.cairn(["merge", "--archive", other, fixture.archive])
        #expect(merged.exitCode == 0, "\(merged.error)")
        let replayed = try fixture.cairn(["replay", "--archive", other, "one@25", "--json"])
        #expect(replayed.exitCode == 0, "\(replayed.error)")
    }

    @Test func changedArraysAreAnError() throws {
        let fixture = try CommandLineFixture()
        let table = try Self.write(fixture)
        let data = ["--data", table, "--example-count", "20"]
        _ = try Self.train(fixture, data + ["--name", "far", "--data-by-reference"])
        #expect(try fixture.cairn(["replay", "far@25"]).exitCode == 0)
        let text = try String(contentsOfFile: table, encoding: .utf8)
        try (text + "1,1,1,0\n").write(toFile: table, atomically: true, encoding: .utf8)
        let changed = try fixture.cairn(["replay", "far@25"])
        #expect(changed.exitCode != 0 && changed.error.contains("not those that the run learnt"))
        // The same for arrays that the archive keeps.
        _ = try Self.train(fixture, data + ["--name", "near"])
        let names = try FileManager.default.contentsOfDirectory(atPath: fixture.archive + "/data")
        let name = try #require(names.first { $0.hasSuffix(".h5") })
        let url = URL(fileURLWithPath: fixture.archive + "/data/" + name)
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: url)
        let verified = try fixture.cairn(["verify", "--json"])
        #expect(verified.exitCode == 3 && verified.output.contains(name), "\(verified.output)")
    }

    /// Real answers have losses alone; times are told by them, beside the loss of guessing.
    @Test func realAnswersNeedNoAccuracy() throws {
        let fixture = try CommandLineFixture()
        let table = try Self.write(fixture, real: true)
        let row = try Self.train(
            fixture,
            [
                "--data", table, "--example-count", "20", "--loss", "mean_squared_error", "--name",
                "r",
            ])
        #expect(row["train_accuracy"] is NSNull && row["train_loss"] is Double)
        for command in [["ls", "--json"], ["show", "r", "--json"]] {
            let result = try fixture.cairn(command)
            #expect(result.exitCode == 0, "\(command): \(result.error)")
        }
        let times = try fixture.cairn(
            ["analyze", "grokking", "r", "--loss-threshold", "0.5", "--json"])
        #expect(times.exitCode == 0, "\(times.error)")
        let rows = try objects(times.output)
        #expect(Set(rows.compactMap { $0["metric"] as? String }) == ["test_loss"])
        // The loss of guessing is the variance of the 30 answers; the threshold is half of it.
        let answers = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n")
            .dropFirst().compactMap { $0.split(separator: ",").last.flatMap { Double($0) } }
        let mean = answers.reduce(0, +) / Double(answers.count)
        let variance =
            answers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(answers.count)
        for row in rows {
            let chance = try #require(row["chance"] as? Double)
            let threshold = try #require(row["threshold"] as? Double)
            #expect(abs(chance - variance) <= 1e-6 * variance)
            #expect(abs(threshold - 0.5 * chance) <= 1e-12 * chance)
        }
    }

    @Test func unclearDataAreRefusedInOneSentence() throws {
        let fixture = try CommandLineFixture()
        let table = try Self.write(fixture)
        let real = try Self.write(fixture, "real.csv", real: true)
        for (more, mentions) in [
            (["--data", table], ["test arrays"]), (["--answers", "a"], ["--data"]),
            (["--data", table, "--example-count", "31"], ["31"]),
            (["--data", table, "--answers", "x"], ["column x"]),
            (["--data", real, "--example-count", "20"], ["real numbers"]),
            (["--data", table, "--example-count", "20", "--network", "mlp"], ["mlp"]),
            (["--data", fixture.folder.path("none.npz")], ["none.npz"]),
            (["--data", table, "--example-count", "20", "--modulus", "7"], ["modulus"]),
        ] {
            let result = try fixture.cairn(["train"] + Self.network + more)
            #expect(result.exitCode != 0, "\(more)")
            #expect(
                mentions.allSatisfy(result.error.contains)
                    && result.error.split(separator: "\n").count == 1, "\(result.error)")
            #expect(!FileManager.default.fileExists(atPath: fixture.archive))
        }
    }
}
