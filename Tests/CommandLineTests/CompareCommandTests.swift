import Foundation
import TestSupport
import Testing

@testable import cairn

@Suite struct CompareCommandTests {
    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "one", ["--weight-decay", "1"])
        try fixture.trainTiny(name: "two", ["--weight-decay", "0.5"])
        try fixture.trainTiny(name: "three", ["--weight-decay", "1"])
    }

    @Test func runsStandSideBySideWithWhatDiffers() throws {
        let result = try fixture.cairn(["compare", "one", "two"])
        #expect(result.exitCode == 0, "\(result.error)")
        let lines = result.output.split(separator: "\n").map {
            $0.split(separator: " ").map(String.init)
        }
        #expect(lines[0] == ["run", "one", "two"])
        #expect(lines.contains(["weight_decay", "1.0", "0.5"]))
        #expect(!lines.contains { $0.first == "modulus" || $0.first == "seed" })
        for name in ["label", "gap", "last_test_accuracy"] {
            #expect(lines.contains { $0.first == name }, "\(name)")
        }
        #expect(result.error.contains("settings are the same for all"))
        #expect(!result.error.contains("The same weights"))
    }

    @Test func programsGetARunALine() throws {
        let rows = try objects(fixture.cairn(["compare", "one", "two", "--json"]).output)
        #expect(rows.map { $0["name"] as? String } == ["one", "two"])
        #expect(rows.map { $0["weight_decay"] as? Double } == [1, 0.5])
        let csv = try fixture.cairn(["compare", "one", "two", "--csv"]).output
        #expect(csv.hasPrefix("run,name,") && csv.filter(\.isNewline).count == 3)
    }

    @Test func runsThatEndWithTheSameWeightsAreNamed() throws {
        let result = try fixture.cairn(["compare", "one", "three", "two"])
        #expect(result.error.contains("The same weights at the last step: one, three."))
        #expect(try fixture.cairn(["compare", "one", "three", "--quiet"]).error.isEmpty)
    }

    @Test func aSweepIsComparedAndFitsATerminal() throws {
        let sweep = fixture.folder.path("decay.yaml")
        try """
        settings: {operation: add, modulus: 7, network: mlp, embedding_width: 4, hidden_width: 8, \
        steps: 20, train_fraction: 0.5}
        grid: {weight_decay: [0.1, 0.3, 1, 3]}
        seeds: 2
        """.write(toFile: sweep, atomically: true, encoding: .utf8)
        let trained = try fixture.cairn(["sweep", sweep, "--quiet"])
        try #require(trained.exitCode == 0, "\(trained.error)")
        let rows = try objects(fixture.cairn(["compare", "-p", "sweep=decay", "--json"]).output)
        #expect(rows.count == 8)
        let terminal = try PseudoTerminal(
            cairnExecutable(), ["compare", "-p", "sweep=dec*"],
            environment: ["CAIRN_ARCHIVE": fixture.archive])
        let shown = try terminal.read(upTo: "are the same for all").text
        #expect(terminal.exitCode() == 0)
        let table = shown.split(whereSeparator: \.isNewline).prefix { !$0.hasPrefix("Left out") }
        #expect(table.allSatisfy { DisplayWidth.of(String($0)) <= 80 })
        #expect(table.first?.contains("weight_decay") == true)
    }

    @Test func whatCannotBeComparedIsRefused() throws {
        try fixture.expectRefusal(["compare"], exitCode: 2, mentions: ["no runs are named"])
        try fixture.expectRefusal(["compare", "one"], exitCode: 2, mentions: ["at least two"])
        try fixture.expectRefusal(
            ["compare", "one", "one"], exitCode: 2, mentions: ["at least two"])
        try fixture.expectRefusal(["compare", "one", "twoo"], exitCode: 1, mentions: ["twoo"])
        try fixture.expectRefusal(
            ["compare", "-p", "seed=1"], exitCode: 2, mentions: ["-p sweep=NAME"])
        try fixture.expectRefusal(
            ["compare", "-p", "sweep=none"], exitCode: 1, mentions: ["no such sweep"])
    }

    /// A question about a name that is not there would have an empty answer.
    @Test(arguments: [
        (["query", "best_runs", "-p", "metric=test_acuracy"], "did you mean test_accuracy?"),
        (["query", "share_grokked", "-p", "setting=wieght_decay"], "did you mean weight_decay?"),
        (["query", "singular_value_curves", "-p", "run=one", "-p", "tensor=hiden"], "hidden"),
        (["plot", "norm_curves", "one", "-p", "tensor=no*"], "no run has such a tensor"),
        (["query", "time_by_weight_decay", "-p", "sweep=x"], "no such sweep"),
    ]) func aParameterThatMatchesNothingIsSaid(arguments: [String], mention: String) throws {
        try fixture.expectRefusal(arguments, exitCode: 1, mentions: ["parameter", mention])
    }
}
