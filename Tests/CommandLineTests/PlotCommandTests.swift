import Foundation
import TestSupport
import Testing

/// `plot`, `report` and `watch` as a person uses them.
@Suite struct PlotCommandTests {
    private static let statement = "SELECT step, value, name FROM metrics ORDER BY name, step"

    private static func fixture() throws -> CommandLineFixture {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        return fixture
    }

    @Test func picturesAreListedDrawnAndWritten() throws {
        let fixture = try PlotCommandTests.fixture()
        let list = try fixture.cairn(["plot", "--json"])
        #expect(try objects(list.output).contains { $0["name"] as? String == "loss_curves" })
        let drawn = try fixture.cairn(["plot", "loss_curves", "tiny"])
        #expect(drawn.exitCode == 0 && drawn.output.contains("Loss over steps"), "\(drawn.error)")
        let path = fixture.folder.path("loss.svg")
        let written = try fixture.cairn(["plot", "loss_curves", "tiny", "--to", path])
        #expect(written.exitCode == 0, "\(written.error)")
        let first = try String(contentsOfFile: path, encoding: .utf8)
        #expect(first.hasPrefix("<?xml") && first.contains("width=\"89mm\""))
        try fixture.cairn(["plot", "loss_curves", "tiny", "--to", path])
        #expect(try String(contentsOfFile: path, encoding: .utf8) == first, "not the same bytes")
        let rows = try fixture.cairn(["plot", "loss_curves", "tiny", "--data", "--csv"])
        #expect(rows.output.hasPrefix("run,curve,step,value\n"))
    }

    @Test func anyStatementIsDrawn() throws {
        let fixture = try PlotCommandTests.fixture()
        let path = fixture.folder.path("any.svg")
        let result = try fixture.cairn([
            "plot", "--sql", PlotCommandTests.statement, "--x", "step", "--y", "value", "--facet",
            "name", "--x-scale", "log-step", "--title", "A & B", "--width", "page", "--to", path,
        ])
        #expect(result.exitCode == 0, "\(result.error)")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains("A &amp; B") && text.contains("width=\"183mm\""))
    }

    @Test func badInputIsOneSentenceAndLeavesNoFile() throws {
        let fixture = try PlotCommandTests.fixture()
        let statement = ["plot", "--sql", PlotCommandTests.statement]
        let target = ["--to", fixture.folder.path("no.svg")]
        func refuse(_ arguments: [String], _ exitCode: Int = 2, _ mentions: String...) throws {
            try fixture.expectRefusal(arguments, exitCode: exitCode, mentions: mentions)
        }
        try refuse(statement + ["--x", "stepp", "--y", "value"] + target, 2, "no column stepp")
        try refuse(statement + ["--x", "name", "--y", "value"] + target, 2, "holds text")
        try refuse(statement + ["--x", "step"], 2, "y=COLUMN")
        try refuse(
            ["plot", "--sql", "SELECT 1 AS a, 0 AS b", "--x", "a", "--y", "b", "--log-y"] + target,
            2, "no value is above 0")
        try refuse(
            [
                "plot", "--sql", "SELECT step, value FROM metrics WHERE 0", "--x", "step", "--y",
                "value",
            ] + target, 2, "the answer is empty")
        try refuse(["plot", "los_curves", "tiny"], 2, "did you mean loss_curves")
        try refuse(["plot", "tensor_spectrum"], 2, "it is of one run")
        try refuse(["plot", "hessian_density", "tiny"] + target, 1, "cairn analyze hessian")
        try refuse(["plot", "loss_curves", "tiny", "--to", "a.gif"], 2, ".svg, .pdf or .png")
        try refuse(["plot", "loss_curves", "tiny", "--width", "wide"], 2, "--width wide")
        try refuse(
            ["plot", "loss_curves", "tiny", "--to", fixture.folder.path("none/a.svg")], 1, "none")
        try refuse(["watch"], 2, "needs a terminal")
        try refuse(["report", "--to", fixture.folder.path("r.html")], 2, "no run is named")
        if FileManager.default.fileExists(atPath: "/dev/full") {
            try refuse(["plot", "loss_curves", "tiny", "--to", "/dev/full/a.svg"], 1, "/dev/full")
        }
    }

    @Test func conversionsNeedTheirProgram() throws {
        let fixture = try PlotCommandTests.fixture()
        let result = try fixture.cairn(
            ["plot", "loss_curves", "tiny", "--to", fixture.folder.path("loss.pdf")],
            environment: ["PATH": fixture.folder.path])
        #expect(result.exitCode == 1 && result.error.contains("librsvg2-bin"), "\(result.error)")
    }

    private static let hasConverter = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/rsvg-convert")

    @Test(.enabled(if: hasConverter, "rsvg-convert is not installed"))
    func librsvgTakesTheFile() throws {
        let fixture = try PlotCommandTests.fixture()
        for (ending, mark) in [("pdf", "%PDF"), ("png", "PNG")] {
            let path = fixture.folder.path("loss." + ending)
            let result = try fixture.cairn(["plot", "accuracy_curves", "tiny", "--to", path])
            #expect(result.exitCode == 0, "\(result.error)")
            let head = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(8)
            #expect(String(decoding: head, as: UTF8.self).contains(mark))
        }
    }

    @Test func aReportIsOneFileThatAsksNobody() throws {
        let fixture = try CommandLineFixture()
        let name = "<script>alert(1)</script>"
        for seed in 1...3 { try fixture.trainTiny(name: name, ["--seed", "\(seed)"]) }
        try fixture.cairn(["analyze", "grokking"])
        try fixture.cairn(["analyze", "norms"])
        let ids = try objects(try fixture.cairn(["ls", "--json"]).output)
            .compactMap { $0["run"] as? String }
        let path = fixture.folder.path("report.html")
        let result = try fixture.cairn(["report"] + ids + ["--to", path])
        #expect(result.exitCode == 0, "\(result.error)")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(!text.contains("<script") && text.contains("&lt;script&gt;"))
        #expect(!text.contains("src=") && !text.contains("href="))
        for heading in ["What varied", "Runs", "Pictures", "How each number", "Commands"] {
            #expect(text.contains("<h2>\(heading)"), "\(heading)")
        }
        #expect(text.contains("<svg") && ids.allSatisfy(text.contains))
        #expect(text.utf8.count < 2_000_000)
    }

    @Test func curvesAreWatchedInATerminal() throws {
        let fixture = try PlotCommandTests.fixture()
        let terminal = try PseudoTerminal(
            cairnExecutable(), ["watch", "tiny", "--archive", fixture.archive])
        _ = try terminal.read(upTo: "accuracy")
        terminal.type("\u{1b}[C")
        _ = try terminal.read(upTo: "loss")
        terminal.type("q")
        _ = try terminal.read(upTo: "\u{1b}[?1049l")
    }

    @Test func showDrawsSmallCurvesOnATerminal() throws {
        let fixture = try PlotCommandTests.fixture()
        let terminal = try PseudoTerminal(
            cairnExecutable(), ["show", "tiny", "--archive", fixture.archive])
        _ = try terminal.read(upTo: "accuracy")
        _ = try terminal.read(upTo: "loss (nats)")
    }
}
