import Foundation
import TestSupport
import Testing

/// `cairn sql` as a person at a terminal meets it.
@Suite struct PromptTests {
    private static let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        try fixture.trainTiny()
    }

    private func start(_ arguments: String...) throws -> PseudoTerminal {
        try PseudoTerminal(
            cairnExecutable(), arguments,
            environment: [
                "CAIRN_ARCHIVE": fixture.archive, "HOME": fixture.folder.path,
                "XDG_STATE_HOME": "",
            ])
    }

    @Test func thePromptAnswersRemembersAndStops() throws {
        let terminal = try start("sql")
        _ = try terminal.read(upTo: "cairn> ")
        terminal.type("SELECT 40 + 2\r")
        _ = try terminal.read(upTo: "...> ")
        terminal.type("AS answer;\r")
        #expect(try terminal.read(upTo: "42").text.contains("answer"))
        _ = try terminal.read(upTo: "cairn> ")

        terminal.type("SELECT * FROM rnus;\r")
        #expect(
            try terminal.read(upTo: "did you mean runs").text.contains("line 1, column 15 at `rnus")
        )
        _ = try terminal.read(upTo: "cairn> ")

        terminal.type(Self.endless + ";\r")
        _ = try terminal.read(upTo: "FROM n;\u{1b}[K")
        usleep(300_000)
        terminal.interrupt()
        let stopped = try terminal.read(upTo: "interrupted")
        // A person would call one second late; the bound allows for a busy machine.
        #expect(stopped.seconds < 5)
        _ = try terminal.read(upTo: "cairn> ")

        // Up-arrow three times: the endless statement, the wrong one, the first.
        terminal.type("\u{1b}[A\u{1b}[A\u{1b}[A")
        _ = try terminal.read(upTo: "SELECT 40 + 2 AS answer;")
        terminal.type("\r")
        _ = try terminal.read(upTo: "42")
        _ = try terminal.read(upTo: "cairn> ")

        // Ctrl-C abandons the line, Ctrl-D ends the prompt.
        terminal.type("SELECT nothing\u{3}")
        _ = try terminal.read(upTo: "^C")
        _ = try terminal.read(upTo: "cairn> ")
        terminal.type("\u{4}")
        #expect(terminal.exitCode() == 0)
        let history = try String(
            contentsOfFile: fixture.folder.path(".cairn_history"), encoding: .utf8)
        #expect(history.hasPrefix("SELECT 40 + 2 AS answer;\nSELECT * FROM rnus;\n"))

        // The next session has the history of this one.
        let next = try start("sql")
        _ = try next.read(upTo: "cairn> ")
        next.type("\u{1b}[A\r")
        _ = try next.read(upTo: "42")
        _ = try next.read(upTo: "cairn> ")
        next.type(".quit\r")
        #expect(next.exitCode() == 0)
    }

    @Test func ctrlCEndsAStatementAtOnce() throws {
        let terminal = try start("sql", Self.endless)
        usleep(500_000)
        let clock = ContinuousClock()
        let before = clock.now
        terminal.interrupt()
        #expect(terminal.exitCode() == 130)
        #expect(clock.now - before < .seconds(5))
    }

    @Test func filesStandardInputAndAttachedFilesAreRead() throws {
        let file = fixture.folder.path("it's a \"question\" é.sql")
        try "SELECT 1 AS a;\n-- two\nSELECT name FROM runs;\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        #expect(try fixture.cairn(["sql", file, "--csv"]).output == "a\n1\nname\ntiny\n")
        #expect(try fixture.cairn(["sql", "--csv"], input: "SELECT 2 AS b").output == "b\n2\n")
        #expect(
            try fixture.cairn(["sql", "-", "--nl"], input: "SELECT 'é''\"' AS \"x y\"").output
                == "{\"x y\": \"é'\\\"\"}\n")
        let nul = try fixture.cairn(["sql"], input: "SELECT 1;\0SELECT 2")
        #expect(nul.exitCode != 0 && nul.error.hasPrefix("cairn: "), "\(nul)")
        let other = try CommandLineFixture()
        try other.trainTiny(name: "elsewhere")
        let attached = try fixture.cairn([
            "sql", "--attach", "o=\(other.archive)/index.sqlite", "--csv",
            "SELECT name FROM runs UNION ALL SELECT name FROM o.runs",
        ])
        #expect(attached.output == "name\ntiny\nelsewhere\n", "\(attached.error)")
    }

    @Test func theResultsOfACheckpointAreShown() throws {
        for kind in ["norms", "fourier", "progress", "geometry", "tails"] {
            #expect(try fixture.cairn(["analyze", kind, "--quiet"]).exitCode == 0, "\(kind)")
        }
        for options in [["--top", "2"], ["--trace"], ["--density"], ["--blocks"], ["--keskar"]] {
            let result = try fixture.cairn(
                ["analyze", "hessian", "--steps", "last", "--quiet"] + options)
            #expect(result.exitCode == 0, "\(options) \(result.error)")
        }
        let shown = try fixture.cairn(["show", "tiny@last"])
        #expect(shown.exitCode == 0)
        let expected = [
            "weight_norms", "fourier_spectra", "progress_measures", "measurements",
            "hessian_eigenvalues", "hessian_traces", "hessian_densities", "hessian_blocks",
            "sharpness_measures",
        ]
        // The norms and the eigenvalues stand in the report itself, the other views are named.
        let lines = shown.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 48, "two screens")
        for view in expected where view != "weight_norms" && view != "hessian_eigenvalues" {
            #expect(lines.contains { $0.hasPrefix("\(view) ") }, "\(view)")
        }
        #expect(lines.contains { $0.hasPrefix("total ") })
        #expect(lines.contains { $0.hasPrefix("top eigenvalues (hessian, train)  ") })
        #expect(lines.contains { $0.hasPrefix("test_accuracy ") })
        #expect(shown.error.contains("SELECT * FROM curvature_measures WHERE run = "))
        #expect(!shown.output.contains("SHA-256"))
        let digests = try fixture.cairn(["show", "tiny@last", "--digests"]).output
        #expect(
            digests.matches(of: /[0-9a-f]{64}/).count == lines.filter { $0.contains("[") }.count + 1
        )
        let json = try fixture.cairn(["show", "tiny@last", "--json"]).output
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let results = try #require(object["results"] as? [String: [[String: Any]]])
        #expect(Set(results.keys).isSuperset(of: expected))
        #expect((results["hessian_eigenvalues"]?.count ?? 0) >= 2)
        #expect(results["weight_norms"]?.contains { $0["tensor"] as? String == "total" } == true)
    }
}
